"""The partitioners of the plugin pass the conformance tests and group rows as documented."""

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from mlpkit import by, evaluate
from mlpkit.plugin import Dataset
from mlpkit.testing import PartitionerTests
from mlpkit_partitions import EXEMPT


class TestKFold(PartitionerTests):
    partitioner = "k_fold"
    exempt = EXEMPT


class TestStratifiedKFold(PartitionerTests):
    partitioner = "stratified_k_fold"
    exempt = EXEMPT


class TestHashed(PartitionerTests):
    partitioner = "hashed"
    options = {"column": 0, "n": 3}


class TestHashedRows(PartitionerTests):
    partitioner = "hashed"


class Dated(PartitionerTests):
    """Rows with a date column."""

    def dataset(self) -> Dataset:
        """Rows of half a year."""
        return _dated("2024-01-01", 300)

    def later(self) -> Dataset:
        """Rows with later dates, of which one is missing."""
        dataset = _dated("2025-03-01", 40)
        dataset.X.loc[3, "when"] = pd.NaT
        return dataset

    def part(self, dataset: Dataset, index: Any) -> Dataset:
        """The rows of an index."""
        return Dataset(dataset.X.iloc[index])


class TestCalendar(Dated):
    partitioner = "calendar"
    options = {"column": "when", "unit": "week"}


class TestRolling(Dated):
    partitioner = "rolling"
    options = {"column": 0, "width": "30D", "step": "7D"}


class TestErrorTree(PartitionerTests):
    partitioner = "error_tree"


class TestClusters(PartitionerTests):
    partitioner = "clusters"


del Dated  # pytest would collect the base class too


def _dated(start: str, n: int) -> Dataset:
    when = pd.date_range(start, periods=n, freq="14h")
    return Dataset(pd.DataFrame({"when": when, "x": np.arange(n)}))


def assigned(partitioner: Any, dataset: Dataset) -> tuple[Any, tuple[str, ...]]:
    """The groups of the rows to which a partitioner is fitted."""
    return partitioner.assign(partitioner.fit(dataset), dataset)


def test_folds_are_scikit_learns() -> None:
    """Folds are of equal size; stratified folds preserve the frequencies of the classes."""
    y = np.repeat([0, 1], [90, 10])
    dataset = Dataset(np.zeros((100, 1)), y)
    codes, names = assigned(by("k_fold", n=4), dataset)
    assert np.bincount(codes).tolist() == [25] * 4 and names[0] == "fold 1"
    codes, _ = assigned(by("stratified_k_fold", n=5), dataset)
    assert np.bincount(codes[y == 1]).tolist() == [2] * 5
    codes, _ = assigned(by("k_fold", n=5), Dataset(np.zeros((3, 1))))
    assert codes.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="n must be at least 2, got 1"):
        by("k_fold", n=1)
    with pytest.raises(ValueError, match="needs y"):
        assigned(by("stratified_k_fold"), Dataset(np.zeros((9, 1))))


def test_hashes_are_the_same_in_every_process() -> None:
    """Groups do not depend on the salt of Python's hash, and 1 and 1.0 are equal."""
    code = (
        "import numpy as np; from mlpkit import by; from mlpkit.plugin import Dataset\n"
        "X = np.array([['ann'], ['bob'], ['eve']], dtype=object); p = by('hashed', column=0)\n"
        "print(p.assign(p.fit(Dataset(X)), Dataset(X)).codes.tolist())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1
    frame = pd.DataFrame({"id": [1, 2, 3]})
    p = by("hashed", column="id")
    reals = Dataset(frame.astype(float))
    assert assigned(p, Dataset(frame))[0].tolist() == assigned(p, reals)[0].tolist()


def test_units_of_the_calendar() -> None:
    """Names are those of pandas' periods, missing dates are a group, and text is parsed."""
    frame = pd.DataFrame({"when": ["2024-01-31", "2024-02-01", None, "2025-02-09"]})
    expected = {
        "year": ("2024", "2025", "missing"),
        "quarter": ("2024Q1", "2025Q1", "missing"),
        "month": ("2024-01", "2024-02", "2025-02", "missing"),
        "day": ("2024-01-31", "2024-02-01", "2025-02-09", "missing"),
        "weekday": ("Wednesday", "Thursday", "Sunday", "missing"),
        "hour of day": ("00:00", "missing"),
    }
    for unit, names in expected.items():
        codes, group_names = assigned(by("calendar", column="when", unit=unit), Dataset(frame))
        assert group_names == names
        assert codes[2] == len(names) - 1
    with pytest.raises(ValueError, match="unit must be one of 'year', 'quarter', .* got 'moon'"):
        by("calendar", column="when", unit="moon")
    with pytest.raises(ValueError, match="Column 0 must contain dates"):
        assigned(by("calendar", column=0), Dataset(np.array([["soon"]], dtype=object)))


def test_rolling_windows_overlap() -> None:
    """Each row belongs to two windows if the step is half of the width."""
    members, names = assigned(by("rolling", column="when", width="7D"), _dated("2024-01-01", 60))
    assert (members.sum(axis=1) == 2).all()
    begins, ends = np.array([n.split(" to ") for n in names], dtype="datetime64[m]").T
    assert set(ends - begins) == {np.timedelta64(7, "D")}
    assert set(np.diff(begins)) == {np.timedelta64(84, "h")}
    with pytest.raises(ValueError, match="at most the width '7D', got step='9D'"):
        by("rolling", column="when", step="9D")


def test_a_stream_has_the_same_windows_in_every_chunk() -> None:
    """The report over chunks equals the report over all rows; later chunks have new months."""
    X = _dated("2024-01-01", 300).X
    y = np.arange(300) % 2
    parts = [by("calendar", column="when"), by("rolling", column="when", width="30D")]
    chunks = [
        {"X": X[i : i + 50], "y": y[i : i + 50], "y_pred": np.zeros(50, dtype=int)}
        for i in range(0, 300, 50)
    ]
    whole = evaluate(
        None, X, y, y_pred=np.zeros(300, dtype=int), metrics="accuracy", partitions=parts
    )
    streamed = evaluate(None, iter(chunks), metrics="accuracy", partitions=parts)
    assert {(*e[:4], e.n_rows) for e in whole} == {(*e[:4], e.n_rows) for e in streamed}


def test_error_trees_find_the_planted_slice() -> None:
    """The first slice describes the rows with errors, and every slice has min_rows rows."""
    rng = np.random.default_rng(0)
    n = 2000
    frame = pd.DataFrame(
        {"age": rng.integers(18, 80, n), "sex": rng.choice(["f", "m"], n), "x": rng.normal(size=n)}
    )
    bad = (frame.age > 60) & (frame.sex == "f")
    y = rng.integers(2, size=n)
    y_pred = np.where(bad & (rng.random(n) < 0.8), 1 - y, y)
    slices = by("error_tree", max_leaves=3, min_rows=80)
    report = evaluate(None, frame, y, y_pred=y_pred, metrics="accuracy", partitions=slices)
    worst = report.worst("accuracy")
    assert set(worst.partition.split(" & ")) in (
        {"age > 60.5", "sex = f"},
        {"age > 60.5", "sex not m"},
    )
    assert worst.n_rows == bad.sum()
    assert min(e.n_rows for e in report) >= 80
    assert report.select("accuracy")[0] == worst


def test_error_trees_require_predictions() -> None:
    """The error names what is missing, and what to pass."""
    slices = by("error_tree")
    X = np.zeros((4, 1))
    with pytest.raises(ValueError, match="the errors are missing. Pass X and an est"):
        slices.fit(Dataset(X))
    with pytest.raises(ValueError, match="but X is missing"):
        slices.fit(Dataset(None, error=np.zeros(4)))


def test_clusters_are_named_by_their_centres() -> None:
    """Three blobs are three groups, by size; X may have missing values or be sparse."""
    rng = np.random.default_rng(0)
    blobs = np.repeat([0, 1, 2], [300, 200, 100])
    X = np.column_stack([10.0 * (blobs == 1), 10.0 * (blobs == 2)]) + rng.normal(size=(600, 2))
    codes, names = assigned(by("clusters", n=3), Dataset(X))
    assert np.array_equal(codes, blobs)
    assert names[1].startswith("2: x0 high") and names[2].startswith("3: x1 high")
    X[0, 0] = np.nan
    assert len(assigned(by("clusters", n=3), Dataset(X))[1]) == 3
    assert len(assigned(by("clusters", n=3), Dataset(csr_array(np.nan_to_num(X))))[1]) == 3
    with pytest.raises(ValueError, match="n must be at least 2, got 1"):
        by("clusters", n=1)


def test_listing_imports_no_factories() -> None:
    """Listing the partitioners does not import the modules of their factories."""
    code = (
        "import sys, mlpkit_partitions; mlpkit_partitions.mlpkit_partitioners()\n"
        "print([m for m in sys.modules if m.startswith('mlpkit_partitions.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
