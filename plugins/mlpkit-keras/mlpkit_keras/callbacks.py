"""Keras callbacks as listeners: what they are told, what they may change, what they can't.

They see a live model with the epoch's weights, and may set its optimizer's learning rate, its
weights and ``stop_training``. There are no batches to be told of, and no ``train_step``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mlpkit.plugin import Arrays, Metric, Network, Recipe, Report, Spec
from mlpkit_keras.models import assign, to_keras
from mlpkit_keras.networks import named
from mlpkit_keras.runtime import active_keras, building, to_numpy

BATCHES = (
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_batch_begin",
    "on_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)
LOG_LOSSES = ("log_loss", "binary_log_loss")
SCORES = ("score", "accuracy", "r2")  # the validation score of early stopping


class Adapted:
    """A Keras callback as a `Callback` with `on_begin` and `on_end`."""

    def __init__(
        self,
        callback: Any,
        network: Network,
        spec: Spec,
        recipe: Recipe,
        metrics: tuple[Metric, ...],
    ) -> None:
        check(callback)
        self.callback, self.network, self.spec, self.recipe = callback, network, spec, recipe
        self.higher_is_better: dict[str, bool | None] = dict.fromkeys(SCORES, True)
        self.higher_is_better |= {metric.name: metric.higher_is_better for metric in metrics}
        self.model: Any = None
        self.put_in: Arrays = {}

    def on_begin(self, report: Report) -> float | None:
        """The callback sees the model as it begins, and epoch 0 begins."""
        keras = active_keras()
        with building(self.spec.dtype):
            self.model = to_keras(self.network._replace(arrays=report.arrays()), self.spec)
            if not self.model.compiled:
                self.model.compile(keras.optimizers.SGD(report.learning_rate), "mse")
            if self.model.optimizer is not None:
                self._set_rate(report.learning_rate)
            self.callback.set_model(self.model)
            self.callback.set_params({"epochs": self.recipe.max_iter, "steps": None, "verbose": 0})
            self.model.stop_training = False
            self.callback.on_train_begin({})
            self.callback.on_epoch_begin(0, {})
        return self._new_rate(report.learning_rate)

    def __call__(self, report: Report) -> bool | float | None:
        """An epoch ends, with its logs, and the next begins."""
        with building(self.spec.dtype):
            self._put(report)
            logs = {"loss": report.loss, "learning_rate": report.learning_rate}
            if report.score is not None:
                logs["val_score"] = report.score
                logs["val_accuracy" if self.spec.classes is not None else "val_r2"] = report.score
            logs = {**measured(report), **logs}
            if self.spec.loss.name in LOG_LOSSES and "val_log_loss" in logs:
                logs["val_loss"] = logs["val_log_loss"]
            with directed(self.callback, self.higher_is_better):
                self.callback.on_epoch_end(report.epoch - 1, logs)
            if self.model.stop_training:
                return True
            learning_rate = self._new_rate(report.learning_rate)
            if report.epoch < self.recipe.max_iter:
                self.callback.on_epoch_begin(report.epoch, {})
        return self._new_rate(report.learning_rate) or learning_rate

    def on_end(self, report: Report) -> Arrays | None:
        """Training ends. Weights that the callback put into the model are the last ones."""
        if self.model is None:
            return None
        with building(self.spec.dtype):
            self.callback.on_train_end({})
            now = self._weights()
        for each in (self.callback, *getattr(self.callback, "callbacks", ())):
            each._model = None  # an estimator that holds it can be copied without the model
            for name, value in list(vars(each).items()):
                if getattr(value, "closed", False) is True:  # nor can a file be copied
                    setattr(each, name, None)
        self.model, changed = None, any((now[k] != a).any() for k, a in self.put_in.items())
        return self._as_network(now) if changed else None

    def _put(self, report: Report) -> None:
        arrays = report.arrays()
        if self.network.apply is None:
            for layer, i in zip(self.model.layers, range(len(self.model.layers)), strict=True):
                layer.kernel.assign(arrays[f"coef_{i}"])
                layer.bias.assign(arrays[f"intercept_{i}"])
        else:
            assign(self.model, arrays)
        self.put_in = self._weights()
        self._set_rate(report.learning_rate)

    def _weights(self) -> Arrays:
        return {name: to_numpy(v) for name, v in named(self.model).items()}

    def _as_network(self, weights: Arrays) -> Arrays:
        if self.network.apply is not None:
            return weights
        kinds = {"kernel": "coef", "bias": "intercept"}
        return {
            f"{kinds[name.partition('.')[2]]}_{int(name.partition('.')[0]) // 2}": a
            for name, a in weights.items()
        }

    def _set_rate(self, learning_rate: float) -> None:
        optimizer = self.model.optimizer
        if not isinstance(
            optimizer._learning_rate, active_keras().optimizers.schedules.LearningRateSchedule
        ):
            optimizer.learning_rate = learning_rate

    def _new_rate(self, before: float) -> float | None:
        learning_rate = float(
            to_numpy(active_keras().ops.convert_to_tensor(self.model.optimizer.learning_rate))
        )
        return learning_rate if abs(learning_rate - before) > 1e-6 * before else None


@contextmanager
def directed(callback: Any, higher_is_better: Mapping[str, bool | None]) -> Iterator[None]:
    """Inside, callbacks with mode="auto" know which way the metric that they monitor is better:
    Keras looks at a compiled model for that.
    """
    found = []
    for each in (callback, *getattr(callback, "callbacks", ())):
        if getattr(each, "mode", None) == "auto" and getattr(each, "monitor_op", 0) is None:
            name = str(each.monitor).removeprefix("val_")
            up = higher_is_better.get(name)
            if up is not None:
                each.mode = "max" if up else "min"
                found.append(each)
    try:
        yield
    finally:
        for each in found:
            each.mode = "auto"


def measured(report: Report) -> dict[str, float]:
    """The estimator's metrics by the names that Keras has for logs: auc, val_auc, 2025_auc."""
    prefix = {"train": "", "validation": "val_"}
    return {
        f"{prefix.get(r.split, f'{r.split}_')}{r.metric}": r.value
        for r in report.metrics()
        if r.partitioner == "all"
    }


def check(callback: Any) -> None:
    """ValueError for what a callback wants and can't have."""
    base, kind = active_keras().callbacks.Callback, type(callback)
    for each in getattr(callback, "callbacks", ()):  # a list of Keras's
        check(each)
    wanted = [name for name in BATCHES if getattr(kind, name) is not getattr(base, name)]
    if kind.__module__.startswith("keras."):
        # Keras's own use these for progress within an epoch, if at all; one of functions has
        # those that it was given
        wanted = [name for name in BATCHES if name in vars(callback)]
        if kind.__name__ in ("ProgbarLogger", "BackupAndRestore", "SwapEMAWeights"):
            wanted = ["the optimizer and batches of Keras's own loop"]
    if getattr(callback, "save_freq", "epoch") != "epoch":
        wanted.append("save_freq in batches (choose save_freq='epoch')")
    if getattr(callback, "update_freq", "epoch") != "epoch":
        wanted.append("update_freq in batches (choose update_freq='epoch')")
    if getattr(callback, "_should_trace", False):
        wanted.append("profile_batch (choose profile_batch=0)")
    if wanted:
        raise ValueError(
            f"callbacks: {kind.__name__} wants {', '.join(wanted)}. Here a callback is told of"
            " epochs, not of batches. Use on_epoch_begin and on_epoch_end, or backend='keras'"
            " with a model whose train_step does what you want."
        )
