"""Trained networks as live Keras models, and trained Keras models as fitted estimators."""

from typing import Any

import numpy as np

from mlpkit.plugin import Arrays, Network, Spec
from mlpkit_keras.activations import NAMES, activation_layer
from mlpkit_keras.heads import NAMES as LAST
from mlpkit_keras.heads import last
from mlpkit_keras.networks import KerasApply, named
from mlpkit_keras.runtime import STEPS, active_keras, building, default_seeds, keras_for, to_numpy
from mlpkit_keras.sources import Recorded


def to_keras(network: Network, spec: Spec) -> Any:
    """A live Keras model with the activation and the weights of the network.

    What Keras has, it has: ``.save("m.keras")``, ``.export(...)``, ``.fit``.
    """
    import sys

    if isinstance(network.apply, KerasApply):
        if "keras" not in sys.modules and spec.backend in STEPS:
            keras_for(spec.backend)
        with building(network.apply.dtype):
            model = network.apply.source.model()
            assign(model, network.arrays)
        return model
    if network.apply is not None:
        raise ValueError("to_keras() is for Keras models and the dense builder's networks.")
    if "keras" not in sys.modules and spec.backend in STEPS:
        keras_for(spec.backend)
    keras = active_keras()
    with building(spec.dtype), default_seeds():
        layers, dense = [keras.Input((spec.n_features,), dtype=spec.dtype)], []
        names, rates = (*spec.activations, spec.out_activation), (*spec.dropouts, 0.0)
        for units, name, rate in zip(spec.layer_units[1:], names, rates, strict=True):
            inside = None if name == "leaky_relu" else NAMES.get(name, name)
            dense.append(keras.layers.Dense(units, inside, dtype=spec.dtype))
            layers.append(dense[-1])
            if inside is None:
                layers.append(activation_layer(name, spec.dtype))
            if rate:
                layers.append(keras.layers.Dropout(rate, dtype=spec.dtype))
        model = keras.Sequential(layers)
        for i, layer in enumerate(dense):
            layer.kernel.assign(network.arrays[f"coef_{i}"])
            layer.bias.assign(network.arrays[f"intercept_{i}"])
    return model


def assign(model: Any, arrays: Arrays) -> None:
    """Put the arrays of a network into its model."""
    for name, variable in named(model).items():
        variable.assign(np.asarray(arrays[name]))


class Given:
    """A builder that gives one trained model again and again, also after pickling."""

    def __init__(self, model: Any) -> None:
        with building("float32"):
            self.source = Recorded(model)
        self.values = [to_numpy(v) for v in model.variables]
        double = any(a.dtype == "float64" for a in self.values)
        self.dtype = "float64" if double else "float32"
        self.__qualname__ = f"from_keras({model.name})"

    def __call__(self, spec: Spec) -> Any:
        """A copy of the model."""
        keras_for(spec.backend)
        with building(self.dtype):
            model = self.source.model()
            for variable, value in zip(model.variables, self.values, strict=True):
                variable.assign(value)
        return model


def from_keras(model: Any, *, classes: Any = None, multilabel: bool = False, **params: Any) -> Any:
    """A trained Keras model as a fitted estimator, without training.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, (n, n_features) to (n, n_outputs).
    classes : array-like, or None
        The labels in the order of the outputs: a classifier. None: a regressor, unless the
        last activation is one of probabilities (then 0, 1, 2 ...).
    multilabel : bool
        Whether each output is a label of its own.
    params
        Further parameters of the estimator.
    """
    from mlpkit import MLPClassifier, MLPRegressor

    if not hasattr(model, "inputs") or not model.outputs:
        raise ValueError(
            "from_keras takes a Sequential or functional model that is built. For another one,"
            " give a builder function that makes it and loads its weights."
        )
    n_features, n_outputs = int(model.inputs[0].shape[-1]), int(model.outputs[0].shape[-1])
    found = last(model)
    activation = LAST.get(found[1]) if found else None
    params.setdefault("backend", active_keras().backend.backend())
    if activation == "softmax" and n_outputs == 2 and not multilabel:
        classes, model = (0, 1) if classes is None else classes, _one_column(model)
        n_outputs = 1
    params["builder"] = Given(model)
    if classes is None and not multilabel and activation in ("softmax", "logistic"):
        classes = np.arange(max(2, n_outputs))
    if classes is None and not multilabel:
        return MLPRegressor(**params).initialize(n_features, n_outputs=n_outputs)
    if multilabel:
        return MLPClassifier(**params).initialize(n_features, n_outputs=n_outputs)
    return MLPClassifier(**params).initialize(n_features, classes=classes)


def _one_column(model: Any) -> Any:
    """A softmax over two classes as the sigmoid that a binary task has here; same layers."""
    keras = active_keras()
    with building("float32"):
        first, second = keras.ops.split(keras.ops.maximum(model.outputs[0], 1e-30), 2, axis=1)
        odds = keras.ops.log(second) - keras.ops.log(first)
        outputs = keras.layers.Activation("sigmoid")(odds)
        return keras.Model(model.inputs[0], outputs, name=model.name)
