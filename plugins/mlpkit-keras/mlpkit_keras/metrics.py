"""Keras metrics as mlpkit's: computed by Keras on kept rows, epoch by epoch."""

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Metric, Predictions, Spec, Task
from mlpkit_keras.runtime import active_keras, building, to_numpy

TASKS: tuple[Task, ...] = ("binary", "multiclass", "multilabel", "regression")
ACCURACY = ("accuracy", "acc")
BETTER = {"up": True, "down": False}


def metric_of(given: Any, task: Task | None = None, weighted: bool = True) -> Metric | None:
    """The metric that an object or name of Keras stands for; None for other objects.

    ``weighted`` says whether the weights of rows count, as in ``weighted_metrics``.
    """
    keras = active_keras()
    name = given if isinstance(given, str) else ""
    with building("float32"):
        if name in ACCURACY:
            given = "categorical_accuracy" if task == "multiclass" else "binary_accuracy"
        found = keras.metrics.get(given)
        if isinstance(found, keras.losses.Loss):
            return None
        kept, config = found, None  # a function
        if isinstance(found, keras.metrics.Metric):
            cls: Any = type(found)
            kept = cls.__name__ if cls.__module__.startswith("keras.") else cls
            config = json.dumps(found.get_config())
    own = getattr(found, "name", getattr(found, "__name__", "function"))
    return Metric(
        name or str(own),
        TASKS,
        BETTER.get(str(getattr(found, "_direction", None))),
        "labels" if task in (None, "regression") else "probabilities",
        exact=partial(computed, kept, config, weighted),
        note="Keras's, from kept rows",
    )


def computed(
    kept: Any, config: str | None, weighted: bool, scored: Predictions, w: Array | None
) -> float:
    """The metric of rows with weights (n,) or None. ValueError if it is more than one number."""
    keras = active_keras()
    with building("float32"):
        if config is None:
            metric = keras.metrics.MeanMetricWrapper(kept, getattr(kept, "__name__", "function"))
        else:
            cls = getattr(keras.metrics, kept) if isinstance(kept, str) else kept
            metric = cls.from_config(json.loads(config))
        sparse = "sparse" in type(metric).__name__.lower() or "sparse" in str(metric.name)
        y, p = as_keras(scored, sparse)
        metric.reset_state()
        metric.update_state(y, p, sample_weight=w if weighted else None)
        result = metric.result()
    found = to_numpy(result) if not isinstance(result, dict) else np.empty(0)
    if found.size != 1:
        raise ValueError(f"Keras's {metric.name} is not one number: it can't be reported")
    return float(found.item())


def as_keras(scored: Predictions, sparse: bool) -> tuple[Array, Array]:
    """Targets and outputs in the form that a model with this task has them, (n, n_outputs);
    sparse targets are codes (n,).
    """
    y, p = scored.y_true, scored.y_pred if scored.y_proba is None else scored.y_proba
    if scored.task == "binary":
        p = p[:, 1] if p.ndim == 2 else p
        return y.reshape(-1, 1).astype("float32"), p.reshape(-1, 1)
    if scored.task == "multiclass" and not sparse:
        assert scored.classes is not None
        columns = np.eye(len(scored.classes), dtype="float32")
        return columns[y], columns[p] if p.ndim == 1 else p
    return (y if sparse else y.astype("float32")), p


def compiled_metrics(model: Any, spec: Spec, name: str) -> tuple[Metric, ...]:
    """The metrics that a model was compiled with, each by a name of its own."""
    made = getattr(model, "_compile_metrics", None)
    found: dict[str, Metric] = {}
    for attribute, weighted in (("_user_metrics", False), ("_user_weighted_metrics", True)):
        for each in _flat(getattr(made, attribute, None)):
            metric = metric_of(each, spec.task, weighted)
            if metric is None:
                raise ValueError(f"builder {name}: {each!r} among its metrics is none of Keras's.")
            found.setdefault(metric.name, metric)
    return tuple(found.values())


def _flat(given: Any) -> Iterator[Any]:
    """What one output is measured by, out of lists and dicts."""
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, Iterable) and not isinstance(given, str):
        for each in given:
            yield from _flat(each)
    elif given is not None:
        yield given
