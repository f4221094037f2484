"""The outputs of a graph: labels and probabilities, or predicted values."""

from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit import ModelOutputs
from mlpkit.plugin import Array, FittedModel
from mlpkit_onnx import namespace as xp
from mlpkit_onnx.errors import NotConvertible, check_text
from mlpkit_onnx.graph import ML, Graph
from mlpkit_onnx.tensors import Tensor

ZIPMAPS = (False, True, "columns")


class Labels(NamedTuple):
    """The class labels of a classifier as ONNX represents them.

    Parameters
    ----------
    values : ndarray of shape (n_classes,)
        int64, or objects that are strings.
    column_names : tuple of str
        Names of the outputs with the probabilities of single classes, as skl2onnx forms them.
    """

    values: Array
    column_names: tuple[str, ...]

    @property
    def are_strings(self) -> bool:
        """Whether the labels are strings; else they are integers."""
        return bool(self.values.dtype == object)


def labels_of(model: FittedModel) -> Labels:
    """Return the labels of a classifier; booleans and whole numbers are integers.

    Raises NotConvertible for other labels.
    """
    values = np.array(model.spec.classes)
    if values.dtype.kind in "OU":
        values = np.array([str(v) for v in model.spec.classes or ()], dtype=object)
        for value in values:
            check_text(value, "A class label")
        return Labels(values, tuple(f"s{v}" for v in values))
    integers = values.astype(np.int64) if values.dtype.kind in "biuf" else None
    if integers is None or not np.array_equal(integers, values):
        raise NotConvertible(
            f"The class labels are {values.dtype} values such as {values[0]}, but the labels of a"
            " classifier in ONNX are strings or 64-bit integers. Fit the estimator with"
            " such labels."
        )
    return Labels(integers, tuple(f"i{int(v)}" for v in integers))


def probabilities(model: FittedModel, result: ModelOutputs) -> Tensor:
    """Return the probabilities of all classes, (n, n_classes)."""
    p: Tensor = result.values
    if model.spec.task == "multilabel" or p.shape[1] > 1:
        return p
    if len(model.spec.classes or ()) == 1:
        return xp.ones_like(p)
    return xp.concat([1 - p, p], axis=1)


def predicted_labels(model: FittedModel, result: ModelOutputs, labels: Labels) -> Tensor:
    """Return the predicted labels (n,), or the indicators of multilabel targets (n, n_labels)."""
    p: Tensor = result.outputs
    if model.spec.task == "multilabel":
        return (p > 0.5).cast(np.int64)
    if p.shape[1] > 1:
        name = p.graph.node("ArgMax", [p.name], axis=1, keepdims=0)
        index = Tensor(p.graph, name, np.int64, p.shape[:1])
    else:
        # a single class is certain, whatever the output is
        index = (p[:, 0] > (0.5 if len(labels.values) > 1 else np.inf)).cast(np.int64)
    names = p.graph.constant(labels.values, "classes")
    label = p.graph.node("Gather", [names, index.name], axis=0)
    return Tensor(p.graph, label, labels.values.dtype, p.shape[:1])


def zipped(graph: Graph, p: Tensor, labels: Labels, output: str) -> str:
    """Return the name of a sequence with one dict, label to probability, for each row."""
    key = "classlabels_strings" if labels.are_strings else "classlabels_int64s"
    values: Any = labels.values.tolist()
    # the operator supports float32 only
    inputs = [p.cast(np.float32).name]
    return graph.node("ZipMap", inputs, domain=ML, output=output, **{key: values})


def regression_values(result: ModelOutputs) -> Tensor:
    """Return what a regressor predicts, (n, n_outputs)."""
    values: Tensor = result.values
    if result.prediction is None:
        return values
    return values[:, result.prediction : result.prediction + 1]
