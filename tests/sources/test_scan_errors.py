"""Errors of `scan`: files that are invalid or have changed, arguments, and limits of the memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scanned import FEW, NAMES, in_memory, rows_of, table
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, scan
from mlpkit.sources.parquet_files import ParquetFile

pytestmark = pytest.mark.once
HELD = 600 * 8 * 4  # bytes of a target, a weight, a label and the order of the rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop_columns(["c1"]), r"b\.parquet: column 'c1' not found"),
        (
            lambda f: f.set_column(1, "c1", pa.array(["x"] * len(f))),
            r"b\.parquet: column 'c1' has the type string",
        ),
        (
            lambda f: f.set_column(1, "c1", pa.array([np.nan] * len(f))),
            r"b\.parquet, row group 1, rows 1 to 100: Input X contains NaN",
        ),
    ],
)
def test_errors_name_the_file(tmp_path: Path, change: Any, message: str) -> None:
    """A missing column, another type, and a value that is not finite."""
    rows = table()
    parquet.write_table(rows.slice(0, 250), tmp_path / "a.parquet")
    parquet.write_table(change(rows.slice(250)), tmp_path / "b.parquet", row_group_size=100)
    clf = MLPClassifier((5,), max_iter=1)
    with pytest.raises(ValueError, match=message):
        clf.fit(rows_of(tmp_path))
    assert not hasattr(clf, "classes_")


def test_a_file_that_changes_is_an_error(folder: Path) -> None:
    """It is noticed when it is read again."""
    rows = rows_of(folder)
    parquet.write_table(table(100), folder / "b.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet was changed while it was in use"):
        MLPClassifier().fit(rows)


def used(rows: Any, use: str) -> None:
    """Train or predict."""
    X, y, *_ = in_memory()
    clf = MLPClassifier((5,), max_iter=1, encoder="standard")
    if use in ("predict", "score"):
        clf.set_params(**FEW).fit(X, y)
    arguments = {"classes": [False, True]} if use == "partial_fit" else {}
    getattr(clf, use)(rows, **arguments)


USES = pytest.mark.parametrize("use", ["fit", "partial_fit", "predict", "score"])


@USES
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop_columns(["c1"]), r"p16\.parquet: column 'c1' not found"),
        (
            lambda f: f.set_column(1, "c1", pa.array(["x"] * len(f))),
            r"p16\.parquet: column 'c1' has the type string, which cannot be converted to double",
        ),
    ],
)
def test_errors_of_the_17th_file(tmp_path: Path, use: str, change: Any, message: str) -> None:
    """Whatever the rows are used for."""
    for i in range(18):
        part = table().slice(30 * i, 30)
        parquet.write_table(change(part) if i == 16 else part, tmp_path / f"p{i:02}.parquet")
    with pytest.raises(ValueError, match=message):
        used(rows_of(tmp_path), use)


@USES
def test_a_file_that_changes_between_two_passes(
    folder: Path, use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second file is written again when the first one has been read."""
    rows = rows_of(folder)
    batches = ParquetFile.parts

    def changing(self: Any, columns: Any) -> Any:
        yield from batches(self, columns)
        if self.name.endswith("a.parquet"):
            parquet.write_table(table(100), folder / "b.parquet")

    monkeypatch.setattr(ParquetFile, "parts", changing)
    with pytest.raises(ValueError, match=r"b\.parquet was changed while it was in use"):
        used(rows, use)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_full_disk_leaves_nothing(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The estimator is not fitted, and no temporary file is left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / f"rows.{suffix}"
    if suffix == "csv":
        table().to_pandas().to_csv(path, index=False)
        monkeypatch.setattr(parquet.ParquetWriter, "write_table", full)
    else:
        parquet.write_table(table(), path)
        monkeypatch.setattr("os.posix_fallocate", full)
    clf = MLPClassifier((5,), **FEW)
    with pytest.raises(OSError, match="No space left on device"):
        clf.fit(rows_of(path))
    assert not hasattr(clf, "classes_")
    (top,) = temporary.iterdir()
    assert not list(top.iterdir())


@pytest.mark.parametrize("name", ["y", "sample_weight", "labels"])
def test_arrays_in_addition_to_a_scan_are_rejected(folder: Path, name: str) -> None:
    """They are columns of the files."""
    argument = {"y": "target", "sample_weight": "weight"}.get(name, name)
    message = rf"{name} cannot be passed together with a scan .* scan\(\.\.\., {argument}='name'\)"
    clf = MLPClassifier()
    for method in (clf.fit, clf.partial_fit):
        with pytest.raises(ValueError, match=message):
            method(rows_of(folder), **{name: [0, 1]})


def test_a_scan_without_target_only_predicts(folder: Path) -> None:
    """`fit` raises an error about the missing targets."""
    rows = scan(folder, drop=["y", "w", "g"])
    with pytest.raises(ValueError, match="requires y to be passed"):
        MLPClassifier().fit(rows)
    X, y, *_ = in_memory()
    clf = MLPClassifier((5,), **FEW).fit(X, y)
    assert np.array_equal(clf.predict(rows), clf.predict(X))


def test_an_encoder_of_all_rows_stays_within_the_memory(folder: Path) -> None:
    """It learns from the rows in memory, or its error says what to do."""
    frame = table().to_pandas()
    scaler: Any = StandardScaler()
    a = MLPClassifier((5,), **FEW, random_state=0, encoder=scaler).fit(rows_of(folder))
    X, y, w, _ = in_memory()
    b = MLPClassifier((5,), **FEW, random_state=0, encoder=scaler).fit(X.to_numpy(), y, w)
    assert a.loss_curve_ == pytest.approx(b.loss_curve_, rel=1e-9)
    rows = rows_of(folder)
    rows.memory = 2 * frame[NAMES].to_numpy().nbytes + HELD - 1
    message = (
        "which learns from all rows at once, requires more memory than the 56.2 KiB that scan"
        r" may use, of which 18\.8 KiB are for the targets, the weights, the labels and the order"
        r" of the rows\. Pass more, such as scan\(\.\.\., memory='8GiB'\)"
    )
    with pytest.raises(ValueError, match=message):
        MLPClassifier(encoder=scaler).fit(rows)
    MLPClassifier((5,), **FEW, encoder="standard").fit(rows)  # reads one column after the other


def test_what_is_read_at_once_stays_within_the_memory(folder: Path) -> None:
    """A column, in addition to 16 bytes of each row for the targets and the order."""
    rows = scan(folder, target="y", drop=["w", "g"])
    rows.memory = 9_600 + 9_599  # less than twice the bytes of a column
    with pytest.raises(ValueError, match="reading the column 'c0' requires more memory than the"):
        MLPClassifier(encoder="standard").fit(rows)
    rows.memory += 1_000
    MLPClassifier((5,), **FEW, encoder="standard").fit(rows)


def test_what_a_fit_holds_counts(folder: Path) -> None:
    """Targets, weights, labels and the order of the rows are in memory."""
    rows = rows_of(folder)
    rows.memory = HELD - 1
    message = "the order of 600 rows require 18.8 KiB, 8 bytes each, but scan may use 18.7 KiB"
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(rows)
    rows.memory = HELD
    MLPClassifier((5,), **FEW).fit(rows)
    clf = MLPClassifier((5,), **FEW).fit(rows)
    rows.memory = 1
    assert len(clf.predict(rows)) == 600  # parts are small, whatever the memory is


def test_files_without_rows_are_an_error(tmp_path: Path) -> None:
    """In `fit`, in predictions and in parts."""
    parquet.write_table(table(0), tmp_path / "a.parquet")
    rows = rows_of(tmp_path)
    X, y, *_ = in_memory()
    clf = MLPClassifier((5,), **FEW).fit(X, y)
    for use in (MLPClassifier().fit, clf.predict, clf.partial_fit):
        with pytest.raises(ValueError, match="contains no rows"):
            use(rows)
