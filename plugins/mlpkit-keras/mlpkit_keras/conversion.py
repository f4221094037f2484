"""Conversion of trained networks to Keras models, and of Keras models to fitted estimators."""

import sys
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlpkit.backend_kit import predicting_network
from mlpkit.plugin import Arrays, FittedModel, Network, Spec
from mlpkit_keras.architectures import ConfigArchitecture
from mlpkit_keras.hidden_activations import KERAS_NAMES, activation_layer
from mlpkit_keras.networks import KerasApply, variables_of
from mlpkit_keras.output_activations import MLPKIT_NAMES, last_activation
from mlpkit_keras.runtime import (
    COMPUTE_BACKENDS,
    active_keras,
    default_seeds,
    keras_for,
    keras_scope,
    to_numpy,
)

if TYPE_CHECKING:
    from mlpkit import MLPClassifier, MLPRegressor


def to_keras(model: FittedModel, *, without_encoder: bool = False) -> Any:
    """Convert the network of a fitted estimator to a Keras model.

    This is ``estimator.to_keras()``. The model includes the activation function of the output
    layer, so it returns probabilities if the estimator is a classifier. They are calibrated if
    those of the estimator are, and predictions are in the units of y. They are not clipped.

    Parameters
    ----------
    model : FittedModel
        A model whose network is a Keras model or a dense network.
    without_encoder : bool, default=False
        Whether to convert the network of an estimator with an encoder, which the result leaves
        out: its inputs are the rows that ``estimator.encoder_.transform(X)`` returns.

    Returns
    -------
    keras.Model
        A new model with the weights of the network, for ``model.save``, ``model.export`` and
        ``model.fit``.

    Raises
    ------
    ValueError
        If the network was made by another builder, or if the estimator has an encoder.
    """
    if model.encoder is not None and not without_encoder:
        raise ValueError(
            "to_keras() cannot convert the encoder of the estimator. Call"
            " to_keras(without_encoder=True) for the network alone, and pass"
            " encoder_.transform(X) to it."
        )
    apply = model.network.apply
    if model.network.xp_apply is not None or not isinstance(apply, KerasApply | None):
        raise ValueError(
            "to_keras() supports Keras models and the networks of builder='dense', but this network"
            " was made by another builder."
        )
    converted = keras_model(predicting_network(model), model.spec)
    with keras_scope(model.spec.dtype):
        # `export` requires that a model has been called
        converted(np.zeros((1, model.spec.n_features), model.spec.dtype), training=False)
    return converted


def keras_model(network: Network, spec: Spec) -> Any:
    """Return a new Keras model of a dense network, or of a network that is a Keras model."""
    if "keras" not in sys.modules and spec.backend in COMPUTE_BACKENDS:
        keras_for(spec.backend)
    apply: Any = network.apply
    if apply is None:
        return _dense_model(network, spec)
    with keras_scope(apply.dtype):
        model = apply.architecture.model()
        assign(model, network.arrays)
    return model


def _dense_model(network: Network, spec: Spec) -> Any:
    keras = active_keras()
    with keras_scope(spec.dtype), default_seeds():
        layers, dense_layers = [keras.Input((spec.n_features,), dtype=spec.dtype)], []
        activations, dropouts = (*spec.activations, spec.out_activation), (*spec.dropouts, 0.0)
        for units, name, dropout in zip(spec.layer_units[1:], activations, dropouts, strict=True):
            activation = None if name == "leaky_relu" else KERAS_NAMES.get(name, name)
            dense_layers.append(keras.layers.Dense(units, activation, dtype=spec.dtype))
            layers.append(dense_layers[-1])
            if activation is None:
                layers.append(activation_layer(name, spec.dtype))
            if dropout:
                layers.append(keras.layers.Dropout(dropout, dtype=spec.dtype))
        model = keras.Sequential(layers)
        for i, layer in enumerate(dense_layers):
            layer.kernel.assign(network.arrays[f"coef_{i}"])
            layer.bias.assign(network.arrays[f"intercept_{i}"])
    return model


def assign(model: Any, arrays: Arrays) -> None:
    """Write the arrays of a network into the variables of its model."""
    for name, variable in variables_of(model).items():
        variable.assign(np.asarray(arrays[name]))


class TrainedModelBuilder:
    """A builder that returns copies of a trained model. It can be pickled."""

    def __init__(self, model: Any) -> None:
        with keras_scope("float32"):
            self.architecture = ConfigArchitecture(model)
        self.weights = [to_numpy(v) for v in model.variables]
        double = any(a.dtype == "float64" for a in self.weights)
        self.dtype = "float64" if double else "float32"
        self.__qualname__ = f"from_keras({model.name})"

    @classmethod
    def of(cls, architecture: ConfigArchitecture, weights: list[Any], name: str) -> Self:
        """The builder of a model of an architecture with these values of its variables."""
        builder = cls.__new__(cls)
        builder.architecture, builder.weights = architecture, weights
        builder.dtype = "float64" if any(a.dtype == "float64" for a in weights) else "float32"
        builder.__qualname__ = name
        return builder

    def __call__(self, spec: Spec) -> Any:
        """A copy of the model."""
        keras_for(spec.backend)
        with keras_scope(self.dtype):
            model = self.architecture.model()
            for variable, value in zip(model.variables, self.weights, strict=True):
                variable.assign(value)
        return model


def from_keras(
    model: Any, *, classes: Any = None, multilabel: bool = False, **params: Any
) -> "MLPClassifier | MLPRegressor":
    """Convert a trained Keras model to a fitted estimator, without training.

    Parameters
    ----------
    model : keras.Model
        A Sequential or functional model that is built, with one input of shape (n, n_features)
        and one output of shape (n, n_outputs).
    classes : array-like of shape (n_classes,) or None, default=None
        Class labels in the order of the outputs. If None, the estimator is a regressor, unless
        the last activation function is softmax or sigmoid: then the labels are 0, 1, 2, ...
    multilabel : bool, default=False
        Whether each output is a label of its own.
    **params
        Further parameters of the estimator. The default backend is the one that Keras runs on.

    Returns
    -------
    estimator : MLPClassifier or MLPRegressor
        A fitted estimator whose `builder` returns copies of the model. `fit` trains from these
        weights, `partial_fit` continues from them.

    Raises
    ------
    ValueError
        If the model is subclassed or not built.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from mlpkit_keras import from_keras
    >>> layers = [keras.Input((4,)), keras.layers.Dense(3, activation="softmax")]
    >>> model = keras.Sequential(layers)
    >>> clf = from_keras(model, classes=["low", "mid", "top"])
    >>> clf.predict_proba(np.ones((2, 4))).shape
    (2, 3)
    """
    from mlpkit import MLPClassifier, MLPRegressor

    if not hasattr(model, "inputs") or not model.outputs:
        raise ValueError(
            f"from_keras accepts a Sequential or functional model that is built, got"
            f" {type(model).__name__}. For another model, pass a builder function that creates it"
            " and loads its weights."
        )
    n_features, n_outputs = int(model.inputs[0].shape[-1]), int(model.outputs[0].shape[-1])
    last = last_activation(model)
    activation = MLPKIT_NAMES.get(last[1]) if last else None
    params.setdefault("backend", active_keras().backend.backend())
    if activation == "softmax" and n_outputs == 2 and not multilabel:
        classes, model = (0, 1) if classes is None else classes, _with_one_output(model)
        n_outputs = 1
    params["builder"] = TrainedModelBuilder(model)
    if classes is None and not multilabel and activation in ("softmax", "logistic"):
        classes = np.arange(max(2, n_outputs))
    if classes is None and not multilabel:
        return MLPRegressor(**params).initialize(n_features, n_outputs=n_outputs)
    if multilabel:
        return MLPClassifier(**params).initialize(n_features, n_outputs=n_outputs)
    return MLPClassifier(**params).initialize(n_features, classes=classes)


def _with_one_output(model: Any) -> Any:
    """A model with a softmax over two classes, converted to one output with a sigmoid."""
    keras = active_keras()
    with keras_scope("float32"):
        first, second = keras.ops.split(keras.ops.maximum(model.outputs[0], 1e-30), 2, axis=1)
        log_odds = keras.ops.log(second) - keras.ops.log(first)
        outputs = keras.layers.Activation("sigmoid")(log_odds)
        return keras.Model(model.inputs[0], outputs, name=model.name)
