"""Objects of Keras, given where mlpkit takes its own."""

from typing import Any

from mlpkit_keras.losses import loss_of
from mlpkit_keras.networks import network_of
from mlpkit_keras.optimizers import solver_of
from mlpkit_keras.runtime import active_keras


def adapt(kind: str, given: Any, **context: Any) -> Any:
    """mlpkit's component for an object of Keras; None where there is none of this kind."""
    keras = active_keras()
    if kind == "builder":
        return network_of(given, **context)
    if kind == "solver" and isinstance(given, keras.optimizers.Optimizer):
        return solver_of(given)
    if kind == "loss":
        return loss_of(given, context["spec"], "loss")
    if kind == "callback" and isinstance(given, keras.callbacks.Callback):
        from mlpkit_keras.callbacks import Adapted

        return Adapted(given, **context)
    return None
