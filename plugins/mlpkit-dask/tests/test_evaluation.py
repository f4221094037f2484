"""Reports of collections equal those of the same rows in memory."""

from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client
from sklearn.exceptions import UndefinedMetricWarning

import mlpkit
from mlpkit import (
    MLPClassifier,
    MLPRegressor,
    PartitionReport,
    by_labels,
    by_quantile,
    by_target,
    cross,
)
from mlpkit_dask import evaluate

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "a": RNG.normal(size=300),
        "b": RNG.normal(size=300),
        "age": RNG.integers(18, 80, 300),
        "site": RNG.choice([1, 2, 3], 300),
    }
)
WEIGHT = RNG.random(300)
Y = np.where(FRAME.a + FRAME.b**2 > 1, "yes", "no")
CLASSIFIER = MLPClassifier((8,), solver="lbfgs", max_iter=300, tol=1e-2, random_state=0)


@pytest.fixture(scope="module")
def clf() -> MLPClassifier:
    """A classifier of the rows."""
    return CLASSIFIER.fit(FRAME, Y)


def frames(n: int = 4) -> tuple[Any, Any, Any]:
    """The rows, the targets and the weights in partitions."""
    frame = dd.from_pandas(FRAME.assign(y=Y, w=WEIGHT), npartitions=n)
    return frame[FRAME.columns.tolist()], frame.y, frame.w


def check(report: PartitionReport, expected: PartitionReport) -> None:
    """Both have the same entries; values are equal up to rounding."""
    assert len(report) == len(expected)
    for entry, other in zip(report, expected, strict=True):
        assert entry[:3] == other[:3] and entry.n_rows == other.n_rows
        assert np.isclose(entry.value, other.value, rtol=1e-12, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "options",
    [
        {"metrics": ["accuracy", "log_loss", "roc_auc"]},
        {"partitions": "site"},
        {"partitions": ["site", by_quantile("age", 3)], "min_rows": 1},
        {"partitions": cross("site", by_quantile("age", 2)), "metrics": "accuracy"},
        {"partitions": by_target(), "metrics": "accuracy", "calibration": True},
        {"class_weight": "balanced", "metrics": "accuracy"},
    ],
    ids=str,
)
def test_the_report_equals_that_in_memory(
    client: Client, clf: MLPClassifier, options: dict[str, Any]
) -> None:
    """For metrics that add up and others, by groups that add up and others."""
    X, y, w = frames()
    report = evaluate(clf, X, y, sample_weight=w, **options)
    expected = mlpkit.evaluate(clf, FRAME, Y, sample_weight=WEIGHT, **options)
    check(report, expected)
    assert str(report.calibration) == str(expected.calibration)


def test_balanced_weights_and_intervals(client: Client, clf: MLPClassifier) -> None:
    """Weights of classes within each group, and intervals that blocks of rows determine."""
    X, y, _ = frames()
    options = {"sample_weight": "balanced", "metrics": "accuracy", "partitions": "site"}
    check(evaluate(clf, X, y, **options), mlpkit.evaluate(clf, FRAME, Y, **options))
    report = evaluate(clf, X, y, metrics="log_loss", confidence=0.9)
    expected = mlpkit.evaluate(clf, FRAME, Y, metrics="log_loss", confidence=0.9)
    (entry,), (other,) = report, expected
    assert entry.low < entry.value < entry.high
    assert np.isclose(entry.high - entry.low, other.high - other.low, rtol=0.3)


def test_arrays_with_labels_and_empty_partitions(client: Client) -> None:
    """Labels that X does not contain, and blocks without rows."""
    X = FRAME.to_numpy()
    clf = MLPClassifier((3,), solver="lbfgs", tol=1e-1, random_state=0).fit(X, Y)
    dX, dy = da.from_array(X, chunks=(50, 2)), da.from_array(Y.astype(str), chunks=50)
    dw, site = da.from_array(WEIGHT, chunks=50), da.from_array(X[:, 3], chunks=50)
    kept = dX[:, 2] < 30
    arguments = [values[kept] for values in (dX, dy, dw, site)]
    report = evaluate(
        clf,
        *arguments[:2],
        sample_weight=arguments[2],
        labels={"site": arguments[3]},
        partitions=by_labels("site"),
        min_rows=1,
    )
    k = X[:, 2] < 30
    groups = by_labels(X[k, 3], name="site")
    check(
        report,
        mlpkit.evaluate(clf, X[k], Y[k], sample_weight=WEIGHT[k], partitions=groups, min_rows=1),
    )


def test_a_class_that_a_partition_lacks(client: Client, clf: MLPClassifier) -> None:
    """All reports have the classes of all partitions, also classes without training rows."""
    y = Y.astype(object)
    y[-1] = "unknown"
    X, _, _ = frames(6)
    dy = dd.from_pandas(pd.Series(y), npartitions=6)
    report = evaluate(clf, X, dy, metrics="accuracy")
    check(report, mlpkit.evaluate(clf, FRAME, y, metrics="accuracy"))


def test_a_regressor_by_its_target(client: Client) -> None:
    """Quantiles of the targets are those of all rows."""
    y = FRAME.a.to_numpy() * 2 + RNG.normal(size=300)
    reg = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", tol=1e-1, random_state=0).fit(
        FRAME, y
    )
    X, _, _ = frames()
    dy = dd.from_pandas(pd.Series(y), npartitions=4)
    report = evaluate(reg, X, dy, partitions=by_target(3))
    check(report, mlpkit.evaluate(reg, FRAME, y, partitions=by_target(3)))


def test_predictions_without_an_estimator(client: Client) -> None:
    """The targets and predictions of all partitions decide on the task."""
    y, y_pred = np.array([0.0, 1, 2, 2.5]), np.array([0.0, 1, 2, 2])
    given = {"y_pred": da.from_array(y_pred, chunks=2)}
    report = evaluate(None, None, da.from_array(y, chunks=2), **given)
    check(report, mlpkit.evaluate(None, None, y, y_pred=y_pred))
    report = evaluate(None, None, da.from_array(y[:3] > 0, chunks=2), y_pred=da.zeros(3, chunks=2))
    assert report["accuracy"] == 1 / 3


def test_undefined_values_are_reported_once(client: Client, clf: MLPClassifier) -> None:
    """A value that is undefined in a partition may be defined in all of them."""
    X, _, _ = frames(3)
    y = dd.from_pandas(pd.Series(np.sort(Y)), npartitions=3)
    assert 0 < evaluate(clf, X, y, metrics="roc_auc")["roc_auc"] < 1
    constant = dd.from_pandas(pd.Series(np.full(300, "no")), npartitions=3)
    with pytest.warns(UndefinedMetricWarning, match="roc_auc is undefined"):
        evaluate(clf, X, constant, metrics="roc_auc")


def test_rows_in_memory(client: Client, clf: MLPClassifier) -> None:
    """They are evaluated locally."""
    check(evaluate(clf, FRAME, Y), mlpkit.evaluate(clf, FRAME, Y))


class OfCluster:
    """An estimator of a cluster."""

    client = None

    def __init__(self, local: MLPClassifier) -> None:
        self.local = local

    def to_local(self) -> MLPClassifier:
        """The plain estimator."""
        return self.local


def test_an_estimator_of_a_cluster(client: Client, clf: MLPClassifier) -> None:
    """Workers receive the plain one."""
    X, y, _ = frames(2)
    report = evaluate(OfCluster(clf), X, y, metrics="accuracy")
    check(report, mlpkit.evaluate(clf, FRAME, Y, metrics="accuracy"))


def test_partitions_must_agree(client: Client, clf: MLPClassifier) -> None:
    """As in a fit, the message has the partition and both numbers."""
    X, y, _ = frames()
    with pytest.raises(ValueError, match="y must have the partitions of X, but has 3"):
        evaluate(clf, X, y.repartition(npartitions=3))
    with pytest.raises(ValueError, match="partition . has 74 rows of y and 75 of X"):
        evaluate(clf, X, y.map_partitions(lambda part: part.iloc[1:], meta=y._meta))
    with pytest.raises(ValueError, match="importance=True requires rows in memory"):
        evaluate(clf, X, y, importance=True)
    with pytest.raises(ValueError, match="at least one row"):
        evaluate(clf, X[X.a > 100], y[X.a > 100])
