"""Import of the libraries that the extras of this distribution install."""

from importlib import import_module
from typing import Any


def imported(module: str, extra: str, callback: str) -> Any:
    """Return a module; raise ImportError that names the extra if it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != module.partition(".")[0]:
            raise
        raise ImportError(
            f"{callback} requires {error.name}, which is not installed. Install the extra {extra!r}"
            f" of mlpkit-loggers: mlpkit-loggers[{extra}]."
        ) from error
