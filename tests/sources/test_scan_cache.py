"""Encoded rows that `scan(..., cache=...)` keeps for the next fit."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import dataset, parquet
from scanned import FEW, equal, rows_of, table
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, MLPRegressor, scan
from mlpkit.data import row_caches
from mlpkit.encoders.standard import StandardEncoder
from mlpkit.estimators.encoder_keys import encoder_key
from mlpkit.estimators.stored_rows import opened
from mlpkit.sources import reading

pytestmark = pytest.mark.once
KILLED = """
import os, sys
from mlpkit import MLPClassifier, scan
from mlpkit.data import row_caches
row_caches._synchronize = lambda folder: os._exit(9)
MLPClassifier((5,), max_iter=1).fit(scan(sys.argv[1], target="y", cache=sys.argv[2], drop="g"))
"""


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the user, which does not exist."""
    return tmp_path_factory.mktemp("caches") / "cache"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The columns of each pass over files."""
    passes: list[tuple[str, ...]] = []
    batches = reading.Tables.batches

    def recorded(self: Any, columns: Any, types: Any = None) -> Iterator[pa.Table]:
        passes.append(tuple(columns))
        return batches(self, columns, types)

    monkeypatch.setattr(reading.Tables, "batches", recorded)
    return passes


def entries(cache: Path) -> list[Path]:
    """The entries of a cache, which has nothing else but an empty folder for new ones."""
    (top,) = cache.iterdir()
    (new,) = top.glob("mlpkit-rows-*")
    assert not list(new.iterdir())
    return sorted(path for path in top.iterdir() if path != new)


def fitted(rows: Any, **parameters: Any) -> Any:
    """A small fit."""
    return MLPClassifier((5,), **FEW, random_state=0, **parameters).fit(rows)


@pytest.mark.parametrize("parameters", [{}, {"encoder": "standard"}, {"dtype": "float32"}])
def test_the_second_fit_reads_no_feature(
    folder: Path, cache: Path, parameters: Any, read: list[Any]
) -> None:
    """Its weights, losses and predictions have the bits of the first one, and of one without."""
    rows = rows_of(folder, cache=cache)
    plain, first = fitted(rows_of(folder), **parameters), fitted(rows, **parameters)
    read.clear()
    second = fitted(rows_of(folder, cache=cache), **parameters)
    assert read == [("y", "w", "g")]
    assert equal(first, plain) and equal(second, plain)
    assert np.array_equal(second.predict_proba(rows), plain.predict_proba(rows))
    assert len(entries(cache)) == 1
    if "encoder" in parameters:
        assert second.encoder_.mean_.tolist() == plain.encoder_.mean_.tolist()


def test_what_is_done_with_the_rows_does_not_change_the_cache(folder: Path, cache: Path) -> None:
    """Other arrays may be views of its file, which changes of them do not reach."""
    rows = rows_of(folder, cache=cache)
    fitted(rows)
    (entry,) = entries(cache)
    before = (entry / "rows").read_bytes()
    X = opened(entry)
    X[:] = 0
    X.flush()  # type: ignore[attr-defined]
    fitted(rows, early_stopping=True, dropout=0.5)
    assert (entry / "rows").read_bytes() == before


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "other columns": lambda o: o["scan"].update(drop="c3"),
    "another target": lambda o: o["scan"].update(target="c3"),
    "without weights": lambda o: o["scan"].update(weight=None, drop="w"),
    "another encoder": lambda o: o["fit"].update(encoder=None),
    "another dtype": lambda o: o["fit"].update(dtype="float64"),
    "an object": lambda o: o["fit"].update(encoder=StandardEncoder()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_something_else_is_another_entry(folder: Path, cache: Path, change: str) -> None:
    """Whatever the rows depend on is part of the key; the same encoder as an object is not."""
    options: dict[str, dict[str, Any]] = {
        "scan": {"target": "y", "weight": "w", "labels": "g", "cache": cache},
        "fit": {"encoder": "standard"},
    }

    def fit() -> None:
        regression = options["scan"]["target"] == "c3"
        cls: Any = MLPRegressor if regression else MLPClassifier
        cls(hidden_layer_sizes=(5,), **FEW, **options["fit"]).fit(scan(folder, **options["scan"]))

    fit()
    (entry,) = entries(cache)
    CHANGES[change](options)
    fit()
    expected = {"an object": 1}.get(change, 2)
    assert len(entries(cache)) == expected and entry in entries(cache)


def test_the_options_of_an_encoder_are_part_of_the_key(cache: Path, folder: Path) -> None:
    """Objects with other options, too."""
    tabular = pytest.importorskip("mlpkit_tabular").TabularEncoder
    keys = [
        encoder_key("tabular"),
        encoder_key("tabular", {"max_one_hot": 3}),
        encoder_key(tabular(max_one_hot=3)),
        encoder_key("standard"),
    ]
    made = rows_of(folder, cache=cache).features_only().cache
    assert len({made.key({"encoder": key}) for key in keys}) == 4
    assert encoder_key(StandardScaler()) is None


def test_a_changed_file_replaces_the_entry(folder: Path, cache: Path) -> None:
    """The old entries of the same files are removed, those of other files are not."""
    other = folder.parent / f"{folder.name}-other"
    other.mkdir()
    parquet.write_table(table(100), other / "a.parquet")
    fitted(rows_of(other, cache=cache))
    (kept,) = entries(cache)
    fitted(rows_of(folder, cache=cache))
    parquet.write_table(table(100), folder / "c.parquet")  # one more file of the folder
    more = fitted(rows_of(folder, cache=cache))
    assert equal(more, fitted(rows_of(folder)))
    assert len(entries(cache)) == 2 and kept in entries(cache)
    os.utime(folder / "c.parquet", (1, 1))  # as if it had been written again
    fitted(rows_of(folder, cache=cache))
    assert len(entries(cache)) == 2 and kept in entries(cache)


def test_another_version_replaces_the_entry(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What mlpkit makes of the files may have changed."""
    fitted(rows_of(folder, cache=cache))
    (old,) = entries(cache)
    monkeypatch.setattr(row_caches, "own_version", lambda: "99")
    fitted(rows_of(folder, cache=cache))
    (new,) = entries(cache)
    assert new != old


def test_a_file_that_changes_meanwhile_leaves_no_entry(folder: Path, cache: Path) -> None:
    """The rows that were written may be a mixture."""
    rows = rows_of(folder, cache=cache)
    made = rows.features_only().cache

    def write(new: Path) -> None:
        (new / "rows").write_bytes(b"1")
        parquet.write_table(table(100), folder / "b.parquet")

    with pytest.raises(ValueError, match=r"b\.parquet was changed while it was in use"):
        made.entry({}, write, lambda path: path)
    assert not entries(cache)


def test_a_killed_process_leaves_no_entry(folder: Path, cache: Path) -> None:
    """What it wrote is removed by the next one, which begins from the start."""
    process = subprocess.run([sys.executable, "-c", KILLED, folder, cache], check=False)
    assert process.returncode == 9
    (top,) = cache.iterdir()
    (left,) = top.glob("mlpkit-rows-*/*/new/rows")
    assert left.stat().st_size == 600 * 5 * 8
    fitted(rows_of(folder, cache=cache))
    assert len(entries(cache)) == 1 and not left.exists()


@pytest.mark.parametrize("name", ["rows", "encoder", "shape.json", "about.json"])
@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.unlink(),
        lambda p: p.write_bytes(b"{}"),
        lambda p: p.write_bytes(bytes(p.stat().st_size)) if p.name != "rows" else p.unlink(),
    ],
    ids=["missing", "of another size", "zeros"],
)
def test_a_damaged_entry_is_written_again(
    folder: Path, cache: Path, name: str, change: Callable[[Path], None]
) -> None:
    """A file is missing, has another size, or is one of zeros."""
    rows = rows_of(folder, cache=cache)
    first = fitted(rows, encoder="standard")
    (entry,) = entries(cache)
    change(entry / name)
    assert equal(first, fitted(rows, encoder="standard"))
    assert entries(cache) == [entry] and len(json.loads((entry / "about.json").read_text())) == 4


def test_processes_that_write_the_same_entry_do_not_disturb_each_other(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that ends later uses the entry of the other."""
    written = row_caches.RowCache._write
    depth: list[Any] = []

    def slow(self: Any, path: Path, write: Any) -> None:
        def second(new: Path) -> None:
            write(new)
            if not depth:
                depth.append(1)
                fitted(rows_of(folder, cache=cache))  # completes the entry meanwhile

        written(self, path, second)

    monkeypatch.setattr(row_caches.RowCache, "_write", slow)
    clf = fitted(rows_of(folder, cache=cache))
    assert depth and equal(clf, fitted(rows_of(folder)))
    assert len(entries(cache)) == 1


def test_a_full_disk_leaves_nothing(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the folder of the cache."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    rows = rows_of(folder, cache=cache)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match="No space left"):
            fitted(rows)
    assert not entries(cache)
    monkeypatch.setattr("mlpkit.data.memory_maps.RESERVE", 1 << 62)
    with pytest.raises(OSError, match=r"disk space in .*cache.* Pass another folder to scan"):
        fitted(rows)
    assert not entries(cache)


def test_the_cache_belongs_to_the_user(folder: Path, cache: Path) -> None:
    """No other user can read it, and a folder to which others may write is an error."""
    fitted(rows_of(folder, cache=cache))
    (top,) = cache.iterdir()
    for path in (top, *top.iterdir()):
        assert path.stat().st_mode & 0o077 == 0
    top.chmod(0o777)
    with pytest.raises(PermissionError, match="other users may write to it"):
        rows_of(folder, cache=cache)


def test_csv_is_converted_once(folder: Path, cache: Path, read: list[Any]) -> None:
    """The cache keeps the converted table, too."""
    path = folder / "rows.csv"
    table().to_pandas().to_csv(path, index=False)
    first = fitted(rows_of(path, cache=cache))
    assert len(entries(cache)) == 2
    read.clear()
    assert equal(first, fitted(rows_of(path, cache=cache)))
    assert read == [("y", "w", "g")]
    assert equal(first, fitted(rows_of(path)))


def test_validation_sets_are_kept_by_what_the_encoder_has_learned(
    folder: Path, cache: Path, read: list[Any]
) -> None:
    """Another fit with the same training rows uses them again, others do not."""
    rows = rows_of(folder, cache=cache)
    valid = scan(folder / "b.parquet", target="y", weight="w", labels="g", cache=cache)

    def fit(train: Any) -> Any:
        clf = MLPClassifier((5,), **FEW, random_state=0, encoder="standard")
        return clf.fit(train, X_val=valid)

    first = fit(rows)
    assert len(entries(cache)) == 2
    read.clear()
    assert equal(first, fit(rows))
    assert read == [("y", "w", "g")] * 2
    fit(valid)
    assert len(entries(cache)) == 4  # rows of training, and rows that another fit encodes


def test_datasets_of_files_have_a_cache(folder: Path, cache: Path, read: list[Any]) -> None:
    """Rows in memory have none."""
    files = dataset.dataset(str(folder))
    first = fitted(rows_of(files, cache=cache))
    read.clear()
    assert equal(first, fitted(rows_of(files, cache=cache)))
    assert len(read) == 1
    for source in (dataset.dataset(table()), [np.ones((3, 2))]):
        with pytest.raises(ValueError, match="cache requires files on this machine"):
            scan(source, cache=cache)


def test_an_encoder_that_cannot_be_kept_is_a_warning(folder: Path, cache: Path) -> None:
    """A transformer of scikit-learn may contain any code."""
    scaler: Any = StandardScaler()
    with pytest.warns(UserWarning, match="cache does not keep the encoded rows, since encoder"):
        fitted(rows_of(folder, cache=cache), encoder=scaler)
    assert not list(cache.glob("*/*/rows"))
