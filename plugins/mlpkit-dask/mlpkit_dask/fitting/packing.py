"""Estimators, functions and communicators as bytes.

Dask reads the arguments of a task when a message arrives. If that fails, because the worker lacks
the module of a callback, the worker dies. A task that reads its arguments itself can say what is
missing.
"""

import pickle
from typing import Any

import cloudpickle

CODE_OF_USERS = (
    "Its callbacks, losses and metrics must be defined in modules that the workers have: install"
    " them there, or send the file with client.upload_file('module.py')."
)
LIBRARIES = (
    "Install on all workers what it requires, or choose a communicator whose library they have,"
    " such as communicator='dask'."
)


def packed(value: Any) -> bytes:
    """Return an object as bytes.

    What `__main__` defines is included, and what modules define that the user has passed to
    ``cloudpickle.register_pickle_by_value``.
    """
    content: bytes = cloudpickle.dumps(value)
    return content


def unpacked(content: bytes, noun: str = "estimator", advice: str = CODE_OF_USERS) -> Any:
    """Return the object; raise RuntimeError with advice if this process lacks a module."""
    try:
        return pickle.loads(content)
    except (ImportError, AttributeError) as error:
        raise RuntimeError(f"The {noun} cannot be read on a worker: {error}. {advice}") from error
