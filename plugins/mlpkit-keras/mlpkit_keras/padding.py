"""Layers that compute statistics of a batch, such as batch normalization, exclude padding.

Training steps are padded with rows of weight 0 to a few fixed sizes. In the model of a
`KerasApply`, batch normalization receives the other rows as its mask, and activity regularizers
see zeros in place of the padding. This changes layer objects, no class of Keras. Custom layers
call `live_rows`.
"""

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mlpkit_keras.runtime import active_keras

_LIVE_ROWS: ContextVar[Any] = ContextVar("live rows", default=None)


def live_rows() -> Any:
    """Return which rows of the current training step are not padding.

    A custom layer that computes statistics of a batch calls this function in its ``call`` method:
    training steps are padded to a few fixed sizes, with rows that must not count.

    Returns
    -------
    mask : tensor of shape (n,), bool, or None
        Whether the weight of each row is above 0. None means that all rows count: in prediction,
        with ``backend="keras"``, and in Keras's own ``fit``.

    Examples
    --------
    >>> import keras
    >>> from mlpkit_keras import live_rows
    >>> class Centered(keras.layers.Layer):
    ...     def call(self, x):
    ...         mask = live_rows()
    ...         if mask is None:
    ...             return x - keras.ops.mean(x, axis=0)
    ...         w = keras.ops.cast(mask, x.dtype)[:, None]
    ...         return x - keras.ops.sum(x * w, axis=0) / keras.ops.sum(w)
    >>> live_rows() is None  # outside of a training step
    True
    """
    return _LIVE_ROWS.get()


@contextmanager
def rows_counted(w: Any) -> Iterator[None]:
    """A context in which `live_rows` returns the rows of weight above 0; w is (n,) or None."""
    token = _LIVE_ROWS.set(None if w is None else w > 0)
    try:
        yield
    finally:
        _LIVE_ROWS.reset(token)


def exclude_padding(model: Any) -> Any:
    """Make the layers of Keras in a model exclude padding. The model is changed in place."""
    keras = active_keras()
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            if "mask" in inspect.signature(layer.call).parameters:
                layer.call = _MaskedCall(layer)
                if hasattr(layer, "_moments"):
                    layer._moments = _Moments(layer)
            else:
                _warn(layer, "its method call has no parameter mask")
        if getattr(layer, "activity_regularizer", None) is not None:
            layer.activity_regularizer = _MaskedRegularizer(layer)
    return model


class _MaskedCall:
    """The ``call`` of a batch normalization, with the live rows added to its mask."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.call = layer, layer.call

    def __call__(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        live = _live_rows_of(self.layer, inputs)
        if training and live is not None:
            ops, shape = active_keras().ops, tuple(inputs.shape[:-1])
            live = ops.reshape(live, (-1, *(1,) * (len(shape) - 1)))
            mask = ops.broadcast_to(live, shape) if mask is None else ops.logical_and(mask, live)
        return self.call(inputs, training=training, mask=mask)


class _Moments:
    """The moments of a batch. With a mask, Keras itself drops the axis of a single unit."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.moments = layer, layer._moments

    def __call__(self, inputs: Any, mask: Any) -> tuple[Any, ...]:
        shape = (inputs.shape[self.layer.axis],)
        return tuple(active_keras().ops.reshape(m, shape) for m in self.moments(inputs, mask))


class _MaskedRegularizer:
    """An activity regularizer that receives zeros in place of padding."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.regularizer = layer, layer.activity_regularizer

    def __call__(self, outputs: Any) -> Any:
        live = _live_rows_of(self.layer, outputs)
        if live is None:
            return self.regularizer(outputs)
        ops = active_keras().ops
        mask = ops.reshape(live, (-1, *(1,) * (len(outputs.shape) - 1)))
        penalty = self.regularizer(ops.where(mask, outputs, ops.zeros_like(outputs)))
        # Keras divides the penalty by the number of all rows
        n_live = ops.maximum(ops.sum(ops.cast(live, penalty.dtype)), 1)
        return penalty * live.shape[0] / n_live


def _live_rows_of(layer: Any, x: Any) -> Any:
    """The live rows, if x has as many rows as the training step."""
    live = _LIVE_ROWS.get()
    if live is not None and (len(x.shape) == 0 or x.shape[0] != live.shape[0]):
        _warn(layer, f"its input has shape {tuple(x.shape)} in a step of {live.shape[0]} rows")
        return None
    return live


def _warn(layer: Any, reason: str) -> None:
    warnings.warn(
        f"The layer {layer.name!r} ({type(layer).__name__}) computes statistics of a batch and"
        f" cannot exclude rows of weight 0, such as padding: {reason}. With backend='keras' no"
        " step is padded."
    )
