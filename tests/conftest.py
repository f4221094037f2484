"""The backend under test is the one that MLPKIT_BACKEND names; a missing one is a failure."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import only

from mlpkit.registry.lookup import installed


def pytest_report_header() -> str:
    """Say which backend the run is about."""
    return f"mlpkit backend: {os.environ.get('MLPKIT_BACKEND', 'numpy')}"


@pytest.fixture(scope="session")
def backend() -> str:
    """The backend under test; resolving it fails loudly where it is not installed."""
    name = os.environ.get("MLPKIT_BACKEND", "numpy")
    installed().resolve("backend", name)
    return name


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A folder whose distributions are the only ones installed."""
    with only(tmp_path):
        yield tmp_path
