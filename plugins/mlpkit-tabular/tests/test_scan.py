"""The encoder "tabular" learns from files column by column, what it learns from rows in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from mlpkit import MLPClassifier, scan
from mlpkit_tabular import TabularEncoder

N = 3000


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Columns of each kind, one of them with many rare levels that predict the target."""
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 400, N)
    effects = rng.normal(size=400)
    number = rng.normal(size=N)
    number[::7] = np.nan
    sold = effects[levels] + np.nan_to_num(number) > 0
    return pa.table(
        {
            "many": [f"k{level}" for level in levels],
            "number": number,
            "date": np.datetime64("2024-01-01") + rng.integers(0, 500, N),
            "flag": rng.random(N) > 0.5,
            "few": rng.choice(["u", "v", None], N),
            "weight": rng.integers(0, 3, N).astype(float),
            "sold": np.where(sold, "yes", "no"),
        }
    )


@pytest.fixture
def folder(table: pa.Table, tmp_path: Path) -> Path:
    """The table in two files."""
    parquet.write_table(table.slice(0, 1000), tmp_path / "a.parquet", row_group_size=400)
    parquet.write_table(table.slice(1000), tmp_path / "b.parquet", row_group_size=700)
    return tmp_path


def features(table: pa.Table) -> pa.Table:
    """The table without its target and weights."""
    return table.drop_columns(["sold", "weight"])


@pytest.mark.parametrize("weight", [None, "weight"])
def test_the_columns_of_training_rows(table: pa.Table, folder: Path, weight: str | None) -> None:
    """Means of the targets come from other rows; rows of weight zero have those of new rows."""
    X, y = features(table), np.asarray(table["sold"]).astype(str) == "yes"
    w = None if weight is None else np.asarray(table[weight])
    whole, by_column = TabularEncoder(), TabularEncoder()
    expected = whole.fit_transform(X, y, w)
    assert "many_mean" in whole.get_feature_names_out()
    stored = scan(folder, drop=["sold", "weight"]).dataset().X
    own = by_column.fit_columns(stored, y, w)
    assert by_column.columns == whole.columns
    rows = by_column.transform(X)
    assert np.array_equal(rows, whole.transform(X))
    assert [whole.columns[index].name for index in own] == ["many_mean"]
    for index, column in own.items():
        assert not np.array_equal(rows[:, index], column)
        rows[:, index] = column
    assert np.array_equal(rows, expected)


@pytest.mark.parametrize("weight", [None, "weight"])
def test_a_fit_of_files_equals_a_fit_in_memory(
    table: pa.Table, folder: Path, weight: str | None
) -> None:
    """The weights have the same bits."""
    settings: dict[str, Any] = {
        "max_iter": 3,
        "tol": 1.0,
        "n_iter_no_change": 1,
        "backend": "numpy",
    }
    clf = MLPClassifier((8,), encoder="tabular", random_state=0, **settings)
    drop = [] if weight else ["weight"]
    w = np.asarray(table[weight]) if weight else None
    a = clf.fit(scan(folder, target="sold", weight=weight, drop=drop)).coefs_
    b = clf.fit(features(table), table["sold"].to_pylist(), w).coefs_
    assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))
