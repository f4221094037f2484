"""The argument ``metrics=`` as `Metric` records that fit the task."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import isroutine
from typing import Any, get_args

from mlpkit.messages import plain_repr
from mlpkit.metrics.functions import from_function
from mlpkit.plugin import Metric, PluginError, PredictionKind, Task
from mlpkit.registry.lookup import adapted, installed, resolve

# what to do if an evaluation has no predictions of a kind
REMEDIES: dict[PredictionKind, str] = {
    "labels": "Use an estimator with predict, or pass y_pred.",
    "scores": "Use an estimator with predict_proba or decision_function, or pass y_proba.",
    "probabilities": "Use an estimator with predict_proba, or pass y_proba.",
    "intervals": "Use mlpkit.evaluate with an estimator with predict_interval (MLPRegressor has it"
    " after a fit with early stopping, a validation set or n_folds, and after calibrate), or pass"
    " y_interval.",
}
DEFAULTS: dict[Task, tuple[str, ...]] = {
    "binary": ("accuracy", "balanced_accuracy", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "balanced_accuracy", "log_loss"),
    "multilabel": ("accuracy", "f1_macro"),
    "regression": ("r2", "mae", "rmse"),
}


def metrics_of(
    argument: Any, task: Task, available: Iterable[PredictionKind] | None = None
) -> list[Metric]:
    """Metrics from names, `Metric` records, functions, or a dict of these by name.

    None means the default metrics of the task, without those that need predictions which are not
    ``available``. A requested metric that needs them raises ValueError.

    >>> [m.name for m in metrics_of(["accuracy", "f1_macro"], "multiclass")]
    ['accuracy', 'f1_macro']
    """
    kinds = set(available or get_args(PredictionKind))
    if argument is None:
        return [m for m in map(_by_name, DEFAULTS[task]) if m.needs in kinds]
    if isinstance(argument, str | Metric) or callable(argument):
        argument = [argument]
    if isinstance(argument, Mapping):
        metrics = [replace(metric_of(m, task), name=name) for name, m in argument.items()]
    else:
        metrics = [metric_of(m, task) for m in argument]
    names = [m.name for m in metrics]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(
            f"Two metrics have the name {twice[0]!r}. Pass a dict {{name: metric}} to rename them."
        )
    for metric in metrics:
        if task not in metric.tasks:
            raise ValueError(
                f"Metric {metric.name!r} supports {', '.join(metric.tasks)} targets, but the task"
                f" is {task}. Metrics for {task}: {', '.join(_names_for(task))}."
            )
        if metric.needs not in kinds:
            raise ValueError(
                f"Metric {metric.name!r} needs {metric.needs}. {REMEDIES[metric.needs]}"
            )
    return metrics


def implied_task(argument: Any) -> Task | None:
    """Regression, if all requested metrics support only regression; else None.

    >>> implied_task(["r2", "mae"]), implied_task(["r2", "accuracy"]), implied_task(None)
    ('regression', None, None)
    """
    if argument is None:
        return None
    single = isinstance(argument, str | Metric) or callable(argument)
    metrics = (
        argument.values() if isinstance(argument, Mapping) else [argument] if single else argument
    )
    tasks = {metric_of(m).tasks for m in metrics}
    return "regression" if tasks == {("regression",)} else None


def metric_of(argument: Any, task: Task | None = None) -> Metric:
    """One metric from a name, a `Metric`, an object of a framework, or a function."""
    if isinstance(argument, Metric):
        return argument
    if isinstance(argument, str):
        return _by_name(argument)
    if not isroutine(argument):
        metric = adapted("metric", argument, task=task)
        if isinstance(metric, Metric):
            return metric
    if callable(argument):
        return from_function(argument)
    raise ValueError(
        "A metric must be a name, an mlpkit.plugin.Metric or a function f(y_true, y_pred,"
        f" sample_weight=...), got {plain_repr(argument)}."
    )


def _by_name(name: str) -> Metric:
    try:
        factory, _ = resolve("metric", name)
    except ValueError as error:
        import sklearn.metrics

        if callable(getattr(sklearn.metrics, name, None)) and "Did you mean" not in str(error):
            raise ValueError(
                f"{error} To use scikit-learn's function, pass metrics=[sklearn.metrics.{name}]."
            ) from error
        raise
    metric = factory()
    if not isinstance(metric, Metric):
        raise PluginError(f"metric {name!r} must return mlpkit.plugin.Metric, not {metric!r}.")
    return metric


def _names_for(task: Task) -> Sequence[str]:
    """Names of the installed metrics for a task."""
    names = []
    for name in installed().names("metric"):
        try:
            metric = _by_name(name)
        except (ValueError, PluginError):
            continue  # an unusable metric that was not requested must not hide this message
        if task in metric.tasks:
            names.append(name)
    return names
