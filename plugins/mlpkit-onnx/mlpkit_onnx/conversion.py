"""The conversion of a fitted model: from the inputs of a graph to its predictions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit.backend_kit import ModelOutputs, predictions
from mlpkit.plugin import Array, FittedModel
from mlpkit_onnx import namespace
from mlpkit_onnx.encoders import encoded_rows
from mlpkit_onnx.errors import NotConvertible
from mlpkit_onnx.graph import Graph
from mlpkit_onnx.tensors import Tensor

BY_KERAS = (
    "Convert a network of Keras with to_keras(), and export the result:"
    ' clf.to_keras().export("m.onnx", format="onnx").'
)


def check_convertible(model: FittedModel) -> None:
    """Raise NotConvertible for a network whose forward pass is that of a framework."""
    if model.network.apply is not None:
        raise NotConvertible(
            "to_onnx() supports networks of builder='dense' and networks with an xp_apply, such as"
            f" those of mlpkit-tabular, but the forward pass of this network is {_name(model)}."
            f" {BY_KERAS}"
        )


def converted(
    graph: Graph, model: FittedModel, inputs: Sequence[Tensor], dtype: Any, missing: str
) -> ModelOutputs:
    """Add the encoder and the network of a model to a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    model : FittedModel
        The model.
    inputs : sequence of Tensor of shape (n, k)
        The columns of X, in one or several parts.
    dtype : dtype
        The dtype of the network in the graph.
    missing : str
        The string that stands for a missing value.

    Returns
    -------
    ModelOutputs
        Tensors of the graph.

    Raises
    ------
    NotConvertible
        If the network or the encoder cannot be converted to ONNX.
    """
    check_convertible(model)
    arrays = {name: _in_dtype(a, dtype) for name, a in model.network.arrays.items()}
    with graph.current():
        x = encoded_rows(graph, model, inputs, missing).cast(dtype)
        try:
            return predictions(namespace, model, arrays, x)
        except NotConvertible as error:
            raise NotConvertible(f"to_onnx() cannot convert this network: {error}") from None


def _in_dtype(array: Array, dtype: Any) -> Array:
    """Return floating-point weights in the dtype of the graph."""
    array = np.asarray(array)
    return array.astype(dtype, copy=False) if array.dtype.kind == "f" else array


def _name(model: FittedModel) -> str:
    """Return how messages call a forward pass."""
    apply = model.network.apply
    cls = type(apply)
    named: Any = apply if hasattr(apply, "__qualname__") else cls
    return f"that of {named.__module__}.{named.__qualname__}"
