"""The inputs of a model that is exported without another library."""

from typing import Any

import numpy as np
from onnx import ValueInfoProto

from mlpkit.plugin import FittedModel, TableColumn
from mlpkit_onnx.encoders import portable_encoding
from mlpkit_onnx.errors import NotConvertible, check_text
from mlpkit_onnx.graph import ROWS, Graph
from mlpkit_onnx.outputs import described
from mlpkit_onnx.tensors import Tensor

MATRIX = "X"  # the name of the input of a model whose inputs are numbers


def inputs_of(graph: Graph, model: FittedModel, dtype: Any) -> list[Tensor]:
    """Return the inputs: the matrix X, or the columns of a table.

    Numbers of a table are float64, whatever the dtype of the network is, since an encoder computes
    in float64. Raises NotConvertible for a transformer of scikit-learn whose inputs are not known
    to be numbers.
    """
    encoding = None if model.encoder is None else portable_encoding(model)
    if encoding is None:
        if model.encoder is not None and not _accepts_numbers(model):
            raise NotConvertible(
                f"The types of the columns of {type(model.encoder).__name__} are not known."
                " Convert the estimator with skl2onnx.to_onnx(estimator, X), where X is a table"
                " with these types."
            )
        return [_input(graph, MATRIX, dtype, model.n_features)]
    by_position = {column.position: column for column in encoding.columns}
    used = list(by_position.values())
    all_numbers = len(used) == model.n_features and not any(
        c.has_strings or c.kind == "date" for c in used
    )
    if model.feature_names is None and all_numbers:
        return [_input(graph, MATRIX, np.float64, model.n_features)]
    names = model.feature_names or ("",) * model.n_features
    inputs = []
    for i, name in enumerate(names):
        check_text(name, "A name of a column")
        dtype = _dtype(by_position[i]) if i in by_position else np.float64
        inputs.append(_input(graph, name or f"x{i}", dtype))
    return inputs


def descriptions(graph: Graph, inputs: list[Tensor]) -> list[ValueInfoProto]:
    """Return the descriptions of the inputs that a finished graph reads."""
    read = {name for node in graph.nodes for name in node.input}
    return [described(tensor.name, tensor) for tensor in inputs if tensor.name in read]


def _dtype(column: TableColumn) -> Any:
    if column.has_strings:
        return object
    return np.int64 if column.kind == "date" else np.float64


def _input(graph: Graph, name: str, dtype: Any, width: int = 1) -> Tensor:
    return Tensor(graph, graph.reserve(name), dtype, (ROWS, width))


def _accepts_numbers(model: FittedModel) -> bool:
    """Whether an encoder accepts a matrix of zeros."""
    try:
        model.encoder.transform(np.zeros((1, model.n_features)))
    except (TypeError, ValueError, AttributeError, IndexError, KeyError):
        return False
    return True
