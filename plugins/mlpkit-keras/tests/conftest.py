"""Keras on the backend that MLPKIT_BACKEND names; a missing one is a failure."""

import os
import tempfile
from collections.abc import Iterator

import pytest

os.environ["KERAS_HOME"] = tempfile.mkdtemp()  # Keras writes a file there when it is imported
# compiling is most of the time of these tests, and what is compiled runs for milliseconds
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from mlpkit_keras.runtime import STEPS, keras_for  # noqa: E402

BACKEND = os.environ.get("MLPKIT_BACKEND", "")
if BACKEND not in STEPS:
    raise RuntimeError(f"set MLPKIT_BACKEND to one of {STEPS}; these tests need one")
keras_for(BACKEND)


def pytest_report_header() -> str:
    """Say which backend the run is about."""
    return f"Keras on {BACKEND}"


@pytest.fixture(scope="session")
def backend() -> str:
    """The backend under test."""
    return BACKEND


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Few epochs are enough for a test, and no news."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
