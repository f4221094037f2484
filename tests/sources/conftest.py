"""The files of the tests of `scan`."""

from pathlib import Path

import pytest
from pyarrow import parquet
from scanned import table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of several row groups."""
    rows = table()
    parquet.write_table(rows.slice(0, 250), tmp_path / "a.parquet", row_group_size=100)
    parquet.write_table(rows.slice(250), tmp_path / "b.parquet", row_group_size=100)
    return tmp_path
