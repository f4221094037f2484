"""Keras optimizers as solvers: Keras's own arithmetic, for all weights at once."""

import json
import os
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any, TypeAlias

import numpy as np

from mlpkit.plugin import Arrays, Joint, PluginError, Recipe, Solver
from mlpkit_keras import SHARED_SOLVER_NAMES
from mlpkit_keras.runtime import COMPUTE_BACKENDS, active_keras, keras_for, keras_scope, to_numpy

PREFIX = "optimizer"
LEARNING_RATE = "learning_rate"
MARKER = np.pi  # no optimizer state starts with this value, unless it is copied from a weight

Shapes: TypeAlias = tuple[tuple[str, tuple[int, ...], str], ...]  # name, shape, dtype


class KerasOptimizer:
    """An optimizer, stored as its class and config. Equal ones are the same object (`interned`)."""

    def __init__(self, cls: Any, config: str, backend: str) -> None:
        self.cls, self.config, self.backend = cls, config, backend

    def __reduce__(self) -> Any:
        return interned, (self.cls, self.config, self.backend)

    def start(self, arrays: Arrays) -> Arrays:
        """The initial optimizer state of the trained weights, as Keras creates it."""
        shapes = shapes_of(arrays)
        optimizer = self._live(shapes)
        copied = _copied_weights(self, shapes)
        return {
            key: arrays[copied[key]].copy() if key in copied else to_numpy(v)
            for key, v in state_variables(optimizer).items()
        }

    def update(
        self, xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any
    ) -> tuple[Any, Any]:
        """One step as a pure function.

        The learning rate is ignored if the optimizer has a schedule of its own.
        """
        if xp is np:
            raise PluginError(
                "A Keras optimizer requires backend='jax' or backend='tensorflow', not 'numpy'."
            )
        names = sorted(weights)
        optimizer = self._live(shapes_of(weights))
        variables = state_variables(optimizer)
        values = {**optimizer_state}
        if f"{PREFIX}/0.{LEARNING_RATE}" in variables or f"{PREFIX}/1.{LEARNING_RATE}" in variables:
            key = next(key for key in variables if key.endswith(f".{LEARNING_RATE}"))
            values[key] = active_keras().ops.cast(learning_rate, variables[key].dtype)
        new_weights, new_state = optimizer.stateless_apply(
            [values[key] for key in variables],
            [gradients[name] for name in names],
            [weights[name] for name in names],
        )
        return (
            dict(zip(names, new_weights, strict=True)),
            dict(zip(variables, new_state, strict=True)),
        )

    def _live(self, shapes: Shapes) -> Any:
        keras_for(self.backend)
        return _live(self, shapes)


@lru_cache(maxsize=256)
def interned(cls: Any, config: str, backend: str) -> KerasOptimizer:
    """The only object with these settings, so that compiled code can be cached by it."""
    return KerasOptimizer(cls, config, backend)


@lru_cache(maxsize=64)
def _live(keras_optimizer: KerasOptimizer, shapes: Shapes) -> Any:
    """A live optimizer for weights of these shapes. Its own values are not used."""
    keras = active_keras()
    double = any(dtype == "float64" for _, _, dtype in shapes)
    with keras_scope("float64" if double else "float32"):
        cls = keras_optimizer.cls
        cls = getattr(keras.optimizers, cls) if isinstance(cls, str) else cls
        optimizer = stateless(cls).from_config(json.loads(keras_optimizer.config))
        variables = [
            keras.Variable(
                np.full(shape, MARKER + i, dtype), dtype=dtype, name=name.replace("/", "_")
            )
            for i, (name, shape, dtype) in enumerate(shapes)
        ]
        optimizer.build(variables)
    return optimizer


@lru_cache(maxsize=64)
def _copied_weights(keras_optimizer: KerasOptimizer, shapes: Shapes) -> dict[str, str]:
    """The optimizer state that starts as a copy of a weight, with its name (ScheduleFreeAdamW)."""
    weights = [
        (name, np.full(shape, MARKER + i, dtype)) for i, (name, shape, dtype) in enumerate(shapes)
    ]
    variables = state_variables(_live(keras_optimizer, shapes))
    initial = {key: to_numpy(variable) for key, variable in variables.items()}
    return {
        key: name
        for key, array in initial.items()
        for name, weight in weights
        if array.size and np.array_equal(array, weight)
    }


def shapes_of(arrays: Mapping[str, Any]) -> Shapes:
    """Name, shape and dtype of each array, sorted by name."""
    standard = active_keras().backend.standardize_dtype
    return tuple((name, tuple(a.shape), standard(a.dtype)) for name, a in sorted(arrays.items()))


def state_variables(optimizer: Any) -> dict[str, Any]:
    """The variables of an optimizer by the names of the optimizer state."""
    return {f"{PREFIX}/{i}.{v.name}": v for i, v in enumerate(optimizer.variables)}


def stateless(cls: Any) -> Any:
    """A subclass whose steps are pure functions.

    With TensorFlow, the base class of optimizers overrides methods so that they work on variables
    of TensorFlow only. The subclass restores those of Keras; the class itself is not changed.
    """
    keras = active_keras()
    if keras.backend.backend() != "tensorflow":
        return cls
    bases = {c.__name__: c for c in keras.optimizers.Optimizer.__mro__}
    general, overriding = bases["BaseOptimizer"], bases["TFOptimizer"]
    methods = {
        name: getattr(general, name)
        for name in vars(overriding)
        if not name.startswith("__")
        and name != "add_variable_from_reference"
        and hasattr(general, name)
    }
    base = type("Stateless", (keras.optimizers.Optimizer,), methods)
    return type(cls.__name__, (cls, base), {})


def solver_of(optimizer: Any) -> Solver:
    """The solver whose steps are those of a Keras optimizer."""
    keras = active_keras()
    cls = type(optimizer)
    if hasattr(optimizer, "inner_optimizer") or hasattr(optimizer, "optimizers"):
        raise ValueError(
            f"solver {cls.__name__}: an optimizer that contains others is not supported. Use one"
            " of them alone, or backend='keras', with which Keras trains the model."
        )
    with keras_scope("float32"):
        config = optimizer.get_config()
    unsupported = ["loss_scale_factor"] if config.get("loss_scale_factor") else []
    if keras.backend.backend() != "jax":  # they require branches that a graph cannot contain
        branching = ("gradient_accumulation_steps", "use_ema")
        unsupported += [name for name in branching if config.get(name)]
    if config.get("use_ema") and not config.get("ema_overwrite_frequency"):
        unsupported.append("use_ema without ema_overwrite_frequency")
    if unsupported:
        raise ValueError(
            f"solver {cls.__name__}: {', '.join(unsupported)} is not supported with"
            f" backend={keras.backend.backend()!r}. Leave it out, or compile the model with the"
            " optimizer and use backend='keras', with which Keras trains the model."
        )
    learning_rate = config.get("learning_rate")
    initial = float(learning_rate) if isinstance(learning_rate, (int, float)) else None
    return _solver(
        cls.__name__ if cls.__module__.startswith("keras.") else cls, config, initial, "keras"
    )


def _solver(
    cls: Any, config: Mapping[str, Any], learning_rate: float | None, backend: str
) -> Solver:
    config = {k: v for k, v in config.items() if k != "name"}
    if not isinstance(config.get("learning_rate"), dict):
        config["learning_rate"] = 0.001  # replaced in each step
    optimizer = interned(cls, json.dumps(config, sort_keys=True), backend)
    return Solver(
        joint=Joint(_method(optimizer, "start"), _method(optimizer, "update")),
        learning_rate=learning_rate,
    )


@lru_cache(maxsize=512)
def _method(optimizer: KerasOptimizer, name: str) -> Any:
    """The only bound method of this name, so that compiled code can be cached by it."""
    return getattr(optimizer, name)


def _named(cls: str, backend: Any = None, **options: Any) -> Solver:
    if backend is None:
        backend = os.environ.get("MLPKIT_BACKEND") or "numpy"
    if not isinstance(backend, str):  # a backend that the user passed as an object
        return _solver(cls, options, None, "keras")
    _check_backend(cls, backend)
    return _solver(cls, options, None, backend)


def _check_backend(cls: str, backend: str) -> None:
    """Raise PluginError if Keras optimizers do not run on a backend."""
    if backend.rpartition("/")[2] in (*COMPUTE_BACKENDS, "keras"):
        return
    name = cls.lower()
    name = f"keras.{name}" if name in SHARED_SOLVER_NAMES else name  # as users write it
    raise PluginError(
        f"solver={name!r} is an optimizer of Keras, which does not run on backend={backend!r}."
        f" Use solver={name!r} with backend='jax' or 'tensorflow', or a solver of mlpkit, such as"
        " solver='adam', which runs on every backend."
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
    """The live Keras optimizer for a model that Keras trains.

    Raises PluginError if Keras has no optimizer with the update rule of the solver.
    """
    solver, optimizers = recipe.solver, active_keras().optimizers
    optimizer = getattr(solver.joint and solver.joint.update, "__self__", None)
    if isinstance(optimizer, KerasOptimizer):
        config = json.loads(optimizer.config)
        if not isinstance(config["learning_rate"], dict):
            config["learning_rate"] = recipe.learning_rate_init
        cls = optimizer.cls
        cls = getattr(optimizers, cls) if isinstance(cls, str) else cls
        return cls.from_config(config)
    if solver.name == "adam":
        return optimizers.Adam(recipe.learning_rate_init, **solver.options)
    if solver.name == "sgd" and recipe.schedule == "constant":
        momentum, nesterov = solver.options["momentum"], bool(solver.options["nesterov"])
        return optimizers.SGD(recipe.learning_rate_init, momentum, nesterov)
    raise PluginError(
        "backend='keras' requires an optimizer of Keras, which the solver is not. Use"
        " solver='adam', 'sgd' with learning_rate='constant', or one of Keras, such as"
        " 'keras.adamw'; or compile the model with an optimizer."
    )
