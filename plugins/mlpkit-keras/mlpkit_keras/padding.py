"""Layers that look at a whole batch, made to leave out its padding.

Steps are padded to a few shapes with rows of weight 0. In the model that `KerasApply` keeps
to itself, batch normalisation gets the live rows as its mask, and activity regularisers see
zeros in the place of the others. No class of Keras is changed. A layer of a user's own that
looks at a whole batch asks `live_rows`.
"""

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mlpkit_keras.runtime import active_keras

_LIVE: ContextVar[Any] = ContextVar("live rows", default=None)


def live_rows() -> Any:
    """Which rows of the step count, (n,) bool, for layers that look at a whole batch.

    None in prediction, and where nothing is padded (``backend="keras"``, Keras's own `fit`).
    """
    return _LIVE.get()


@contextmanager
def counting(w: Any) -> Iterator[None]:
    """Inside, `live_rows` are those of a weight above 0; w (n,), or None."""
    token = _LIVE.set(None if w is None else w > 0)
    try:
        yield
    finally:
        _LIVE.reset(token)


def guarded(model: Any) -> Any:
    """The model, with its own layers told to leave out padding. It is changed in place."""
    keras = active_keras()
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            if "mask" in inspect.signature(layer.call).parameters:
                layer.call = _Masked(layer)
                if hasattr(layer, "_moments"):
                    layer._moments = _Moments(layer)
            else:
                _warn(layer, "its call takes no mask")
        if getattr(layer, "activity_regularizer", None) is not None:
            layer.activity_regularizer = _OfLiveRows(layer)
    return model


class _Masked:
    """The ``call`` of a batch normalisation, with the live rows in its mask."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.call = layer, layer.call

    def __call__(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        live = _of(self.layer, inputs)
        if training and live is not None:
            ops, shape = active_keras().ops, tuple(inputs.shape[:-1])
            live = ops.reshape(live, (-1, *(1,) * (len(shape) - 1)))
            mask = ops.broadcast_to(live, shape) if mask is None else ops.logical_and(mask, live)
        return self.call(inputs, training=training, mask=mask)


class _Moments:
    """The moments of a batch; Keras's own lose the axis of a single unit behind a mask."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.moments = layer, layer._moments

    def __call__(self, inputs: Any, mask: Any) -> tuple[Any, ...]:
        shape = (inputs.shape[self.layer.axis],)
        return tuple(active_keras().ops.reshape(m, shape) for m in self.moments(inputs, mask))


class _OfLiveRows:
    """An activity regulariser that sees zeros in rows that do not count."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.regularizer = layer, layer.activity_regularizer

    def __call__(self, outputs: Any) -> Any:
        live = _of(self.layer, outputs)
        if live is None:
            return self.regularizer(outputs)
        ops = active_keras().ops
        rows = ops.reshape(live, (-1, *(1,) * (len(outputs.shape) - 1)))
        found = self.regularizer(ops.where(rows, outputs, ops.zeros_like(outputs)))
        # Keras divides by all rows
        counted = ops.maximum(ops.sum(ops.cast(live, found.dtype)), 1)
        return found * live.shape[0] / counted


def _of(layer: Any, x: Any) -> Any:
    """The live rows, where x has as many rows as the step."""
    live = _LIVE.get()
    if live is not None and (len(x.shape) == 0 or x.shape[0] != live.shape[0]):
        _warn(layer, f"it sees {tuple(x.shape)} in a step of {live.shape[0]} rows")
        return None
    return live


def _warn(layer: Any, why: str) -> None:
    warnings.warn(
        f"The layer {layer.name!r} ({type(layer).__name__}) looks at a whole batch, and rows of"
        f" weight 0, padding among them, count in it: {why}. With backend='keras' no step is"
        " padded."
    )
