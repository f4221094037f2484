"""Scores, predictions, reports and importance of the rows of files equal those in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from scanned import FEW, NAMES, in_memory, rows_of, table
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, MLPRegressor, by_labels, evaluate, feature_importance, scan

pytestmark = pytest.mark.once


def classifier() -> Any:
    """A classifier that was fitted in memory."""
    X, y, w, _ = in_memory()
    return MLPClassifier((5,), **FEW, encoder="standard", random_state=0).fit(X, y, w)


@pytest.mark.parametrize("weight", [None, "w"])
def test_the_accuracy(folder: Path, weight: str | None) -> None:
    """With the weights of the files."""
    X, y, w, _ = in_memory()
    rows = scan(folder, target="y", weight=weight, drop=["g"] if weight else ["g", "w"])
    clf = classifier()
    expected = clf.score(X, y, w if weight else None)
    assert clf.score(rows) == pytest.approx(expected, abs=1e-12)


def test_the_accuracy_of_label_sets(tmp_path: Path) -> None:
    """A row counts if all labels are correct."""
    rows = table()
    rows = rows.append_column("z", [np.asarray(rows["c3"]) > 0])
    parquet.write_table(rows, tmp_path / "rows.parquet", row_group_size=70)
    scanned = scan(tmp_path, target=["y", "z"], drop=["w", "g"])
    X = rows.select(NAMES)
    y = np.stack([np.asarray(rows[name]) for name in ("y", "z")], axis=1)
    clf = MLPClassifier((5,), **FEW, encoder="standard", random_state=0).fit(scanned)
    assert clf.score(scanned) == pytest.approx(clf.score(X, y), abs=1e-12)


@pytest.mark.parametrize("target", ["c3", ["c2", "c3"]])
def test_r2(folder: Path, target: Any) -> None:
    """Of one target and of several."""
    rows = scan(folder, target=target, weight="w", drop=["y", "g"])
    frame, _, w, _ = in_memory()
    X, y = frame[rows.features], frame[target]
    reg = MLPRegressor(hidden_layer_sizes=(5,), **FEW, random_state=0).fit(X, y)
    assert reg.score(rows) == pytest.approx(reg.score(X, y, w), abs=1e-12)


def test_scores_without_targets_are_errors(folder: Path) -> None:
    """In files and in memory."""
    clf, rows = classifier(), scan(folder, drop=["y", "w", "g"])
    for X in (rows, in_memory()[0]):
        with pytest.raises(ValueError, match=r"score requires y\. In files, it is the column of"):
            clf.score(X)
    with pytest.raises(ValueError, match="y cannot be passed together with a scan of files"):
        clf.score(rows, [0, 1])


def test_an_estimator_must_be_fitted(folder: Path) -> None:
    """The error is that of arrays, without the name of a file."""
    for use in (MLPClassifier().predict, MLPClassifier().score, MLPRegressor().score):
        with pytest.raises(NotFittedError, match="^This MLP.* instance is not fitted yet"):
            use(rows_of(folder))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_predictions_do_not_read_other_columns(tmp_path: Path, method: str) -> None:
    """The targets of rows to predict may be missing."""
    rows = table()
    gone = rows.set_column(4, "y", [[None] * len(rows)])
    parquet.write_table(gone, tmp_path / "new.parquet", row_group_size=70)
    clf = classifier()
    predicted = getattr(clf, method)(rows_of(tmp_path))
    expected = getattr(clf, method)(rows.select(NAMES))
    assert predicted.dtype == expected.dtype
    if method == "predict":
        assert np.array_equal(predicted, expected)
    else:  # with some versions of BLAS, the last bits depend on the number of rows in a product
        np.testing.assert_allclose(predicted, expected, rtol=1e-6)


def test_intervals_and_quantiles(folder: Path) -> None:
    """The other predictions of a regressor."""
    rows = scan(folder, target="c3", drop=["y", "w", "g"])
    X, y = in_memory()[0][NAMES[:3]], in_memory()[0]["c3"]
    reg = MLPRegressor("quantiles", loss_options={"quantiles": (0.1, 0.5, 0.9)}, **FEW)
    reg.set_params(hidden_layer_sizes=(5,), early_stopping=True, random_state=0).fit(rows)
    assert np.array_equal(reg.predict_interval(rows), reg.predict_interval(X))
    assert np.array_equal(reg.predict(rows, quantiles=[0.2]), reg.predict(X, quantiles=[0.2]))
    report = evaluate(reg, rows, metrics=["interval_coverage", "r2"], calibration=True)
    expected = evaluate(reg, X, y, metrics=["interval_coverage", "r2"], calibration=True)
    for metric in ("interval_coverage", "r2"):
        assert report[metric] == pytest.approx(expected[metric], abs=1e-12)


def test_the_importance_of_columns(folder: Path) -> None:
    """The rows are read into memory, if they fit."""
    clf, (X, y, w, labels) = classifier(), in_memory()
    rows = rows_of(folder)
    own = feature_importance(clf, rows, partitions=[by_labels("g")])
    groups: Any = {"partitions": [by_labels("g")], "labels": labels}
    assert list(own) == list(feature_importance(clf, X, y, sample_weight=w, **groups))
    report = evaluate(clf, rows, metrics=["accuracy"], importance=True)
    in_report = evaluate(clf, X, y, sample_weight=w, metrics=["accuracy"], importance=True)
    assert report.importance and list(report.importance) == list(in_report.importance)
    rows.memory = 20_000
    message = "measuring the importance requires more memory than the 19.5 KiB that scan may use"
    for measure in (feature_importance, lambda clf, rows: evaluate(clf, rows, importance=True)):
        with pytest.raises(ValueError, match=message):
            measure(clf, rows)
    with pytest.raises(ValueError, match="feature_importance requires y"):
        feature_importance(clf, X)


@pytest.mark.parametrize("name", ["y", "sample_weight", "labels"])
def test_evaluate_rejects_arrays_in_addition_to_a_scan(folder: Path, name: str) -> None:
    """They are columns of the files."""
    with pytest.raises(ValueError, match=rf"{name} cannot be passed together with a scan of files"):
        evaluate(classifier(), rows_of(folder), **{name: in_memory()[1]})


def test_functions_of_scikit_learn_say_what_accepts_a_scan(folder: Path) -> None:
    """Instead of an error about the shape of an array."""
    rows = rows_of(folder)
    for use in (
        lambda: make_pipeline(StandardScaler(), MLPClassifier()).fit(rows),
        lambda: cross_val_score(MLPClassifier(), rows, cv=2),
        lambda: StandardScaler().fit(rows),
    ):
        with pytest.raises(TypeError, match="A scan of files is not an array. The estimators of"):
            use()


def test_an_error_of_a_prediction_names_the_file(tmp_path: Path) -> None:
    """And the row group, as in `fit`; in `partial_fit` and scores, too."""
    rows = table()
    parquet.write_table(rows.slice(0, 200), tmp_path / "a.parquet")
    column = np.asarray(rows["c1"]).copy()
    column[450] = np.nan
    wrong = rows.set_column(1, "c1", [column]).slice(200)
    parquet.write_table(wrong, tmp_path / "b.parquet", row_group_size=100)
    X, y, *_ = in_memory()
    clf = MLPClassifier((5,), **FEW).fit(X, y)
    for use in (clf.predict, clf.predict_proba, clf.score, clf.partial_fit):
        with pytest.raises(ValueError, match=r"b\.parquet, row group 3, rows 201 to 300: .*NaN"):
            use(rows_of(tmp_path))
