"""A builder's model against its spec, before training: each error names the builder, what was
expected and what came.
"""

from collections.abc import Mapping
from typing import Any

from mlpkit.plugin import Spec
from mlpkit_keras.heads import expected
from mlpkit_keras.losses import KerasRows
from mlpkit_keras.runtime import active_keras
from mlpkit_keras.sources import built

# what a model may write over, and only Keras's own training calls
OWN = ("train_step", "train_on_batch", "compute_loss", "stateless_compute_loss")
DEFAULTS = ("log_loss", "binary_log_loss", "squared_error")  # the loss of a task, not chosen


def check_training(model: Any, spec: Spec, name: str, by_itself: bool) -> None:
    """ValueError for a model that trains itself elsewhere than with ``backend="keras"``, and
    for settings of its `compile` that would be left out.
    """
    kind, base = type(model), active_keras().Model
    own = [method for method in OWN if getattr(kind, method) is not getattr(base, method)]
    if own and not by_itself:
        raise ValueError(
            f"builder {name}: {kind.__name__} has a {' and a '.join(own)} of its own, which"
            f" backend={spec.backend!r} does not call. Use backend='keras'."
        )
    if not model.compiled:
        return
    chosen = isinstance(spec.loss.rows, KerasRows) or spec.loss.name not in DEFAULTS
    if model.loss is not None and chosen:
        raise ValueError(
            f"builder {name}: the model is compiled with a loss, and loss={spec.loss.name!r} is"
            " given too. Leave one out."
        )
    weights = getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)
    if weights is not None and not by_itself:
        raise ValueError(
            f"builder {name}: the model is compiled with loss_weights={weights!r}, and there is"
            " one output. Leave them out, or use backend='keras'."
        )


def check_input(model: Any, spec: Spec, name: str) -> None:
    """ValueError for inputs that are not one of shape (None, n_features)."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return
    shape = tuple(inputs[0].shape)
    if len(inputs) != 1 or len(shape) != 2 or shape[1] not in (None, spec.n_features):
        shapes = ", ".join(str(tuple(i.shape)) for i in inputs)
        raise ValueError(
            f"builder {name}: the model's input is {shapes}; expected one of shape"
            f" (None, {spec.n_features}): keras.Input((spec.n_features,))."
        )


def make(model: Any, spec: Spec, name: str) -> None:
    """Build the model, if it is not. ValueError where that fails."""
    try:
        built(model, spec.n_features)
    except Exception as error:
        raise ValueError(
            f"builder {name}: the model can't be built on rows of shape"
            f" (n, {spec.n_features}): {type(error).__name__}: {error}"
        ) from error


def check_output(model: Any, spec: Spec, name: str) -> None:
    """ValueError for outputs that are not one of shape (n, n_outputs)."""
    keras = active_keras()
    if getattr(model, "outputs", None):  # known without calling it
        found = model.compute_output_spec(keras.KerasTensor((None, spec.n_features), spec.dtype))
    else:
        found = model(keras.ops.zeros((2, spec.n_features), spec.dtype), training=False)
    shape = tuple(getattr(found, "shape", ()))
    if len(shape) != 2 or shape[1] != spec.n_outputs:
        raise ValueError(
            f"builder {name}: the model's output is {_told(found)} for task {spec.task!r};"
            f" expected one of shape ('n', {spec.n_outputs}): spec.n_outputs is"
            f" {spec.n_outputs}, with {expected(spec)}."
        )


def _told(found: Any) -> str:
    """What a model gives, in words."""
    if isinstance(found, Mapping):
        return f"a dict with {', '.join(f'{k!r} {_told(v)}' for k, v in found.items())}"
    if isinstance(found, (list, tuple)):
        return f"a {type(found).__name__} of {len(found)}: {', '.join(map(_told, found))}"
    if not hasattr(found, "shape"):
        return f"a {type(found).__name__}"
    return f"of shape {('n', *tuple(found.shape)[1:])}"
