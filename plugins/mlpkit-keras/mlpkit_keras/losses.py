"""Keras losses as losses of mlpkit: one number for each row, differentiated by the backend."""

import inspect
import json
from functools import lru_cache
from typing import Any

import numpy as np

from mlpkit.plugin import Loss, Spec, Task
from mlpkit_keras.runtime import active_keras, keras_scope

TASKS: dict[str, tuple[Task, ...]] = {  # of losses that do not support every task
    "categorical_crossentropy": ("multiclass",),
    "sparse_categorical_crossentropy": ("multiclass",),
    "categorical_focal_crossentropy": ("multiclass",),
    "binary_crossentropy": ("binary", "multilabel"),
    "binary_focal_crossentropy": ("binary", "multilabel"),
}
MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


LOSSES_OF_MLPKIT = "mlpkit.objectives.losses"  # the module of their functions


class KerasLossRows:
    """`Loss.rows` of a Keras loss: a function, or a class with its config.

    Losses that Keras contains are stored by name, so that a pickle can be loaded without Keras.
    """

    def __init__(self, function: Any, config: str | None, sparse: bool) -> None:
        self.function, self.config, self.sparse = function, config, sparse

    def __reduce__(self) -> Any:
        return interned, (self.function, self.config, self.sparse)

    def keras_loss(self) -> Any:
        """The Keras loss object, or the function."""
        losses, function = active_keras().losses, self.function
        if isinstance(function, str):
            function = getattr(losses, function)
        if self.config is None:
            return function
        with keras_scope("float32"):
            return function.from_config(json.loads(self.config))

    def __call__(self, xp: Any, y: Any, p: Any) -> Any:
        """The loss of each row, (n,), of targets y and activated outputs p, (n, n_outputs)."""
        ops = active_keras().ops
        loss = self.keras_loss()
        call = loss if self.config is None else loss.call
        if self.sparse:
            y = ops.argmax(y, axis=1)
        rows = call(ops.convert_to_tensor(y), ops.convert_to_tensor(p))
        if len(rows.shape) == 0:
            raise ValueError(
                "it returns one number for a whole batch; expected one for each row. Set its"
                " parameter axis or reduction, if it has one."
            )
        if len(rows.shape) > 1:
            rows = ops.mean(rows, axis=tuple(range(1, len(rows.shape))))
        return ops.cast(rows, p.dtype)


@lru_cache(maxsize=256)
def interned(function: Any, config: str | None, sparse: bool) -> KerasLossRows:
    """The only object with these settings, so that compiled code can be cached by it."""
    return KerasLossRows(function, config, sparse)


def loss_of(loss: Any, spec: Spec, owner: str) -> Loss | None:
    """The loss that a Keras name, function or object stands for.

    None if the object is not a loss. Raises ValueError, with the name of its owner, if the loss
    does not support the task.
    """
    if loss is None:
        return None
    keras = active_keras()
    if isinstance(loss, (list, tuple, dict)):
        raise ValueError(f"{owner}: expected one loss for one output, got {loss!r}.")
    try:
        with keras_scope("float32"):
            keras_loss = keras.losses.get(loss)
    except ValueError as error:
        raise ValueError(
            f"{owner}: Keras has no loss {loss!r}. Its losses are 'huber', 'log_cosh',"
            " 'categorical_focal_crossentropy' and others; an object such as"
            " keras.losses.Huber() is also accepted."
        ) from error
    if isinstance(keras_loss, keras.metrics.Metric) or not callable(keras_loss):
        return None
    config = _config(keras_loss) if isinstance(keras_loss, keras.losses.Loss) else None
    name = str(config.get("name") if config else getattr(keras_loss, "__name__", repr(keras_loss)))
    if spec.task not in TASKS.get(name, (spec.task,)):
        fitting = {"multiclass": "categorical_crossentropy", "regression": "mean_squared_error"}
        raise ValueError(
            f"{owner}: the loss {name!r} does not support the task {spec.task!r} with"
            f" {spec.n_outputs} outputs; use, for example,"
            f" {fitting.get(spec.task, 'binary_crossentropy')!r}."
        )
    sparse = name.startswith("sparse_")
    if config is None:
        rows = interned(_name_or_object(keras_loss), None, sparse)
        return _checked(Loss(name, spec.loss.out_activation, rows), spec, owner)
    if config.get("reduction", MEANS[0]) not in MEANS:
        raise ValueError(
            f"{owner}: the loss {name!r} has reduction={config['reduction']!r}; expected the"
            f" mean of the rows, reduction={MEANS[0]!r}."
        )
    if "from_logits" in config:
        config["from_logits"] = False  # the loss receives activated outputs
    cls = _name_or_object(type(keras_loss))
    rows = interned(cls, json.dumps(config, sort_keys=True), sparse)
    return _checked(Loss(name, spec.loss.out_activation, rows), spec, owner)


def _checked(loss: Loss, spec: Spec, owner: str) -> Loss:
    """The loss, if it can be computed for two rows."""
    try:
        _compute_two_rows(loss.rows, spec.n_outputs)
    except Exception as error:
        raise ValueError(
            f"{owner}: the loss {loss.name!r} cannot be computed for targets and outputs of shape"
            f" (n, {spec.n_outputs}): {error}"
        ) from error
    return loss


@lru_cache(maxsize=256)
def _compute_two_rows(rows: KerasLossRows, n_outputs: int) -> None:
    y, p = np.zeros((2, n_outputs), "float32"), np.full((2, n_outputs), 0.5, "float32")
    y[:, 0] = 1
    with keras_scope("float32"):
        rows(None, *map(active_keras().ops.convert_to_tensor, (y, p)))


def _config(loss: Any) -> dict[str, Any]:
    """The config of a loss, with settings that Keras omits, such as the delta of Huber."""
    with keras_scope("float32"):
        config: dict[str, Any] = loss.get_config()
    accepted = inspect.signature(type(loss)).parameters
    used = getattr(loss, "_fn_kwargs", {})
    return config | {name: used[name] for name in used if name in accepted}


def _name_or_object(function: Any) -> Any:
    """The name of a class or function that Keras contains; any other one itself."""
    name = str(getattr(function, "__name__", ""))
    return name if getattr(active_keras().losses, name, None) is function else function


def name_in_mlpkit(loss: Loss) -> str:
    """Return the name of a loss that mlpkit contains, "" for any other, which may have its name."""
    module = getattr(loss.rows, "__module__", "")
    return loss.name if module == LOSSES_OF_MLPKIT else ""
