"""Encoders with a description as transformers in a Pipeline that skl2onnx converts."""

from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import FloatTensorType

from mlpkit_onnx.encoders import check_columns, portable_rows
from mlpkit_onnx.skl2onnx_graphs import add_nodes, graph_in, input_tensor


def register_encoder(cls: type, alias: str) -> None:
    """Register a class of encoders that have a method ``portable``."""

    def parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
        operator = scope.declare_local_operator(alias, model)
        operator.inputs = inputs
        operator.outputs.append(scope.declare_local_variable("variable", FloatTensorType()))
        return operator.outputs

    update_registered_converter(cls, alias, _shape_calculator, _converter, parser=parse)


def _shape_calculator(operator: Any) -> None:
    """Set the shape of the encoded rows."""
    n, width = operator.inputs[0].get_first_dimension(), len(operator.raw_operator.columns)
    operator.outputs[0].set_type(FloatTensorType([n, width]))


def _converter(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an encoder to a container."""
    encoder = operator.raw_operator
    graph = graph_in(scope, container)
    inputs = [input_tensor(graph, variable) for variable in operator.inputs]
    check_columns(inputs, encoder.n_features_in_)
    with graph.current():
        rows = portable_rows(graph, encoder.portable(), inputs, missing="")
    rows = rows.cast(np.float32)
    graph.node("Identity", [rows.name], output=operator.outputs[0].full_name)
    add_nodes(graph, container)
