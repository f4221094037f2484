"""Checks of a builder's model before training.

Each error message names the builder, what was expected and what the builder returned.
"""

from collections.abc import Mapping
from typing import Any

from mlpkit.plugin import Spec
from mlpkit_keras.architectures import built
from mlpkit_keras.losses import name_in_mlpkit
from mlpkit_keras.output_activations import expected
from mlpkit_keras.runtime import active_keras

# methods that a model may override and that only Keras's own training loop calls
TRAINING_METHODS = ("train_step", "train_on_batch", "compute_loss", "stateless_compute_loss")
DEFAULT_LOSSES = ("log_loss", "binary_log_loss", "squared_error")  # chosen by the task


def check_training(model: Any, spec: Spec, name: str, keras_trains: bool) -> None:
    """Check that nothing that the model defines for its training is ignored."""
    cls, base = type(model), active_keras().Model
    own = [
        method for method in TRAINING_METHODS if getattr(cls, method) is not getattr(base, method)
    ]
    if own and not keras_trains:
        raise ValueError(
            f"builder {name}: {cls.__name__} has its own {' and '.join(own)}, which"
            f" backend={spec.backend!r} does not call. Use backend='keras'."
        )
    if not model.compiled:
        return
    if model.loss is not None and name_in_mlpkit(spec.loss) not in DEFAULT_LOSSES:
        raise ValueError(
            f"builder {name}: the model is compiled with a loss, and the estimator has"
            f" loss={spec.loss.name!r}. Remove one of them."
        )
    weights = getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)
    if weights is not None and not keras_trains:
        raise ValueError(
            f"builder {name}: the model is compiled with loss_weights={weights!r}, but it has one"
            " output. Remove loss_weights, or use backend='keras'."
        )


def check_input(model: Any, spec: Spec, name: str) -> None:
    """Check that the model has one input of shape (None, n_features)."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return
    shape = tuple(inputs[0].shape)
    if len(inputs) != 1 or len(shape) != 2 or shape[1] not in (None, spec.n_features):
        shapes = ", ".join(str(tuple(i.shape)) for i in inputs)
        raise ValueError(
            f"builder {name}: the input of the model has shape {shapes}; expected one input of"
            f" shape (None, {spec.n_features}): keras.Input((spec.n_features,))."
        )


def build(model: Any, spec: Spec, name: str) -> None:
    """Build the model, if it is not built."""
    try:
        built(model, spec.n_features)
    except Exception as error:
        raise ValueError(
            f"builder {name}: the model cannot be built for rows of shape"
            f" (n, {spec.n_features}): {type(error).__name__}: {error}"
        ) from error


def check_output(model: Any, spec: Spec, name: str) -> None:
    """Check that the model has one output of shape (n, n_outputs)."""
    keras = active_keras()
    if getattr(model, "outputs", None):  # the shape is known without a call
        outputs = model.compute_output_spec(keras.KerasTensor((None, spec.n_features), spec.dtype))
    else:
        outputs = model(keras.ops.zeros((2, spec.n_features), spec.dtype), training=False)
    shape = tuple(getattr(outputs, "shape", ()))
    if len(shape) != 2 or shape[1] != spec.n_outputs:
        raise ValueError(
            f"builder {name}: the model returns {_described(outputs)} for task {spec.task!r};"
            f" expected an array of shape ('n', {spec.n_outputs}): spec.n_outputs is"
            f" {spec.n_outputs}, with {expected(spec)}."
        )


def _described(outputs: Any) -> str:
    """The outputs of a model, for messages."""
    if isinstance(outputs, Mapping):
        return f"a dict with {', '.join(f'{k!r}: {_described(v)}' for k, v in outputs.items())}"
    if isinstance(outputs, (list, tuple)):
        kind = type(outputs).__name__
        return f"a {kind} of {len(outputs)}: {', '.join(map(_described, outputs))}"
    if not hasattr(outputs, "shape"):
        return f"a {type(outputs).__name__}"
    return f"an array of shape {('n', *tuple(outputs.shape)[1:])}"
