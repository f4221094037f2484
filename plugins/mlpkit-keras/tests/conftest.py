"""Keras runs on the backend that MLPKIT_BACKEND names. Without this variable the tests fail."""

import os
import tempfile
from collections.abc import Iterator

import pytest

BACKEND = os.environ.get("MLPKIT_BACKEND", "")
# most of the time of these tests is compilation, and compiled code runs for milliseconds
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
)
os.environ["KERAS_HOME"] = tempfile.mkdtemp()  # Keras writes a file there at its import
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from mlpkit_keras.runtime import COMPUTE_BACKENDS, keras_for  # noqa: E402

if BACKEND not in COMPUTE_BACKENDS:
    raise RuntimeError(f"set MLPKIT_BACKEND to one of {COMPUTE_BACKENDS} for these tests")
keras_for(BACKEND)


def pytest_report_header() -> str:
    """Show the backend under test."""
    return f"Keras on {BACKEND}"


@pytest.fixture(scope="session")
def backend() -> str:
    """The backend under test."""
    return BACKEND


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Ignore that training stops after a few epochs."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
