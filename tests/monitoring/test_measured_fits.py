"""Metrics during training: groups, failing metrics, evaluation sets, callbacks and copies."""

import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from monitored import HELD, REGION, SETTINGS, TRAIN, X, Y, fitted
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning

from mlpkit import MLPClassifier, by_labels, by_target
from mlpkit.plugin import Metric

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_group_without_training_rows_is_other() -> None:
    """Groups are learned from training rows; a group without rows has the value NaN."""
    clf = MLPClassifier(**{**SETTINGS, "partitions": by_labels("region")})
    strange = np.where(REGION[HELD] == "west", "moon", REGION[HELD])
    clf.fit(
        *(X[TRAIN], Y[TRAIN]),
        X_val=X[HELD],
        y_val=Y[HELD],
        labels={"region": REGION[TRAIN]},
        labels_val={"region": strange},
    )
    rows = clf.metric_history_.select("accuracy", split="validation", by="region")
    last = {r.partition: r for r in rows if r.epoch == 4}
    assert list(last) == ["north", "south", "west", "other"]
    assert last["west"].n_rows == 0 and np.isnan(last["west"].value)
    assert last["other"].n_rows == (strange == "moon").sum()


def test_a_metric_that_fails_loses_nothing(backend: str) -> None:
    """It is NaN, with one warning after the fit; a warning that is an error undoes the fit."""
    calls = []

    def failing(scored: Any) -> Any:
        calls.append(0)
        if len(calls) > 3:
            raise OverflowError("too much")
        return scored.y_true == scored.y_pred

    def mean(s: Any) -> Any:
        return s[..., 1], s[..., 0]

    fragile = Metric("fragile", ("binary",), True, row_statistics=failing, ratio=mean)
    with pytest.warns(UndefinedMetricWarning, match="fragile is undefined .* too much") as warned:
        clf = fitted(backend, metrics=["accuracy", fragile])
    assert len([w for w in warned if w.category is UndefinedMetricWarning]) == 1
    curve = clf.metric_history_.select("fragile", split="validation", by="all")
    assert np.isfinite(curve[0].value) and np.isnan(curve[-1].value)
    plain = fitted(backend)
    np.testing.assert_array_equal(clf.coefs_[0], plain.coefs_[0])
    calls.clear()
    undone = MLPClassifier(**{**SETTINGS, "metrics": [fragile], "partitions": None})
    before = dict(vars(undone))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.raises(UndefinedMetricWarning):
            undone.fit(X[TRAIN], Y[TRAIN], X_val=X[HELD], y_val=Y[HELD])
    assert vars(undone) == before


def test_a_group_of_one_class_has_no_auc() -> None:
    """NaN with one warning a fit."""
    with pytest.warns(
        UndefinedMetricWarning, match="roc_auc is undefined for target '0'"
    ) as warned:
        clf = fitted(metrics="roc_auc", partitions=by_target())
    assert len([w for w in warned if w.category is UndefinedMetricWarning]) == 1
    assert clf.metric_history_.select("roc_auc", by="all", split="validation")[-1].value > 0.9


def test_evaluation_sets() -> None:
    """Any number, by name, as tuples or dicts with labels; a warm start goes on counting."""
    sets = {
        "2024": (X[:50], Y[:50]),
        "2025": {"X": X[50:90], "y": Y[50:90], "sample_weight": np.full(40, 2.0)},
    }
    clf = MLPClassifier((4,), max_iter=2, random_state=0, warm_start=True)
    for _ in range(2):
        clf.fit(X, Y, eval_sets=sets)
    history = clf.metric_history_
    assert list(dict.fromkeys(r.split for r in history)) == ["train", "2024", "2025"]
    assert sorted({r.epoch for r in history}) == [1, 2, 3, 4]
    assert history.select("accuracy", split="2025")[0].weight == 80
    assert {r.metric for r in history} >= {"accuracy", "log_loss"}  # the usual ones


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"metrics": "acuracy"}, {}, "unknown metric 'acuracy'.*Did you mean 'accuracy'"),
        ({"metrics": "mae"}, {}, "'mae' supports regression targets, but the task is binary"),
        ({"partitions": "sex"}, {}, "'sex' is neither a column of X nor a partitioner"),
        ({"partitions": 77}, {}, "X has no column 77. Its 30 columns"),
        ({}, {"X_val": X}, "passed together; y_val is missing"),
        ({}, {"y_val": Y}, "X_val is missing"),
        ({}, {"labels_val": {"a": Y}}, "require X_val and y_val"),
        ({}, {"X_val": X[:, :3], "y_val": Y}, "validation rows: X has 3 features"),
        ({}, {"X_val": X, "y_val": Y + 5}, "validation rows: .*classes not in"),
        ({}, {"X_val": X, "y_val": Y[:7]}, "validation rows: .*inconsistent numbers"),
        ({}, {"eval_sets": [(X, Y)]}, "a dict of rows by name"),
        ({}, {"eval_sets": {"train": (X, Y)}}, "got 'train'"),
        ({}, {"eval_sets": {"a": X}}, r"'a' must be \(X, y\)"),
        ({}, {"eval_sets": {"a": {"X": X, "z": Y}}}, "'a' has the unknown key 'z'"),
        (
            {},
            {"labels": {"region": REGION[:3]}},
            "labels 'region' must have one value.* got 3",
        ),
        ({"train_metrics": "late"}, {}, "train_metrics"),
        ({"metrics_window": 0}, {}, "metrics_window"),
    ],
)
def test_bad_input_is_said_before_training(
    changes: dict[str, Any], arguments: dict[str, Any], message: str, backend: str
) -> None:
    """A ValueError; the estimator goes on as before."""
    settings = {**SETTINGS, "partitions": None, "backend": backend}
    clf = MLPClassifier(**settings).fit(X, Y)
    before, history = clf.predict_proba(X), clf.metric_history_
    clf.set_params(**changes)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, Y, **arguments)
    np.testing.assert_array_equal(before, clf.predict_proba(X))
    assert clf.metric_history_ is history


def test_listeners_see_the_metrics() -> None:
    """A callback gets the readings of its epoch, and may stop by them."""
    seen = []

    def listener(report: Any) -> bool:
        seen.append({r.split: r.value for r in report.metrics() if r.metric == "accuracy"})
        return report.epoch == 2

    clf = fitted(callbacks=listener, partitions=None)
    accuracy = clf.metric_history_.select("accuracy", split="validation")
    assert [s["validation"] for s in seen] == [r.value for r in accuracy]
    assert len(seen) == clf.n_iter_ == 2


def test_it_is_cloned_and_pickled() -> None:
    """Parameters and history go along."""
    clf = fitted()
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.metric_history_["value"], clf.metric_history_["value"])
    assert clone(clf).get_params()["metrics"] == SETTINGS["metrics"]
    assert not hasattr(clone(clf), "metric_history_")


def test_a_plain_fit_imports_nothing_of_it() -> None:
    """Reports and partitioners are only imported if metrics are requested."""
    code = (
        "import sys, numpy as np; from mlpkit import MLPClassifier\n"
        "clf = MLPClassifier((2,), tol=10, n_iter_no_change=1, random_state=0)\n"
        "clf.fit(np.eye(40), np.arange(40) % 2)\n"
        "print([m for m in sys.modules if m.startswith(('mlpkit.metrics', 'mlpkit.partitions'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
