"""Graphs inside a model that skl2onnx makes: their inputs, and their nodes in its container."""

from typing import Any

import numpy as np
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
)

from mlpkit_onnx.errors import NotConvertible
from mlpkit_onnx.graph import LOWEST_OPSET, ROWS, Graph
from mlpkit_onnx.tensors import Tensor

DTYPES: list[tuple[Any, Any]] = [
    (FloatTensorType, np.float32),
    (DoubleTensorType, np.float64),
    (Int64TensorType, np.int64),
    (Int32TensorType, np.int32),
    (BooleanTensorType, np.bool_),
    (StringTensorType, object),
]


def graph_in(scope: Any, container: Any) -> Graph:
    """Return a graph whose names are unique in a scope.

    Raises NotConvertible if the version of the operators is not supported.
    """
    if container.target_opset < LOWEST_OPSET:
        raise NotConvertible(
            f"Estimators of mlpkit require target_opset >= {LOWEST_OPSET}, got"
            f" {container.target_opset}."
        )
    return Graph(container.target_opset, scope.get_unique_variable_name)


def input_tensor(graph: Graph, variable: Any) -> Tensor:
    """Return an input of an operator."""
    for kind, dtype in DTYPES:
        if isinstance(variable.type, kind):
            shape = variable.type.shape
            width = shape[1] if len(shape) > 1 else 1
            if not isinstance(width, int):
                raise NotConvertible(
                    f"The number of columns of the input {variable.full_name!r} is not known. Pass"
                    " X to skl2onnx.to_onnx, or initial_types with the number of columns."
                )
            return Tensor(graph, variable.full_name, dtype, (ROWS, width))
    raise NotConvertible(
        f"The input {variable.full_name!r} has the type {type(variable.type).__name__}; expected"
        " numbers, booleans or strings."
    )


def add_nodes(graph: Graph, container: Any) -> None:
    """Add the nodes of a graph to a container of skl2onnx."""
    container.initializers.extend(graph.initializers)
    for node in graph.nodes:
        container.check_white_black_list(node.op_type)
        container.nodes.append(node)
    for domain, version in graph.domains.items():
        container.node_domain_version_pair_sets.add((domain, version))
