"""The activations of hidden layers as Keras has them."""

from typing import Any

from mlpkit_keras.runtime import active_keras

NAMES = {"logistic": "sigmoid", "identity": "linear"}  # the others have the same name
LEAK = 0.01  # Keras's own default is 0.2


def activation_layer(name: str, dtype: str) -> Any:
    """The layer for an activation of `Spec.activations`."""
    layers = active_keras().layers
    if name == "leaky_relu":
        return layers.LeakyReLU(negative_slope=LEAK, dtype=dtype)
    return layers.Activation(NAMES.get(name, name), dtype=dtype)
