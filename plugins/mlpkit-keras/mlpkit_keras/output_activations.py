"""The activation function at the end of a model.

A builder returns its model with the activation function that `Spec.out_activation` names, or
without any. `Network.apply` always returns outputs *before* this activation function, so it is
never applied twice: if the model ends with it, it is removed. Any other activation function is
an error, except in regression (``identity``), where a model may end with any.

If the last layer cannot be inspected (in a subclassed model), the outputs of random rows are:
only probabilities all lie in [0, 1] (and sum to 1). They are converted back by a logarithm.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from mlpkit.plugin import Array, OutActivation, Spec
from mlpkit_keras.runtime import active_keras, to_numpy

MLPKIT_NAMES: dict[str, OutActivation] = {
    "linear": "identity",
    "identity": "identity",
    "softmax": "softmax",
    "sigmoid": "logistic",
    "exponential": "exp",
    "exp": "exp",
}
#: How outputs before activation are obtained: the model has none, its last activation function
#: is removed, or its outputs are converted back.
Removal = Literal["none", "strip", "invert"]


def last_activation(model: Any) -> tuple[Any, str] | None:
    """The operation that computes the output, and the name of its activation function.

    None if the model does not reveal it.
    """
    outputs = getattr(model, "outputs", None)
    history = getattr(outputs[0], "_keras_history", None) if outputs else None
    if history is None:
        return None
    operation = history.operation
    if hasattr(operation, "get_layer"):  # a model inside the model
        return None
    activation = getattr(operation, "activation", None)
    if activation is not None:
        return operation, str(getattr(activation, "__name__", activation))
    kind = type(operation).__name__.lower()
    return operation, kind if kind in MLPKIT_NAMES else "linear"


def expected(spec: Spec) -> str:
    """The last activation functions that are accepted, for messages."""
    return f"activation={spec.out_activation!r} (spec.out_activation), or none"


def removal_of(model: Any, spec: Spec, name: str) -> Removal:
    """How the last activation function of a builder's model is removed.

    Raises ValueError, with the name of the builder, if it is not the one of the spec.
    """
    out_activation = spec.loss.out_activation
    if out_activation == "identity":
        return "none"
    last = last_activation(model)
    if last is None:
        return "invert" if _looks_activated(model, out_activation, spec.n_features) else "none"
    activation = MLPKIT_NAMES.get(last[1])
    if activation == "identity":
        return "none"
    if activation != out_activation:
        raise ValueError(
            f"builder {name}: the model ends with activation={last[1]!r}; expected"
            f" {expected(spec)}."
        )
    return "strip"


def without_activation(model: Any) -> Any:
    """The model without its last activation function. The model may be changed in place."""
    keras = active_keras()
    last = last_activation(model)
    assert last is not None
    operation, _ = last
    if type(operation).__name__ != "Activation" and hasattr(operation, "activation"):
        operation.activation = keras.activations.linear
        return model
    node = model.outputs[0]._keras_history.node_index
    return keras.Model(model.inputs, operation._inbound_nodes[node].input_tensors[0])


def _looks_activated(model: Any, out_activation: OutActivation, n_features: int) -> bool:
    x = np.random.RandomState(0).standard_normal((64, n_features))
    x[32:] *= 10
    p: Array = to_numpy(model(x, training=False))
    if out_activation == "softmax":
        return bool((p >= 0).all() and np.allclose(p.sum(axis=1), 1, atol=1e-3))
    upper = np.inf if out_activation == "exp" else 1.0
    return bool((p >= 0).all() and (p <= upper).all())


def inverse(out_activation: OutActivation) -> Callable[[Any], Any]:
    """The function that converts activated outputs to outputs before activation."""
    ops = active_keras().ops

    def log(p: Any) -> Any:
        return ops.log(ops.maximum(p, 1e-30))

    if out_activation == "logistic":
        return lambda p: log(p) - log(1 - p)
    return log
