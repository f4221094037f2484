"""The methods that skl2onnx looks for on an estimator: a parser, a shape calculator, a converter.

skl2onnx passes the estimator itself to these. The first call registers the class of the estimator,
since options and estimators that contain others require it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx._parse import _parse_sklearn_simple_model
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common.data_types import (
    DictionaryType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    SequenceType,
    StringTensorType,
)

from mlpkit.plugin import FittedModel
from mlpkit_onnx.conversion import converted
from mlpkit_onnx.graph import Graph
from mlpkit_onnx.heads import (
    Labels,
    labels_of,
    predicted_labels,
    probabilities,
    regression_values,
    zipped,
)
from mlpkit_onnx.skl2onnx_encoders import register_encoder
from mlpkit_onnx.skl2onnx_graphs import add_nodes, graph_in, input_tensor
from mlpkit_onnx.tensors import Tensor

OPTIONS: dict[str, list[Any]] = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [True, False],
}


def register_converters(*classes: type) -> None:
    """Register classes of estimators with skl2onnx.

    It is necessary before the conversion of an estimator that contains others, such as
    `sklearn.calibration.CalibratedClassifierCV`, `sklearn.ensemble.VotingClassifier` and
    `sklearn.ensemble.StackingClassifier`. skl2onnx converts estimators of mlpkit themselves, and
    Pipelines with them, without it.

    Parameters
    ----------
    *classes : type
        Subclasses of `mlpkit.MLPClassifier` and `mlpkit.MLPRegressor`, by default these two, or
        encoders with a method ``portable``, such as `mlpkit_tabular.TabularEncoder`, as the first
        step of a Pipeline.

    Examples
    --------
    >>> from mlpkit_onnx import register_converters
    >>> register_converters()
    """
    from mlpkit import MLPClassifier, MLPRegressor

    for cls in classes or (MLPClassifier, MLPRegressor):
        alias = f"Mlpkit{cls.__qualname__}_{id(cls)}"  # unique, also if a notebook defines it again
        if cls in sklearn_operator_name_map:
            continue
        if hasattr(cls, "portable"):
            register_encoder(cls, alias)
            continue
        options = OPTIONS if issubclass(cls, MLPClassifier) else None
        update_registered_converter(
            cls, alias, shape_calculator, converter, parser=_parser, options=options
        )


def onnx_parser(estimator: Any) -> Callable[..., list[Any]]:
    """Return a function that declares the outputs of an estimator."""
    register_converters(type(estimator))

    def parse(scope: Any = None, inputs: Any = None) -> list[Any]:
        model = _model(estimator)
        kind = _float_type(model, inputs)
        if model.spec.task == "regression":
            return [scope.declare_local_variable("variable", kind())]
        options = _options(scope, estimator)
        labels = _labels(model, options)
        label_type = StringTensorType if labels.are_strings else Int64TensorType
        if options["zipmap"] is False:
            outputs = [("label", label_type()), ("probabilities", kind())]
            if options["output_class_labels"]:
                outputs.append(("class_labels", label_type([len(labels.values)])))
        elif options["output_class_labels"]:
            raise RuntimeError(
                "The option 'output_class_labels' requires the option 'zipmap': False."
            )
        else:
            outputs = [("output_label", label_type())]
            if options["zipmap"] == "columns":
                outputs += [(name, kind()) for name in labels.column_names]
            else:
                dicts = SequenceType(DictionaryType(label_type([None]), FloatTensorType([None])))
                outputs.append(("output_probability", dicts))
        return [scope.declare_local_variable(name, type_) for name, type_ in outputs]

    return parse


def onnx_shape_calculator(estimator: Any) -> Callable[[Any], None]:
    """Return the function that sets the types and shapes of the outputs."""
    return shape_calculator


def onnx_converter(estimator: Any) -> Callable[[Any, Any, Any], None]:
    """Return the function that adds the nodes of an estimator."""
    return converter


def _parser(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    return _parse_sklearn_simple_model(scope, model, inputs, custom_parsers)


def shape_calculator(operator: Any) -> None:
    """Set the types and shapes of the outputs of an operator."""
    model = _model(operator.raw_operator)
    n, kind = operator.inputs[0].get_first_dimension(), _float_type(model, operator.inputs)
    if model.spec.task == "regression":
        width = 1 if model.quantiles else model.spec.n_outputs
        operator.outputs[0].set_type(kind([n, width]))
        return
    options = _options(operator.scope_inst, operator.raw_operator)
    labels = _labels(model, options)
    label_type = StringTensorType if labels.are_strings else Int64TensorType
    multilabel = model.spec.task == "multilabel"
    operator.outputs[0].set_type(label_type([n, len(labels.values)] if multilabel else [n]))
    if _is_sequence(operator):
        return
    if options["zipmap"] == "columns" and len(operator.outputs) == 1 + len(labels.values):
        for output in operator.outputs[1:]:
            output.set_type(kind([n]))
        return
    operator.outputs[1].set_type(kind([n, len(labels.values)]))


def converter(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an operator to a container."""
    model = _model(operator.raw_operator)
    graph = graph_in(scope, container)
    inputs = [input_tensor(graph, variable) for variable in operator.inputs]
    result = converted(graph, model, inputs, np.dtype(model.spec.dtype), missing="")
    names = [output.full_name for output in operator.outputs]
    dtype = np.float64 if _float_type(model, operator.inputs) is DoubleTensorType else np.float32
    if model.spec.task == "regression":
        tensors = [regression_values(result).cast(dtype)]
    else:
        tensors = _classifier_outputs(operator, graph, model, result, dtype, names)
    for name, tensor in zip(names, tensors, strict=False):
        graph.node("Identity", [tensor.name], output=name)
    add_nodes(graph, container)


def _classifier_outputs(
    operator: Any, graph: Graph, model: FittedModel, result: Any, dtype: Any, names: list[str]
) -> list[Tensor]:
    """Return the tensors of the first outputs; a list of dicts is added here."""
    options = _options(operator.scope_inst, operator.raw_operator)
    labels = _labels(model, options)
    label, p = predicted_labels(model, result, labels), probabilities(model, result).cast(dtype)
    if _is_sequence(operator):
        zipped(graph, p, labels, names[1])
        return [label]
    if options["zipmap"] == "columns" and len(names) == 1 + len(labels.values):
        return [label, *(p[:, i] for i in range(p.shape[1]))]
    if len(names) == 2:
        return [label, p]
    name, values = graph.constant(labels.values, "classes"), labels.values
    return [label, p, Tensor(graph, name, values.dtype, values.shape)]


def _model(estimator: Any) -> FittedModel:
    """Return the fitted model of an estimator."""
    model: FittedModel = estimator.export(lambda model: model)
    return model


def _options(scope: Any, estimator: Any) -> dict[str, Any]:
    """Return the options of an estimator."""
    defaults = {"zipmap": True, "output_class_labels": False, "nocl": False}
    options: dict[str, Any] = scope.get_options(estimator, defaults)
    return options


def _labels(model: FittedModel, options: dict[str, Any]) -> Labels:
    """Return the labels of a classifier, or their indices with the option ``nocl``."""
    if options["nocl"]:
        indices = np.arange(len(model.spec.classes or ()))
        return Labels(indices, tuple(f"i{i}" for i in indices))
    return labels_of(model)


def _is_sequence(operator: Any) -> bool:
    """Whether probabilities are a list of dicts."""
    return len(operator.outputs) > 1 and isinstance(operator.outputs[1].type, SequenceType)


def _float_type(model: FittedModel, inputs: Any) -> Any:
    """Return the type of probabilities: that of X, and that of the network for a table."""
    if len(inputs) == 1 and not isinstance(inputs[0].type, StringTensorType):
        return DoubleTensorType if isinstance(inputs[0].type, DoubleTensorType) else FloatTensorType
    return DoubleTensorType if model.spec.dtype == "float64" else FloatTensorType
