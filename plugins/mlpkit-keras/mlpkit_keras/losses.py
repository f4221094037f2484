"""Keras losses as mlpkit's: one number a row, differentiated by the backend."""

import inspect
import json
from functools import lru_cache
from typing import Any

import numpy as np

from mlpkit.plugin import Loss, Spec
from mlpkit_keras.runtime import active_keras, building

FITTING = {  # what a loss of Keras presumes, where it presumes anything
    "categorical_crossentropy": ("multiclass",),
    "sparse_categorical_crossentropy": ("multiclass",),
    "categorical_focal_crossentropy": ("multiclass",),
    "binary_crossentropy": ("binary", "multilabel"),
    "binary_focal_crossentropy": ("binary", "multilabel"),
}


class KerasRows:
    """``Loss.rows`` of a Keras loss: a function, or a class with its config. Keras's own go by
    name, so that a pickle of them imports no Keras.
    """

    def __init__(self, function: Any, config: str | None, sparse: bool) -> None:
        self.function, self.config, self.sparse = function, config, sparse

    def __reduce__(self) -> Any:
        return interned, (self.function, self.config, self.sparse)

    def made(self) -> Any:
        """The loss of Keras, or the function."""
        known = active_keras().losses
        found = getattr(known, self.function) if isinstance(self.function, str) else self.function
        if self.config is None:
            return found
        with building("float32"):
            return found.from_config(json.loads(self.config))

    def __call__(self, xp: Any, y: Any, p: Any) -> Any:
        """The loss of each row, (n,), of targets y and activated outputs p, (n, n_outputs)."""
        ops = active_keras().ops
        made = self.made()
        call = made if self.config is None else made.call
        if self.sparse:
            y = ops.argmax(y, axis=1)
        rows = call(ops.convert_to_tensor(y), ops.convert_to_tensor(p))
        if len(rows.shape) == 0:
            raise ValueError(
                "it gives one number for a whole batch; expected one for each row. Set its axis,"
                " or reduction, if it has one."
            )
        if len(rows.shape) > 1:
            rows = ops.mean(rows, axis=tuple(range(1, len(rows.shape))))
        return ops.cast(rows, p.dtype)


@lru_cache(maxsize=256)
def interned(function: Any, config: str | None, sparse: bool) -> KerasRows:
    """The one object of these settings, so that compiled code is found again."""
    return KerasRows(function, config, sparse)


def loss_of(given: Any, spec: Spec, owner: str) -> Loss | None:
    """The loss that a Keras name, function or object stands for, checked against the task."""
    if given is None:
        return None
    keras = active_keras()
    if isinstance(given, (list, tuple, dict)):
        raise ValueError(f"{owner}: expected one loss for one output, not {given!r}.")
    try:
        with building("float32"):
            loss = keras.losses.get(given)
    except ValueError as error:
        raise ValueError(
            f"{owner}: Keras has no loss {given!r}. It has, for example, 'huber', 'log_cosh',"
            " 'categorical_focal_crossentropy'; or give the object, as keras.losses.Huber()."
        ) from error
    if isinstance(loss, keras.metrics.Metric) or not callable(loss):
        return None
    config = _config(loss) if isinstance(loss, keras.losses.Loss) else None
    name = str(config.get("name") if config else getattr(loss, "__name__", repr(loss)))
    tasks = FITTING.get(name)
    if tasks and spec.task not in tasks:
        right = {"multiclass": "categorical_crossentropy", "regression": "mean_squared_error"}
        raise ValueError(
            f"{owner}: the loss {name!r} does not fit the task {spec.task!r} with"
            f" {spec.n_outputs} outputs; expected, for example,"
            f" {right.get(spec.task, 'binary_crossentropy')!r}."
        )
    sparse = name.startswith("sparse_")
    if config is None:
        return _fitting(
            Loss(name, spec.loss.out_activation, interned(_kept(loss), None, sparse)), spec, owner
        )
    if config.get("reduction", "sum_over_batch_size") not in (
        "sum_over_batch_size",
        "mean",
        "mean_with_sample_weight",
    ):
        raise ValueError(
            f"{owner}: the loss {name!r} has reduction={config['reduction']!r}; expected the"
            " mean over rows, 'sum_over_batch_size'."
        )
    if "from_logits" in config:
        config["from_logits"] = False  # the activation is always put on before
    rows = interned(_kept(type(loss)), json.dumps(config, sort_keys=True), sparse)
    return _fitting(Loss(name, spec.loss.out_activation, rows), spec, owner)


def _fitting(loss: Loss, spec: Spec, owner: str) -> Loss:
    """The loss, once it was computed from two rows."""
    try:
        _tried(loss.rows, spec.n_outputs)
    except Exception as error:
        raise ValueError(
            f"{owner}: the loss {loss.name!r} can't be computed from targets and outputs of shape"
            f" (n, {spec.n_outputs}): {error}"
        ) from error
    return loss


@lru_cache(maxsize=256)
def _tried(rows: KerasRows, n_outputs: int) -> None:
    y, p = np.zeros((2, n_outputs), "float32"), np.full((2, n_outputs), 0.5, "float32")
    y[:, 0] = 1
    with building("float32"):
        rows(None, *map(active_keras().ops.convert_to_tensor, (y, p)))


def _config(loss: Any) -> dict[str, Any]:
    """The settings of a loss; Keras leaves some out (the delta of Huber)."""
    with building("float32"):
        config: dict[str, Any] = loss.get_config()
    taken = inspect.signature(type(loss)).parameters
    used = getattr(loss, "_fn_kwargs", {})
    return config | {name: used[name] for name in used if name in taken}


def _kept(function: Any) -> Any:
    """A class or function; the name of one that is Keras's own."""
    name = str(getattr(function, "__name__", ""))
    return name if getattr(active_keras().losses, name, None) is function else function
