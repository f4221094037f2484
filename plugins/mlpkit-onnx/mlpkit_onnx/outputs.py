"""The outputs of a model that is exported without another library, with scikit-learn's names."""

from typing import Any, Literal

import numpy as np
from onnx import ValueInfoProto, helper

from mlpkit.backend_kit import ModelOutputs
from mlpkit.plugin import FittedModel
from mlpkit_onnx.graph import Graph, has_rows, onnx_type
from mlpkit_onnx.heads import (
    Labels,
    labels_of,
    predicted_labels,
    probabilities,
    regression_values,
    zipped,
)
from mlpkit_onnx.tensors import Tensor


def outputs_of(
    graph: Graph,
    model: FittedModel,
    result: ModelOutputs,
    zipmap: bool | Literal["columns"],
    dtype: Any,
) -> list[ValueInfoProto]:
    """Add the outputs to a graph, and return their descriptions."""
    if model.spec.task == "regression":
        outputs = [_output(graph, "variable", regression_values(result).cast(dtype))]
        if result.prediction is not None:
            outputs.append(_output(graph, "quantiles", result.values.cast(dtype)))
        return outputs
    labels = labels_of(model)
    label, p = predicted_labels(model, result, labels), probabilities(model, result).cast(dtype)
    if zipmap is False:
        return [_output(graph, "label", label), _output(graph, "probabilities", p)]
    outputs = [_output(graph, "output_label", label)]
    if zipmap == "columns":
        for i, name in enumerate(labels.column_names):
            outputs.append(_output(graph, name, p[:, i]))
        return outputs
    name = graph.reserve("output_probability")
    zipped(graph, p, labels, name)
    return [*outputs, _dicts(name, labels)]


def _output(graph: Graph, name: str, tensor: Tensor) -> ValueInfoProto:
    """Give a tensor a name as an output."""
    name = graph.reserve(name)
    graph.node("Identity", [tensor.name], output=name)
    return described(name, tensor)


def described(name: str, tensor: Tensor) -> ValueInfoProto:
    """Return the description of a tensor: its type, and its shape without the number of rows."""
    shape = [None if has_rows(n) else n for n in tensor.shape]
    return helper.make_tensor_value_info(name, onnx_type(tensor.dtype), shape)


def _dicts(name: str, labels: Labels) -> ValueInfoProto:
    """Return the description of a sequence of dicts."""
    value = helper.make_tensor_type_proto(onnx_type(np.float32), [])
    key = onnx_type(labels.values.dtype)
    return helper.make_value_info(
        name, helper.make_sequence_type_proto(helper.make_map_type_proto(key, value))
    )
