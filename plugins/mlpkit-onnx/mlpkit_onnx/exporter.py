"""The exporter "onnx"."""

import os
from typing import Literal

import numpy as np
from onnx import ModelProto, checker, defs, helper

import mlpkit
from mlpkit.backend_kit import write_atomically
from mlpkit.plugin import FittedModel
from mlpkit_onnx.conversion import check_convertible, converted
from mlpkit_onnx.graph import LOWEST_OPSET, Graph
from mlpkit_onnx.heads import ZIPMAPS
from mlpkit_onnx.inputs import descriptions, inputs_of
from mlpkit_onnx.outputs import outputs_of

OPSET = 18  # default version of the operators


def to_onnx(
    model: FittedModel,
    path: str | os.PathLike[str] | None = None,
    *,
    zipmap: bool | Literal["columns"] = False,
    dtype: Literal["float32", "float64"] | None = None,
    target_opset: int = OPSET,
    missing: str = "",
) -> ModelProto:
    """Convert a fitted estimator to a model of ONNX.

    This is ``estimator.to_onnx()``. Names of inputs and outputs are those of skl2onnx. The number
    of rows is not fixed.

    Parameters
    ----------
    model : FittedModel
        A model with a dense network or one with an `xp_apply`.
    path : str or path-like or None, default=None
        The file to write.
    zipmap : bool or "columns", default=False
        The probabilities of a classifier, as in scikit-learn's converters: False means the output
        "probabilities" of shape (n, n_classes), True the output "output_probability", a list of
        dicts, and "columns" one output for each class.
    dtype : {"float32", "float64"} or None, default=None
        The dtype of the network and of its outputs, and of X if the estimator has no encoder of
        tables. None means the dtype of the network.
    target_opset : int, default=18
        Version of the operators of ONNX, at least 13.
    missing : str, default=""
        The string that stands for a missing value in columns of strings.

    Returns
    -------
    onnx.ModelProto
        The model, which `onnx.checker` has checked.

    Raises
    ------
    ValueError
        If the network, the encoder or the labels cannot be converted to ONNX, or an option is
        invalid.
    """
    if zipmap not in ZIPMAPS:
        raise ValueError(f"zipmap must be False, True or 'columns', got {zipmap!r}.")
    if dtype not in (None, "float32", "float64"):
        raise ValueError(f"dtype must be 'float32', 'float64' or None, got {dtype!r}.")
    newest = defs.onnx_opset_version()
    if not LOWEST_OPSET <= target_opset <= newest:
        raise ValueError(
            f"target_opset must be between {LOWEST_OPSET} and {newest}, the newest version of the"
            f" installed package onnx; got {target_opset}."
        )
    check_convertible(model)
    graph, chosen = Graph(target_opset), np.dtype(dtype or model.spec.dtype)
    inputs = inputs_of(graph, model, chosen)
    result = converted(graph, model, inputs, chosen, missing)
    outputs = outputs_of(graph, model, result, zipmap, chosen)
    domains = [helper.make_opsetid(name, version) for name, version in graph.domains.items()]
    made = helper.make_model(
        helper.make_graph(
            graph.nodes, "mlpkit", descriptions(graph, inputs), outputs, graph.initializers
        ),
        opset_imports=domains,
        ir_version=helper.find_min_ir_version_for(domains),
        producer_name="mlpkit",
        producer_version=mlpkit.__version__,
    )
    checker.check_model(made, full_check=True)
    if path is not None:
        write_atomically(path, lambda file: file.write(made.SerializeToString()))
    return made
