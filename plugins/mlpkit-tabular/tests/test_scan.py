"""The encoder "tabular" learns from files column by column, what it learns from rows in memory."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, evaluate, scan
from mlpkit_tabular import TabularClassifier, TabularEncoder, TabularRegressor

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


def fitted(table: pa.Table, rows: Any, cls: Any, target: str, **parameters: Any) -> tuple[Any, Any]:
    """An estimator that was fitted to files, and one that was fitted to the same rows in memory."""
    options: dict[str, Any] = {"hidden_layer_sizes": (8,), "random_state": 0, "n_members": 2}
    options |= {"max_iter": 2, "trainer": None, "n_folds": None, **parameters}
    y = np.array(table[target].to_pylist(), object if target == "sold" else float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cls(**options).fit(rows), cls(**options).fit(table.select(rows.features), y)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"early_stopping_on": "loss", "validation_fraction": 0.2},
        {"n_folds": 2},
        {"trainer": "cycles", "early_stopping_on": "log_loss", "max_iter": 3},
    ],
    ids=lambda p: ", ".join(p) or "defaults",
)
def test_a_classifier_of_tables(table: pa.Table, folder: Path, parameters: dict[str, Any]) -> None:
    """Losses, predictions and the score are those of a fit in memory, also from the cache."""
    cache = folder / "_cache"
    rows = scan(folder, target="sold", drop="weight", cache=cache)
    a, b = fitted(table, rows, TabularClassifier, "sold", **parameters)
    assert a.loss_curve_ == b.loss_curve_
    X = features(table)
    assert np.allclose(a.predict_proba(rows), b.predict_proba(X), atol=1e-6)
    assert a.predict(rows).tolist() == b.predict(X).tolist()
    assert a.score(rows) == pytest.approx(b.score(X, table["sold"].to_pylist()), abs=1e-12)
    entries = {path: path.stat().st_mtime_ns for path in cache.glob("*/*/rows")}
    again, _ = fitted(table, rows, TabularClassifier, "sold", **parameters)
    assert again.loss_curve_ == b.loss_curve_
    assert np.array_equal(again.predict_proba(rows), a.predict_proba(rows))
    assert entries == {path: path.stat().st_mtime_ns for path in cache.glob("*/*/rows")}
    assert len(entries) == 1


def test_a_regressor_of_tables(table: pa.Table, folder: Path) -> None:
    """With quantiles and a validation set in files."""
    rows = scan(folder, target="weight", drop="sold")
    a, b = fitted(table, rows, TabularRegressor, "weight", quantiles=(0.1, 0.5, 0.9))
    X = features(table)
    assert a.loss_curve_ == b.loss_curve_
    assert np.allclose(a.predict(rows, quantiles=[0.2]), b.predict(X, quantiles=[0.2]), atol=1e-5)
    report = evaluate(a, rows, metrics=["r2"], partitions=["few"])
    expected = evaluate(b, X, np.asarray(table["weight"]), metrics=["r2"], partitions=["few"])
    assert report["r2"] == pytest.approx(expected["r2"], abs=1e-6)


def test_a_validation_set_and_updates_from_files(table: pa.Table, folder: Path) -> None:
    """`X_val` is encoded like the training rows, and `partial_fit` reads part by part."""
    rows = scan(folder / "a.parquet", target="sold", drop="weight")
    valid = scan(folder / "b.parquet", target="sold", drop="weight", cache=folder / "_cache")
    options: dict[str, Any] = {"hidden_layer_sizes": (8,), "random_state": 0, "n_members": 2}
    X, y = features(table), np.array(table["sold"].to_pylist(), object)
    clf = TabularClassifier(**options, max_iter=3, metrics=["log_loss"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        a = clone(clf).fit(rows, X_val=valid)
        b = clone(clf).fit(X[:1000], y[:1000], X_val=X[1000:], y_val=y[1000:])
    assert a.loss_curve_ == b.loss_curve_
    assert a.validation_scores_ == b.validation_scores_
    a.partial_fit(valid)
    assert 0.5 < a.score(rows) <= 1
