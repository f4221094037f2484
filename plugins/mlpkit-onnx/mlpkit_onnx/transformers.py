"""Transformers of scikit-learn as encoders, which skl2onnx converts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, numpy_helper

from mlpkit.plugin import FittedModel
from mlpkit_onnx.errors import NotConvertible
from mlpkit_onnx.graph import Graph
from mlpkit_onnx.tensors import Tensor


def transformed(graph: Graph, model: FittedModel, inputs: Sequence[Tensor]) -> Tensor:
    """Return the rows that a transformer of scikit-learn makes of its inputs.

    Raises NotConvertible if skl2onnx is not installed, or does not support the transformer.
    """
    name = type(model.encoder).__name__
    try:
        import skl2onnx
        from skl2onnx.common import data_types
    except ImportError as error:
        raise NotConvertible(
            f"The encoder {name} has no method portable, which describes an encoder for exporters."
            " If it is a transformer of scikit-learn, install skl2onnx, which converts it: pip"
            " install skl2onnx"
        ) from error
    types: dict[str, Any] = {
        "f": data_types.FloatTensorType,
        "d": data_types.DoubleTensorType,
        "l": data_types.Int64TensorType,
        "?": data_types.BooleanTensorType,
        "O": data_types.StringTensorType,
    }
    names: Sequence[str] = [f"input_{i}" for i in range(len(inputs))]
    if model.feature_names is not None and len(inputs) == model.n_features:
        names = model.feature_names  # by which a ColumnTransformer selects them
    initial = [
        (column, types[np.dtype(t.dtype).char]([None, t.shape[1]]))
        for column, t in zip(names, inputs, strict=True)
    ]
    try:
        part = skl2onnx.convert_sklearn(
            model.encoder, initial_types=initial, target_opset={"": graph.opset, "ai.onnx.ml": 3}
        )
    except Exception as error:
        raise NotConvertible(
            f"skl2onnx cannot convert the encoder {name}: {type(error).__name__}: {error}"
        ) from error
    dtype = np.dtype("float64" if _is_double(part) else "float32")
    output = inlined(graph, part, dict(zip(names, inputs, strict=True)))
    return Tensor(graph, output, dtype, (inputs[0].shape[0], model.spec.n_features))


def _is_double(part: ModelProto) -> bool:
    """Whether the first output is float64."""
    return bool(part.graph.output[0].type.tensor_type.elem_type == 11)


def inlined(graph: Graph, part: ModelProto, inputs: dict[str, Tensor]) -> str:
    """Add the nodes of a model to a graph with new names; return the name of its first output."""
    names = {name: tensor.name for name, tensor in inputs.items()}
    for constant in part.graph.initializer:
        names[constant.name] = graph.constant(numpy_helper.to_array(constant), constant.name)
    for node in part.graph.node:
        for output in node.output:
            names[output] = graph.reserve(output)
        copy = type(node)()
        copy.CopyFrom(node)
        copy.ClearField("name")
        copy.input[:] = [names.get(name, name) for name in node.input]
        copy.output[:] = [names[name] for name in node.output]
        graph.nodes.append(copy)
    for imported in part.opset_import:
        graph.domains.setdefault(imported.domain, imported.version)
    return names[part.graph.output[0].name]
