"""Activation functions of hidden layers as Keras layers."""

from typing import Any

from mlpkit_keras.runtime import active_keras

KERAS_NAMES = {"logistic": "sigmoid", "identity": "linear"}  # all others have the same name
LEAKY_RELU_SLOPE = 0.01  # the default of Keras is 0.2


def activation_layer(name: str, dtype: str) -> Any:
    """The layer for one of `Spec.activations`."""
    layers = active_keras().layers
    if name == "leaky_relu":
        return layers.LeakyReLU(negative_slope=LEAKY_RELU_SLOPE, dtype=dtype)
    return layers.Activation(KERAS_NAMES.get(name, name), dtype=dtype)
