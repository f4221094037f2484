"""The folder and the table of the tests of ``mlpkit fit``."""

from pathlib import Path

import pytest
from command_line import write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def people(folder: Path) -> Path:
    """Return a CSV file in the working folder."""
    return write(folder / "people.csv")
