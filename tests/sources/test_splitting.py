"""Scans that are divided into parts, which other processes read."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, dataset, ipc, parquet
from scanned import rows_of, table

from mlpkit import RowSource, scan

pytestmark = pytest.mark.once


def arrow_file(folder: Path) -> Any:
    """An Arrow file with several batches."""
    path = folder / "rows.arrow"
    with pa.OSFile(str(path), "w") as file, ipc.new_file(file, table().schema) as writer:
        writer.write_table(table(), max_chunksize=150)
    return path


@pytest.mark.parametrize("n_parts", [1, 2, 3, 20])
@pytest.mark.parametrize("source_of", [str, dataset.dataset, arrow_file], ids=str)
def test_parts_have_all_rows_in_order(folder: Path, n_parts: int, source_of: Any) -> None:
    """Also after pickling, with the targets, the weights and the labels."""
    rows = rows_of(source_of(folder))
    parts = pickle.loads(pickle.dumps(rows.split(n_parts)))
    assert len(parts) == n_parts
    sizes = [part.n_rows for part in parts]
    assert sum(sizes) == rows.n_rows == 600
    assert max(sizes) <= 600 / n_parts + 150
    whole, datasets = rows.dataset(), [part.dataset() for part in parts]
    X = pa.concat_tables(part.X.in_memory("the test") for part in datasets)
    assert X.equals(whole.X.in_memory("the test"))
    for name in ("y", "sample_weight"):
        values = np.concatenate([getattr(part, name) for part in datasets])
        assert np.array_equal(values, getattr(whole, name))
    assert [g for part in datasets for g in part.labels["g"]] == whole.labels["g"].tolist()


def test_a_part_reads_only_its_row_groups(folder: Path) -> None:
    """Another file may be unreadable, and an error has the number of the row group in the file."""
    first, second = rows_of(folder).split(2)
    (folder / "a.parquet").unlink()
    assert [len(rows.y) for rows in second] == [100, 100, 100, 50]
    with pytest.raises(ValueError, match=r"a\.parquet: no such file"):
        list(first)


@pytest.mark.parametrize("source_of", [str, dataset.dataset, arrow_file], ids=str)
def test_errors_have_the_rows_of_the_whole_file(folder: Path, source_of: Any) -> None:
    """As without the division, also in a part of a part."""
    rows = rows_of(source_of(folder))
    where, begin = rows.features_only().located, 0
    for half in rows.split(2):
        for part in half.split(2):
            end = begin + part.n_rows
            if part.n_rows:
                assert part.features_only().located(0, 1) == where(begin, begin + 1)
                last = part.features_only().located(part.n_rows - 1, part.n_rows)
                assert last == where(end - 1, end)
            begin = end
    assert begin == 600


def test_all_parts_have_the_types_of_the_first_file(folder: Path) -> None:
    """A part whose own files have other types converts them."""
    rows = table(200)
    other = rows.set_column(0, "c0", rows.column("c0").cast(pa.float32()))
    parquet.write_table(other, folder / "c.parquet")
    last = rows_of(folder).split(8)[-1]
    assert last.dataset().X.in_memory("the test").schema.field("c0").type == pa.float64()


def test_a_memory_map_is_opened_again(tmp_path: Path) -> None:
    """The pickle of a part has the name of the file instead of the rows."""
    mapped = np.memmap(tmp_path / "rows", "float64", "w+", shape=(40_000, 2))
    mapped[:] = np.arange(80_000).reshape(-1, 2)
    mapped.flush()
    second = pickle.dumps(scan([mapped[100:]]).split(2)[1])
    assert len(second) < 5_000
    part = pickle.loads(second)
    assert isinstance(part, RowSource)
    X = np.concatenate([np.asarray(rows.X.to_pandas()) for rows in part])
    assert np.array_equal(X, mapped[100 + 16_384 :])


def test_rows_of_text_cannot_be_divided(tmp_path: Path) -> None:
    """The message says what can."""
    csv.write_csv(table(20), tmp_path / "rows.csv")
    with pytest.raises(ValueError, match=r"rows\.csv: .* cannot be divided.*Parquet"):
        scan(tmp_path).split(2)
