"""Models from files."""

from typing import Any

import mlpkit


def load(path: str) -> Any:
    """Return the model of a file; ValueError if it can't be read."""
    return mlpkit.load(path)  # an attribute that is imported when it is needed
