"""Objects of Keras, given where mlpkit takes its own."""

from typing import Any

from mlpkit_keras.losses import loss_of
from mlpkit_keras.metrics import metric_of
from mlpkit_keras.networks import network_of
from mlpkit_keras.optimizers import solver_of
from mlpkit_keras.runtime import active_keras, keras_for


def adapt(kind: str, given: Any, **context: Any) -> Any:
    """mlpkit's component for an object of Keras; None where there is none of this kind."""
    if kind == "builder":
        return network_of(given, **context)
    if kind == "loss":
        spec = context["spec"]
        keras_for(spec.backend, f"The Keras loss {given!r}")
        return loss_of(given, spec, "loss")
    if kind == "metric":
        return metric_of(given, **context)
    keras = active_keras()
    if kind == "solver" and isinstance(given, keras.optimizers.Optimizer):
        return solver_of(given)
    if kind in ("callback", "solver") and isinstance(given, type):
        owner = "callbacks" if kind == "callback" else kind
        raise ValueError(
            f"{owner}: {given.__name__} is a class; give an object, {given.__name__}(...)."
        )
    if kind == "callback" and isinstance(given, keras.callbacks.Callback):
        from mlpkit_keras.callbacks import Adapted

        return Adapted(given, **context)
    return None
