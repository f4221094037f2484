"""Fitted targets as plain values, and back."""

from typing import Any

from sklearn.preprocessing import LabelBinarizer

from mlpkit.data.target_scale import TargetRange, TargetScale
from mlpkit.data.targets import ClassTargets, RealTargets, Targets
from mlpkit.files.fields import Fields
from mlpkit.objectives.quantiles import checked_quantiles
from mlpkit.plugin import Array

# the types of targets of a fitted `LabelBinarizer`, by the task
BINARIZED = {
    "binary": "binary",
    "multiclass": "multiclass",
    "multilabel": "multilabel-indicator",
}


def targets_state(targets: Targets) -> dict[str, Any]:
    """Return the state of targets.

    >>> targets_state(RealTargets("squared_error"))["n_outputs"]
    """
    if isinstance(targets, ClassTargets):
        sparse = bool(targets.binarizer.sparse_input_)
        return {"task": targets.task, "classes": targets.classes, "is_sparse": sparse}
    return {
        "task": targets.task,
        "loss": targets.loss,
        "standardize": targets.standardize,
        "clip": targets.clip,
        "quantiles": None if targets.quantiles is None else list(targets.quantiles),
        "scale": None if targets.scale is None else targets.scale._asdict(),
        "range": None if targets.range is None else targets.range._asdict(),
        "n_outputs": targets.n_outputs,
    }


def targets_of(state: Any) -> Targets:
    """Return the targets of a state; raise ValueError if it is invalid."""
    fields = Fields(state, "targets")
    is_real = fields.text("task", (*BINARIZED, "regression")) == "regression"
    return _real_targets(fields) if is_real else _class_targets(fields)


def _class_targets(fields: Fields) -> ClassTargets:
    task, classes = fields.text("task"), fields.array("classes", (None,), "biufUSO")
    n, least, most = len(classes), 3 if task == "multiclass" else 1, 2 if task == "binary" else None
    if n < least or (most is not None and n > most):
        raise fields.invalid("classes", classes, f"the classes of a {task} task")
    binarizer = LabelBinarizer()
    binarizer.y_type_, binarizer.classes_ = BINARIZED[task], classes
    binarizer.sparse_input_ = fields.boolean("is_sparse")
    return ClassTargets.of(binarizer)


def _real_targets(fields: Fields) -> RealTargets:
    quantiles = tuple(fields.value("quantiles", list)) if fields.has("quantiles") else None
    if quantiles is not None and quantiles != checked_quantiles(quantiles, "quantiles"):
        raise fields.invalid("quantiles", quantiles, "ascending numbers between 0 and 1")
    targets = RealTargets(
        fields.text("loss", ("poisson", "squared_error")),
        fields.boolean("standardize"),
        fields.boolean("clip"),
        quantiles,
    )
    n = None if quantiles is None else 1
    if fields.has("n_outputs"):
        n = targets.n_outputs = fields.integer("n_outputs", least=1, most=n)
    if fields.has("scale"):
        targets.scale = TargetScale(*_columns(fields.fields("scale"), TargetScale, n))
    if fields.has("range"):
        targets.range = TargetRange(*_columns(fields.fields("range"), TargetRange, n))
    return targets


def _columns(fields: Fields, record: Any, n_outputs: int | None) -> list[Array]:
    """The arrays of a record, one number for each output."""
    return [fields.array(name, (n_outputs,), "f") for name in record._fields]
