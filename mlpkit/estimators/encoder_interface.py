"""What an encoder is."""

from typing import Any


def is_encoder(encoder: Any) -> bool:
    """Return whether an object is an `Encoder`; else it is a transformer of scikit-learn."""
    return hasattr(type(encoder), "get_state")
