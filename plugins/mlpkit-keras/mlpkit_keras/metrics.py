"""Keras metrics as metrics of mlpkit: computed by Keras from the rows of a group."""

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Metric, Predictions, Spec, Task
from mlpkit_keras.runtime import active_keras, keras_scope, to_numpy

TASKS: tuple[Task, ...] = ("binary", "multiclass", "multilabel", "regression")
ACCURACIES = ("accuracy", "acc")
HIGHER_IS_BETTER = {"up": True, "down": False}


def metric_of(metric: Any, task: Task | None = None, weighted: bool = True) -> Metric | None:
    """The metric that a Keras name, function or object stands for; None for other objects.

    ``weighted`` says whether sample weights are used, as for ``weighted_metrics`` of Keras.
    """
    keras = active_keras()
    name = metric if isinstance(metric, str) else ""
    with keras_scope("float32"):
        if name in ACCURACIES:
            metric = "categorical_accuracy" if task == "multiclass" else "binary_accuracy"
        keras_metric = keras.metrics.get(metric)
        if isinstance(keras_metric, keras.losses.Loss):
            return None
        function, config = keras_metric, None
        if isinstance(keras_metric, keras.metrics.Metric):
            cls: Any = type(keras_metric)
            function = cls.__name__ if cls.__module__.startswith("keras.") else cls
            config = json.dumps(keras_metric.get_config())
    default = getattr(keras_metric, "name", getattr(keras_metric, "__name__", "function"))
    return Metric(
        name or str(default),
        TASKS,
        HIGHER_IS_BETTER.get(str(getattr(keras_metric, "_direction", None))),
        "labels" if task in (None, "regression") else "probabilities",
        exact=partial(computed, function, config, weighted),
        note="computed by Keras from stored rows",
    )


def computed(
    function: Any, config: str | None, weighted: bool, predictions: Predictions, w: Array | None
) -> float:
    """The value of a metric for rows with weights (n,) or None.

    Raises ValueError if it is not one number.
    """
    keras = active_keras()
    with keras_scope("float32"):
        if config is None:
            name = getattr(function, "__name__", "function")
            metric = keras.metrics.MeanMetricWrapper(function, name)
        else:
            cls = getattr(keras.metrics, function) if isinstance(function, str) else function
            metric = cls.from_config(json.loads(config))
        sparse = "sparse" in type(metric).__name__.lower() or "sparse" in str(metric.name)
        y, p = keras_arrays(predictions, sparse)
        metric.reset_state()
        metric.update_state(y, p, sample_weight=w if weighted else None)
        result = metric.result()
    value = to_numpy(result) if not isinstance(result, dict) else np.empty(0)
    if value.size != 1:
        raise ValueError(f"the Keras metric {metric.name} is not one number and is not reported")
    return float(value.item())


def keras_arrays(predictions: Predictions, sparse: bool) -> tuple[Array, Array]:
    """Targets and outputs as a Keras model with this task has them, (n, n_outputs).

    Sparse targets are class indices (n,).
    """
    y, p = predictions.y_true, predictions.y_proba
    p = predictions.y_pred if p is None else p
    if predictions.task == "binary":
        p = p[:, 1] if p.ndim == 2 else p
        return y.reshape(-1, 1).astype("float32"), p.reshape(-1, 1)
    if predictions.task == "multiclass" and not sparse:
        assert predictions.classes is not None
        one_hot = np.eye(len(predictions.classes), dtype="float32")
        return one_hot[y], one_hot[p] if p.ndim == 1 else p
    return (y if sparse else y.astype("float32")), p


def compiled_metrics(model: Any, spec: Spec, name: str) -> tuple[Metric, ...]:
    """The metrics that a builder's model was compiled with, each name once."""
    compiled = getattr(model, "_compile_metrics", None)
    metrics: dict[str, Metric] = {}
    for attribute, weighted in (("_user_metrics", False), ("_user_weighted_metrics", True)):
        for keras_metric in _flat(getattr(compiled, attribute, None)):
            metric = metric_of(keras_metric, spec.task, weighted)
            if metric is None:
                raise ValueError(
                    f"builder {name}: the model is compiled with the metric {keras_metric!r};"
                    " expected metrics of Keras."
                )
            metrics.setdefault(metric.name, metric)
    return tuple(metrics.values())


def _flat(metrics: Any) -> Iterator[Any]:
    """The metrics in nested lists and dicts."""
    if isinstance(metrics, dict):
        metrics = list(metrics.values())
    if isinstance(metrics, Iterable) and not isinstance(metrics, str):
        for metric in metrics:
            yield from _flat(metric)
    elif metrics is not None:
        yield metrics
