"""The communicator that a fit uses if the user chooses none."""

import os
from typing import Any

from distributed import Client


def communicator_name(client: Client, communicator: Any, backend: Any) -> str:
    """Return the name of the communicator.

    "auto" is "dask" if the cluster uses TLS, so that everything is encrypted, "gloo" for the
    backend "torch", and else "xgboost".
    """
    if communicator != "auto":
        return communicator if isinstance(communicator, str) else type(communicator).__name__
    if client.scheduler.address.startswith("tls://"):
        return "dask"
    name = backend if backend is not None else os.environ.get("MLPKIT_BACKEND")
    is_torch = isinstance(name, str) and name.rpartition("/")[2] == "torch"
    return "gloo" if is_torch else "xgboost"
