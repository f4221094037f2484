"""Schedules of the learning rate, the weight decay and dropout."""

from mlpkit.objectives.schedules import (
    constant,
    cosine,
    coslog4,
    flat_cosine,
    linear,
    warmup,
)

__all__ = ["constant", "cosine", "coslog4", "flat_cosine", "linear", "warmup"]
