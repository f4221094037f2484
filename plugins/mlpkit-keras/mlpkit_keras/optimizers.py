"""Keras optimizers as solvers: their own arithmetic, over all weights at once."""

import json
import os
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np

from mlpkit.plugin import Arrays, Joint, PluginError, Recipe, Solver
from mlpkit_keras import _OWN
from mlpkit_keras.runtime import STEPS, active_keras, building, keras_for, to_numpy

PREFIX = "optimizer"
RATE = "learning_rate"
FILL = np.pi  # a value that no slot begins with by itself


class KerasOptimizer:
    """An optimizer by its class and config; equal ones are one object (`interned`)."""

    def __init__(self, cls: Any, config: str, backend: str) -> None:
        self.cls, self.config, self.backend = cls, config, backend

    def __reduce__(self) -> Any:
        return interned, (self.cls, self.config, self.backend)

    def start(self, arrays: Arrays) -> Arrays:
        """Slots of the trained weights, as Keras begins with them."""
        shapes = shapes_of(arrays)
        optimizer = self._made(shapes)
        copied = _copies(self, shapes)
        return {
            key: arrays[copied[key]].copy() if key in copied else to_numpy(v)
            for key, v in slots_of(optimizer).items()
        }

    def update(
        self, xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any
    ) -> tuple[Any, Any]:
        """One step, stateless. ``rate`` goes where the optimizer has no schedule of its own."""
        if xp is np:
            raise PluginError(
                "A Keras optimizer steps with backend='jax' or backend='tensorflow', not with"
                " 'numpy'."
            )
        names = sorted(weights)
        optimizer = self._made(shapes_of(weights))
        keys = slots_of(optimizer)
        values = {**optimizer_state}
        if f"{PREFIX}/0.{RATE}" in keys or f"{PREFIX}/1.{RATE}" in keys:
            key = next(key for key in keys if key.endswith(f".{RATE}"))
            values[key] = active_keras().ops.cast(learning_rate, keys[key].dtype)
        new, after = optimizer.stateless_apply(
            [values[key] for key in keys],
            [gradients[name] for name in names],
            [weights[name] for name in names],
        )
        return dict(zip(names, new, strict=True)), dict(zip(keys, after, strict=True))

    def _made(self, shapes: Any) -> Any:
        keras_for(self.backend)
        return _made(self, shapes)


@lru_cache(maxsize=256)
def interned(cls: Any, config: str, backend: str) -> KerasOptimizer:
    """The one object of these settings, so that compiled code is found again."""
    return KerasOptimizer(cls, config, backend)


@lru_cache(maxsize=64)
def _made(it: KerasOptimizer, shapes: tuple[tuple[str, tuple[int, ...], str], ...]) -> Any:
    """A live optimizer for weights of these shapes; its values mean nothing."""
    keras = active_keras()
    double = any(dtype == "float64" for _, _, dtype in shapes)
    with building("float64" if double else "float32"):
        cls = getattr(keras.optimizers, it.cls) if isinstance(it.cls, str) else it.cls
        optimizer = stateless(cls).from_config(json.loads(it.config))
        variables = [
            keras.Variable(
                np.full(shape, FILL + i, dtype), dtype=dtype, name=name.replace("/", "_")
            )
            for i, (name, shape, dtype) in enumerate(shapes)
        ]
        optimizer.build(variables)
    return optimizer


@lru_cache(maxsize=64)
def _copies(it: KerasOptimizer, shapes: tuple[tuple[str, tuple[int, ...], str], ...]) -> Any:
    """The slots that begin as a copy of a weight (ScheduleFreeAdamW), with its name."""
    weights = [
        (name, np.full(shape, FILL + i, dtype)) for i, (name, shape, dtype) in enumerate(shapes)
    ]
    optimizer_state = {key: to_numpy(v) for key, v in slots_of(_made(it, shapes)).items()}
    return {
        key: name
        for key, slot in optimizer_state.items()
        for name, weight in weights
        if slot.size and np.array_equal(slot, weight)
    }


def shapes_of(arrays: Mapping[str, Any]) -> tuple[tuple[str, tuple[int, ...], str], ...]:
    """Name, shape and dtype of each array, by name."""
    standard = active_keras().backend.standardize_dtype
    return tuple((name, tuple(a.shape), standard(a.dtype)) for name, a in sorted(arrays.items()))


def slots_of(optimizer: Any) -> dict[str, Any]:
    """The optimizer's variables under the names of slots."""
    return {f"{PREFIX}/{i}.{v.name}": v for i, v in enumerate(optimizer.variables)}


def stateless(cls: Any) -> Any:
    """The class with the methods that Keras's own base has and a backend writes over: those
    of TensorFlow work on its variables alone. A class of ours: Keras's stays as it is.
    """
    keras = active_keras()
    if keras.backend.backend() != "tensorflow":
        return cls
    bases = {c.__name__: c for c in keras.optimizers.Optimizer.__mro__}
    plain, special = bases["BaseOptimizer"], bases["TFOptimizer"]
    methods = {
        name: getattr(plain, name)
        for name in vars(special)
        if not name.startswith("__")
        and name != "add_variable_from_reference"
        and hasattr(plain, name)
    }
    between = type("Stateless", (keras.optimizers.Optimizer,), methods)
    return type(cls.__name__, (cls, between), {})


def solver_of(optimizer: Any) -> Solver:
    """The solver that does what this optimizer does, from its first step on."""
    keras = active_keras()
    cls = type(optimizer)
    if hasattr(optimizer, "inner_optimizer") or hasattr(optimizer, "optimizers"):
        raise ValueError(
            f"solver {cls.__name__}: an optimizer around others can't be used here. Give one of"
            " those inside, or use backend='keras', which lets Keras train."
        )
    with building("float32"):
        config = optimizer.get_config()
    unable = ["loss_scale_factor"] if config.get("loss_scale_factor") else []
    if keras.backend.backend() != "jax":  # they branch in a way that a graph can't follow
        unable += [name for name in ("gradient_accumulation_steps", "use_ema") if config.get(name)]
    if config.get("use_ema") and not config.get("ema_overwrite_frequency"):
        unable.append("use_ema without ema_overwrite_frequency")
    if unable:
        raise ValueError(
            f"solver {cls.__name__}: {', '.join(unable)} can't be used here. Leave it out, or"
            " compile the model with the optimizer and use backend='keras', which lets Keras"
            " train."
        )
    learning_rate = config.get("learning_rate")
    own = float(learning_rate) if isinstance(learning_rate, (int, float)) else None
    return _solver(
        cls.__name__ if cls.__module__.startswith("keras.") else cls, config, own, "keras"
    )


def _solver(
    cls: Any, config: Mapping[str, Any], learning_rate: float | None, backend: str
) -> Solver:
    config = {k: v for k, v in config.items() if k != "name"}
    if not isinstance(config.get("learning_rate"), dict):
        config["learning_rate"] = 0.001  # each step is told its rate
    it = interned(cls, json.dumps(config, sort_keys=True), backend)
    return Solver(
        joint=Joint(_bound(it, "start"), _bound(it, "update")), learning_rate=learning_rate
    )


@lru_cache(maxsize=512)
def _bound(it: KerasOptimizer, method: str) -> Any:
    return getattr(it, method)


def _named(cls: str, backend: Any = None, **options: Any) -> Solver:
    given = backend if isinstance(backend, str) else None
    given = given or os.environ.get("MLPKIT_BACKEND") or "numpy"
    if backend is None or isinstance(backend, str):
        _check_backend(cls, given)
    return _solver(cls, options, None, given if backend is None or given == backend else "keras")


def _check_backend(cls: str, backend: str) -> None:
    """PluginError for a backend that Keras's optimizers don't run on."""
    if backend.rpartition("/")[2] in (*STEPS, "keras"):
        return
    name = cls.lower()
    name = f"keras.{name}" if name in _OWN else name  # as a user types it
    raise PluginError(
        f"solver={name!r} is an optimizer of Keras, which does not run on backend={backend!r}."
        f" Choose a backend that it runs on, as in solver={name!r}, backend='jax' (or"
        " 'tensorflow'), or a solver of mlpkit itself, as solver='adam', which runs on any."
    )


sgd = partial(_named, "SGD")
adam = partial(_named, "Adam")
adamw = partial(_named, "AdamW")
nadam = partial(_named, "Nadam")
adamax = partial(_named, "Adamax")
lamb = partial(_named, "Lamb")
lion = partial(_named, "Lion")
muon = partial(_named, "Muon")
rmsprop = partial(_named, "RMSprop")
adagrad = partial(_named, "Adagrad")
adadelta = partial(_named, "Adadelta")
adafactor = partial(_named, "Adafactor")
ftrl = partial(_named, "Ftrl")


def optimizer_of(recipe: Recipe) -> Any:
    """The live Keras optimizer for a model that Keras trains by itself.

    Raises PluginError for solvers that Keras does not have.
    """
    solver, optimizers = recipe.solver, active_keras().optimizers
    it = getattr(solver.joint and solver.joint.update, "__self__", None)
    if isinstance(it, KerasOptimizer):
        config = json.loads(it.config)
        if not isinstance(config["learning_rate"], dict):
            config["learning_rate"] = recipe.learning_rate_init
        cls = getattr(optimizers, it.cls) if isinstance(it.cls, str) else it.cls
        return cls.from_config(config)
    if solver.name == "adam":
        return optimizers.Adam(recipe.learning_rate_init, **solver.options)
    if solver.name == "sgd" and recipe.schedule == "constant":
        momentum, nesterov = solver.options["momentum"], bool(solver.options["nesterov"])
        return optimizers.SGD(recipe.learning_rate_init, momentum, nesterov)
    raise PluginError(
        "backend='keras' trains with an optimizer of Keras, which the given solver is not. Use"
        " solver='adam', 'sgd' with learning_rate='constant', or one of Keras's, such as"
        " 'keras.adamw', or compile the model."
    )
