"""The adapter for Keras objects: models, optimizers, losses, metrics and callbacks."""

from typing import Any

from mlpkit_keras.losses import loss_of
from mlpkit_keras.metrics import metric_of
from mlpkit_keras.networks import network_of
from mlpkit_keras.optimizers import solver_of
from mlpkit_keras.runtime import active_keras, keras_for


def adapt(kind: str, obj: Any, **context: Any) -> Any:
    """The component that a Keras object stands for; see `Hooks.mlpkit_adapters`.

    None if the object cannot be a component of this kind.
    """
    if kind == "builder":
        return network_of(obj, **context)
    if kind == "loss":
        spec = context["spec"]
        keras_for(spec.backend, f"The Keras loss {obj!r}")
        return loss_of(obj, spec, "loss")
    if kind == "metric":
        return metric_of(obj, **context)
    keras = active_keras()
    if kind == "solver" and isinstance(obj, keras.optimizers.Optimizer):
        return solver_of(obj)
    if kind in ("callback", "solver") and isinstance(obj, type):
        parameter = "callbacks" if kind == "callback" else kind
        name = obj.__name__
        raise ValueError(f"{parameter}: expected an object, got the class {name}. Use {name}(...).")
    if kind == "callback" and isinstance(obj, keras.callbacks.Callback):
        from mlpkit_keras.callbacks import AdaptedCallback

        return AdaptedCallback(obj, **context)
    return None
