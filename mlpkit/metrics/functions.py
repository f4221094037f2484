"""Metrics from functions with the signature of scikit-learn's metrics."""

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

from mlpkit.plugin import Array, Metric, PredictionKind, Predictions, Task

ALL_TASKS: tuple[Task, ...] = ("binary", "multiclass", "multilabel", "regression")
# the kind of predictions by the name of the second parameter, as scikit-learn names it
SECOND_PARAMETER: dict[str, PredictionKind] = {
    "y_score": "scores",
    "pred_decision": "scores",
    "y_proba": "probabilities",
    "y_prob": "probabilities",
}
PROBABILITIES = ("log_loss", "d2_log_loss_score")  # their second parameter is y_pred
HIGHER_IS_BETTER = {"score": True, "loss": False, "error": False, "deviance": False}


def from_function(
    function: Callable[..., float],
    *,
    name: str | None = None,
    needs: PredictionKind | None = None,
    higher_is_better: bool | None = None,
    tasks: tuple[Task, ...] = ALL_TASKS,
) -> Metric:
    """Make a metric from a function of targets and predictions.

    The metric is computed from the rows of each group, which are kept. Its confidence interval
    is computed by a jackknife over 20 blocks of rows.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred)`` or ``function(y_true, y_pred, sample_weight=...)``, which
        returns a float.
    name : str or None, default=None
        Name of the metric, by default that of the function.
    needs : {"labels", "scores", "probabilities"} or None, default=None
        What the function expects as its second argument. If None, "scores" or "probabilities" is
        derived from the name of its second parameter, such as ``y_score`` or ``y_proba``;
        otherwise it is "labels".
    higher_is_better : bool or None, default=None
        If None, it is derived from the name of the function: True if this ends in ``_score``,
        False if in ``_loss``, ``_error`` or ``_deviance``.
    tasks : tuple of str, default=("binary", "multiclass", "multilabel", "regression")
        The types of targets that the function supports.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from sklearn.metrics import cohen_kappa_score
    >>> kappa = from_function(cohen_kappa_score)
    >>> kappa.name, kappa.needs, kappa.higher_is_better
    ('cohen_kappa_score', 'labels', True)
    """
    inner: Any = function
    while isinstance(inner, partial):
        inner = inner.func
    own_name = getattr(inner, "__name__", type(inner).__name__)
    parameters = list(signature(inner).parameters)
    if needs is None:
        second = parameters[1] if len(parameters) > 1 else ""
        needs = SECOND_PARAMETER.get(second, "labels")
        needs = "probabilities" if own_name in PROBABILITIES else needs
    if higher_is_better is None:
        higher_is_better = HIGHER_IS_BETTER.get(own_name.rpartition("_")[2])
    weighted = "sample_weight" in parameters
    return Metric(
        name or own_name,
        tasks,
        higher_is_better,
        needs,
        exact=partial(_call, function, needs, weighted, _default_pos_label(function)),
        interval="jackknife",
        note="exact, from kept rows",
    )


def _default_pos_label(function: Callable[..., float]) -> tuple[Any, ...]:
    """The default of the parameter `pos_label`, if the function has it."""
    parameter = signature(function).parameters.get("pos_label")
    return () if parameter is None else (parameter.default,)


def _call(
    function: Callable[..., float],
    needs: PredictionKind,
    weighted: bool,
    pos_label: tuple[Any, ...],
    predictions: Predictions,
    w: Array | None,
) -> float:
    """Call the function with the user's labels.

    If its default `pos_label` is not one of the classes, the last class is passed.
    """
    y_true, y_pred = (
        decoded(predictions, values) for values in (predictions.y_true, predictions.y_pred)
    )
    if needs != "labels":
        scores = predictions.y_score if predictions.y_proba is None else predictions.y_proba
        assert scores is not None
        y_pred = scores[:, 1] if predictions.task == "binary" and scores.ndim == 2 else scores
    classes = predictions.classes if predictions.task == "binary" else None
    if pos_label and classes is not None and pos_label[0] not in classes.tolist():
        function = partial(function, pos_label=classes[-1])
    if w is None:
        return float(function(y_true, y_pred))
    if not weighted:
        raise ValueError("the function has no parameter sample_weight, but the rows have weights")
    return float(function(y_true, y_pred, sample_weight=w))


def decoded(predictions: Predictions, values: Array) -> Array:
    """Targets or predictions with the user's labels; (n,) for one output."""
    if predictions.task in ("binary", "multiclass"):
        assert predictions.classes is not None
        return predictions.classes[values]
    return values.ravel() if values.shape[1] == 1 else values
