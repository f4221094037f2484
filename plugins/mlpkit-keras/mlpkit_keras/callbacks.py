"""Keras callbacks as callbacks of mlpkit.

They receive a Keras model with the weights of the epoch. They may change the learning rate of its
optimizer, its weights and ``stop_training``. Methods that Keras calls for each batch are rejected.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from mlpkit.plugin import Arrays, Metric, Network, Recipe, Report, Spec
from mlpkit_keras.conversion import assign, keras_model
from mlpkit_keras.losses import name_in_mlpkit
from mlpkit_keras.networks import variables_of
from mlpkit_keras.runtime import active_keras, keras_scope, to_numpy

BATCH_METHODS = (
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_batch_begin",
    "on_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)
# attributes that are set when training begins or continues
NOT_SAVED = ("_model", "params", "callbacks", "append_header")
OPERATOR = "monitor_op"  # the attribute with `keras.ops.less` or `keras.ops.greater`
LOG_LOSSES = ("log_loss", "binary_log_loss")
SCORES = ("score", "accuracy", "r2")  # names of the validation score in the logs


class AdaptedCallback:
    """A Keras callback as a `Callback` with `on_begin` and `on_end`."""

    def __init__(
        self,
        callback: Any,
        network: Network,
        spec: Spec,
        recipe: Recipe,
        metrics: tuple[Metric, ...],
    ) -> None:
        check_callback(callback)
        self.callback, self.network, self.spec, self.recipe = callback, network, spec, recipe
        self.higher_is_better: dict[str, bool | None] = dict.fromkeys(SCORES, True)
        self.higher_is_better |= {metric.name: metric.higher_is_better for metric in metrics}
        self.model: Any = None
        self.assigned: Arrays = {}  # weights that the callback found in the model

    @property
    def members(self) -> tuple[Any, ...]:
        """The Keras callback, and those that it contains."""
        return (self.callback, *getattr(self.callback, "callbacks", ()))

    def get_state(self) -> list[dict[str, Any]]:
        """The plain attributes of the Keras callback and of those that it contains."""
        return [plain_attributes(member) for member in self.members]

    def set_state(self, state: list[dict[str, Any]]) -> None:
        """Restore the attributes."""
        for member, attributes in zip(self.members, state, strict=True):
            for name, value in attributes.items():
                is_operator = name == OPERATOR and isinstance(value, str)
                setattr(member, name, getattr(active_keras().ops, value) if is_operator else value)

    def on_begin(self, report: Report) -> float | None:
        """Create the model, and begin the next epoch of the Keras callback: the first one, or the
        one after the epoch of the report if a fit continues.
        """
        keras = active_keras()
        with keras_scope(self.spec.dtype):
            self.model = keras_model(self.network._replace(arrays=report.arrays()), self.spec)
            if not self.model.compiled:
                self.model.compile(keras.optimizers.SGD(report.learning_rate), "mse")
            if self.model.optimizer is not None:
                self._set_learning_rate(report.learning_rate)
            self.callback.set_model(self.model)
            self.callback.set_params({"epochs": self.recipe.max_iter, "steps": None, "verbose": 0})
            self.model.stop_training = False
            with appending(self.members if report.epoch else ()):
                self.callback.on_train_begin({})
            self.callback.on_epoch_begin(report.epoch, {})
        return self._changed_learning_rate(report.learning_rate)

    def __call__(self, report: Report) -> bool | float | None:
        """End an epoch of the Keras callback, and begin the next one."""
        with keras_scope(self.spec.dtype):
            self._update_model(report)
            logs = {"loss": report.loss, "learning_rate": report.learning_rate}
            if report.score is not None:
                logs["val_score"] = report.score
                logs["val_accuracy" if self.spec.classes is not None else "val_r2"] = report.score
            logs = {**metric_logs(report), **logs}
            if name_in_mlpkit(self.spec.loss) in LOG_LOSSES and "val_log_loss" in logs:
                logs["val_loss"] = logs["val_log_loss"]
            with resolved_modes(self.callback, self.higher_is_better):
                self.callback.on_epoch_end(report.epoch - 1, logs)
            if self.model.stop_training:
                return True
            learning_rate = self._changed_learning_rate(report.learning_rate)
            if report.epoch < self.recipe.max_iter:
                self.callback.on_epoch_begin(report.epoch, {})
        return self._changed_learning_rate(report.learning_rate) or learning_rate

    def on_end(self, report: Report) -> Arrays | None:
        """End training. Weights that the Keras callback has changed are returned."""
        if self.model is None:
            return None
        with keras_scope(self.spec.dtype):
            self.callback.on_train_end({})
            weights = self._weights()
        for callback in self.members:
            callback._model = None  # so that an estimator with the callback can be copied
            for name, value in list(vars(callback).items()):
                if getattr(value, "closed", False) is True:  # a file, which cannot be copied
                    setattr(callback, name, None)
        self.model = None
        changed = any((weights[name] != a).any() for name, a in self.assigned.items())
        return self._network_arrays(weights) if changed else None

    def _update_model(self, report: Report) -> None:
        arrays = report.arrays()
        if self.network.apply is None:
            for layer, i in zip(self.model.layers, range(len(self.model.layers)), strict=True):
                layer.kernel.assign(arrays[f"coef_{i}"])
                layer.bias.assign(arrays[f"intercept_{i}"])
        else:
            assign(self.model, arrays)
        self.assigned = self._weights()
        self._set_learning_rate(report.learning_rate)

    def _weights(self) -> Arrays:
        return {name: to_numpy(v) for name, v in variables_of(self.model).items()}

    def _network_arrays(self, weights: Arrays) -> Arrays:
        if self.network.apply is not None:
            return weights
        kinds = {"kernel": "coef", "bias": "intercept"}
        return {
            f"{kinds[name.partition('.')[2]]}_{int(name.partition('.')[0]) // 2}": a
            for name, a in weights.items()
        }

    def _set_learning_rate(self, learning_rate: float) -> None:
        optimizer = self.model.optimizer
        if not isinstance(
            optimizer._learning_rate, active_keras().optimizers.schedules.LearningRateSchedule
        ):
            optimizer.learning_rate = learning_rate

    def _changed_learning_rate(self, before: float) -> float | None:
        learning_rate = float(
            to_numpy(active_keras().ops.convert_to_tensor(self.model.optimizer.learning_rate))
        )
        return learning_rate if abs(learning_rate - before) > 1e-6 * before else None


def plain_attributes(callback: Any) -> dict[str, Any]:
    """The attributes of a Keras callback that can be saved; the model is not one of them."""
    attributes = {
        name: value
        for name, value in vars(callback).items()
        if name not in NOT_SAVED and is_plain(value)
    }
    operator = getattr(callback, OPERATOR, None)
    return attributes if operator is None else {**attributes, OPERATOR: operator.__name__}


def is_plain(value: Any) -> bool:
    """Whether a value consists of numbers, strings, arrays, lists, tuples and dicts."""
    if isinstance(value, dict):
        return all(isinstance(key, str | int) and is_plain(v) for key, v in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "biuf"
    return value is None or isinstance(value, bool | int | float | str)


@contextmanager
def appending(callbacks: Iterable[Any]) -> Iterator[None]:
    """A context in which callbacks append to the files that they write."""
    changed = [callback for callback in callbacks if getattr(callback, "append", None) is False]
    for callback in changed:
        callback.append = True
    try:
        yield
    finally:
        for callback in changed:
            callback.append = False


@contextmanager
def resolved_modes(callback: Any, higher_is_better: Mapping[str, bool | None]) -> Iterator[None]:
    """A context in which callbacks with ``mode="auto"`` have the mode of their metric.

    Keras would look for the direction of the metric among those of a compiled model.
    """
    resolved = []
    for monitor in (callback, *getattr(callback, "callbacks", ())):
        if getattr(monitor, "mode", None) == "auto" and getattr(monitor, "monitor_op", 0) is None:
            higher = higher_is_better.get(str(monitor.monitor).removeprefix("val_"))
            if higher is not None:
                monitor.mode = "max" if higher else "min"
                resolved.append(monitor)
    try:
        yield
    finally:
        for monitor in resolved:
            monitor.mode = "auto"


def metric_logs(report: Report) -> dict[str, float]:
    """The metrics of the estimator by names as in the logs of Keras: auc, val_auc, 2025_auc."""
    prefixes = {"train": "", "validation": "val_"}
    return {
        f"{prefixes.get(m.split, f'{m.split}_')}{m.metric}": m.value
        for m in report.metrics()
        if m.partitioner == "all"
    }


def check_callback(callback: Any) -> None:
    """Raise ValueError if a callback requires what is not supported."""
    base, cls = active_keras().callbacks.Callback, type(callback)
    for member in getattr(callback, "callbacks", ()):  # of a CallbackList
        check_callback(member)
    required = [name for name in BATCH_METHODS if getattr(cls, name) is not getattr(base, name)]
    if cls.__module__.startswith("keras."):
        # the classes of Keras use these methods to show progress within an epoch, if at all; a
        # LambdaCallback has those that were passed to it
        required = [name for name in BATCH_METHODS if name in vars(callback)]
        if cls.__name__ in ("ProgbarLogger", "BackupAndRestore", "SwapEMAWeights"):
            required = ["the optimizer and the batches of Keras's training loop"]
    if getattr(callback, "save_freq", "epoch") != "epoch":
        required.append("save_freq in batches (set save_freq='epoch')")
    if getattr(callback, "update_freq", "epoch") != "epoch":
        required.append("update_freq in batches (set update_freq='epoch')")
    if getattr(callback, "_should_trace", False):
        required.append("profile_batch (set profile_batch=0)")
    if required:
        raise ValueError(
            f"callbacks: {cls.__name__} requires {', '.join(required)}. mlpkit calls callbacks"
            " after epochs, not after batches. Use on_epoch_begin and on_epoch_end, or"
            " backend='keras' with a model that has its own train_step."
        )
