"""What a user gives as metrics into `Metric` records that fit the task."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import isroutine, signature
from typing import Any

from mlpkit.messages import plain_repr
from mlpkit.plugin import Array, Metric, PluginError, PredictionKind, Predictions, Task
from mlpkit.registry.lookup import adapted, installed, resolve

ALL: tuple[Task, ...] = ("binary", "multiclass", "multilabel", "regression")
DEFAULTS: dict[Task, tuple[str, ...]] = {
    "binary": ("accuracy", "balanced_accuracy", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "balanced_accuracy", "log_loss"),
    "multilabel": ("accuracy", "f1_macro"),
    "regression": ("r2", "mae", "rmse"),
}
# scikit-learn's functions by the name of their second parameter, and those whose name misleads
SECOND: dict[str, PredictionKind] = {
    "y_score": "scores",
    "pred_decision": "scores",
    "y_proba": "probabilities",
    "y_prob": "probabilities",
}
PROBABILITIES = ("log_loss", "d2_log_loss_score")
BETTER = {"score": True, "loss": False, "error": False, "deviance": False}


def metrics_of(
    given: Any, task: Task, available: Iterable[PredictionKind] | None = None
) -> list[Metric]:
    """Metrics from names, `Metric` records, scikit-learn's functions, or a dict of named ones.

    None is the default of the task. ``available`` is what there is of the predictions; what
    a default metric lacks drops it, what a named one lacks is a ValueError.

    >>> [m.name for m in metrics_of(["accuracy", "f1_macro"], "multiclass")]
    ['accuracy', 'f1_macro']
    """
    have = set(available or ("labels", "scores", "probabilities"))
    if given is None:
        return [m for m in map(_named, DEFAULTS[task]) if m.needs in have]
    if isinstance(given, str | Metric) or callable(given):
        given = [given]
    if isinstance(given, Mapping):
        found = [replace(metric_of(g, task), name=name) for name, g in given.items()]
    else:
        found = [metric_of(g, task) for g in given]
    names = [m.name for m in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"metric {twice[0]!r} is given twice; a dict {{name: metric}} names them.")
    for metric in found:
        if task not in metric.tasks:
            raise ValueError(
                f"metric {metric.name!r} is for {', '.join(metric.tasks)}, but the task is {task}."
                f" For {task}: {', '.join(_fitting(task))}."
            )
        if metric.needs not in have:
            raise ValueError(
                f"metric {metric.name!r} needs {metric.needs}, which are not there: use an"
                " estimator with predict_proba"
                f"{' or decision_function' if metric.needs == 'scores' else ''}, or give y_proba."
            )
    return found


def implied_task(given: Any) -> Task | None:
    """Regression, where nothing but its metrics is asked for.

    >>> implied_task(["r2", "mae"]), implied_task(["r2", "accuracy"]), implied_task(None)
    ('regression', None, None)
    """
    if given is None:
        return None
    one = isinstance(given, str | Metric) or callable(given)
    every = given.values() if isinstance(given, Mapping) else [given] if one else given
    tasks = {metric_of(g).tasks for g in every}
    return "regression" if tasks == {("regression",)} else None


def metric_of(given: Any, task: Task | None = None) -> Metric:
    """One metric: a name is looked up, a record stays, an object of a framework is adapted, a
    function is wrapped.
    """
    if isinstance(given, Metric):
        return given
    if isinstance(given, str):
        return _named(given)
    if not isroutine(given):
        metric = adapted("metric", given, task=task)
        if isinstance(metric, Metric):
            return metric
    if callable(given):
        return from_function(given)
    raise ValueError(
        f"a metric is a name, a mlpkit.plugin.Metric, or a function f(y_true, y_pred,"
        f" sample_weight=...), not {plain_repr(given)}."
    )


def _named(name: str) -> Metric:
    try:
        factory, _ = resolve("metric", name)
    except ValueError as error:
        import sklearn.metrics

        if callable(getattr(sklearn.metrics, name, None)) and "Did you mean" not in str(error):
            raise ValueError(
                f"{error} metrics=[sklearn.metrics.{name}] takes scikit-learn's function as it is."
            ) from error
        raise
    metric = factory()
    if not isinstance(metric, Metric):
        raise PluginError(f"metric {name!r} must return mlpkit.plugin.Metric, not {metric!r}.")
    return metric


def _fitting(task: Task) -> Sequence[str]:
    """The installed metrics for a task."""
    found = []
    for name in installed().names("metric"):
        try:
            metric = _named(name)
        except (ValueError, PluginError):
            continue  # one that nobody asked for may be broken
        if task in metric.tasks:
            found.append(name)
    return found


def from_function(
    function: Callable[..., float],
    *,
    name: str | None = None,
    needs: PredictionKind | None = None,
    higher_is_better: bool | None = None,
    tasks: tuple[Task, ...] = ALL,
) -> Metric:
    """A metric from a function ``f(y_true, y_pred, sample_weight=...)``, computed on kept rows.

    What it needs and which way is better are read off it as scikit-learn names things: a
    second parameter ``y_score`` or ``y_proba``; a name that ends in ``_score``, ``_loss``,
    ``_error`` or ``_deviance``. Say them where that does not hold.

    >>> from sklearn.metrics import cohen_kappa_score
    >>> kappa = from_function(cohen_kappa_score)
    >>> kappa.name, kappa.needs, kappa.higher_is_better
    ('cohen_kappa_score', 'labels', True)
    """
    inner: Any = function
    while isinstance(inner, partial):
        inner = inner.func
    called = getattr(inner, "__name__", type(inner).__name__)
    parameters = list(signature(inner).parameters)
    if needs is None:
        second = parameters[1] if len(parameters) > 1 else ""
        needs = "probabilities" if called in PROBABILITIES else SECOND.get(second, "labels")
    if higher_is_better is None:
        higher_is_better = BETTER.get(called.rpartition("_")[2])
    return Metric(
        name or called,
        tasks,
        higher_is_better,
        needs,
        exact=partial(_call, function, needs, "sample_weight" in parameters, _default(function)),
        interval="jackknife",
        note="exact, from kept rows",
    )


def _default(function: Callable[..., float]) -> tuple[Any, ...]:
    """The positive label that the function takes by itself, if it takes one."""
    found = signature(function).parameters.get("pos_label")
    return () if found is None else (found.default,)


def _call(
    function: Callable[..., float],
    needs: PredictionKind,
    weighted: bool,
    default: tuple[Any, ...],
    scored: Predictions,
    w: Array | None,
) -> float:
    """The function on labels as they were given; its positive label, if that is none of them,
    is the last.
    """
    y, said = decoded(scored, scored.y_true), decoded(scored, scored.y_pred)
    if needs != "labels":
        given = scored.y_score if scored.y_proba is None else scored.y_proba
        assert given is not None
        said = given[:, 1] if scored.task == "binary" and given.ndim == 2 else given
    classes = scored.classes if scored.task == "binary" else None
    if default and classes is not None and default[0] not in classes.tolist():
        function = partial(function, pos_label=classes[-1])
    if w is None:
        return float(function(y, said))
    if not weighted:
        raise ValueError("it takes no sample_weight, and the rows have weights")
    return float(function(y, said, sample_weight=w))


def decoded(scored: Predictions, values: Array) -> Array:
    """Labels as the user has them; (n,) for one output."""
    if scored.task in ("binary", "multiclass"):
        assert scored.classes is not None
        return scored.classes[values]
    return values.ravel() if values.shape[1] == 1 else values
