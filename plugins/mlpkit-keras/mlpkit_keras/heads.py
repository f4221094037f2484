"""The last activation of a model: the one place where it is dealt with.

The rule: a builder returns its model with the activation that `Spec.out_activation` names,
or with none. `Network.apply` always gives outputs *before* activation, so a softmax on top
of a softmax can't happen: an activation that is there is taken off, and any other than the
two is an error. In regression (``identity``) a model ends as it likes.

Where the last layer can't be seen (a subclassed model), outputs of random rows tell: only
probabilities all lie in [0, 1] (and add up to 1); they are then turned back by a logarithm.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit.plugin import Array, OutActivation, Spec
from mlpkit_keras.runtime import active_keras, to_numpy

NAMES: dict[str, OutActivation] = {
    "linear": "identity",
    "identity": "identity",
    "softmax": "softmax",
    "sigmoid": "logistic",
    "exponential": "exp",
    "exp": "exp",
}


def last(model: Any) -> tuple[Any, str] | None:
    """The operation that makes the output, and its activation; None where it can't be seen."""
    outputs = getattr(model, "outputs", None)
    history = getattr(outputs[0], "_keras_history", None) if outputs else None
    if history is None:
        return None
    operation = history.operation
    if hasattr(operation, "get_layer"):  # a model in a model
        return None
    activation = getattr(operation, "activation", None)
    if activation is not None:
        return operation, str(getattr(activation, "__name__", activation))
    kind = type(operation).__name__.lower()
    return operation, kind if kind in NAMES else "linear"


def expected(spec: Spec) -> str:
    """The last activation that a builder's model may have, for messages."""
    return f"activation={spec.out_activation!r} (spec.out_activation), or none"


def head_of(model: Any, spec: Spec, name: str) -> str:
    """What `stripped` and `inverse` have to do: "none", "strip" or "invert".

    ValueError for a last activation that fits neither.
    """
    out_activation = spec.loss.out_activation
    if out_activation == "identity":
        return "none"
    found = last(model)
    if found is None:
        return "invert" if _activated(model, out_activation, spec.n_features) else "none"
    activation = NAMES.get(found[1])
    if activation == "identity":
        return "none"
    if activation != out_activation:
        raise ValueError(
            f"builder {name}: the model ends in activation={found[1]!r}; expected {expected(spec)}."
        )
    return "strip"


def stripped(model: Any) -> Any:
    """The model up to its last activation. It may be changed in place: give one of your own."""
    keras = active_keras()
    found = last(model)
    assert found is not None
    operation, _ = found
    if type(operation).__name__ != "Activation" and hasattr(operation, "activation"):
        operation.activation = keras.activations.linear
        return model
    node = model.outputs[0]._keras_history.node_index
    return keras.Model(model.inputs, operation._inbound_nodes[node].input_tensors[0])


def _activated(model: Any, out_activation: OutActivation, n_features: int) -> bool:
    x = np.random.RandomState(0).standard_normal((64, n_features))
    x[32:] *= 10
    p: Array = to_numpy(model(x, training=False))
    if out_activation == "softmax":
        return bool((p >= 0).all() and np.allclose(p.sum(axis=1), 1, atol=1e-3))
    upper = np.inf if out_activation == "exp" else 1.0
    return bool((p >= 0).all() and (p <= upper).all())


def inverse(out_activation: OutActivation) -> Callable[[Any], Any]:
    """Activated outputs into outputs before activation, in Keras's operations."""
    ops = active_keras().ops

    def log(p: Any) -> Any:
        return ops.log(ops.maximum(p, 1e-30))

    if out_activation == "logistic":
        return lambda p: log(p) - log(1 - p)
    return log
