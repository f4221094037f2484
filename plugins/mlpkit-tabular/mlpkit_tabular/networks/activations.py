"""Activation functions by the names of the estimators' parameter."""

from typing import Any

from mlpkit.plugin import Namespace


def activated(xp: Namespace, name: str, x: Any) -> Any:
    """Return the activations of pre-activations."""
    return x if name == "identity" else getattr(xp, name)(x)
