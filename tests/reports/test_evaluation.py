"""`evaluate`: any estimator, plain predictions, data in memory or in a stream."""

import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from grouped import rows
from sklearn.datasets import load_breast_cancer, load_diabetes, make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, recall_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from mlpkit import (
    Dataset,
    MLPClassifier,
    MLPRegressor,
    by_column,
    by_function,
    by_labels,
    by_quantile,
    by_target,
    cross,
    evaluate,
    feature_importance,
)
from mlpkit.reports.report import PartitionReport

X, y = load_breast_cancer(return_X_y=True)
GROUPS = np.random.default_rng(0).choice(["a", "b", "c"], len(y))
FRAME = pd.DataFrame({"radius": X[:, 0], "group": GROUPS})


def same(one: PartitionReport, two: PartitionReport) -> None:
    """All values, counts and weights agree."""
    assert {e[:3] for e in one} == {e[:3] for e in two}
    there = {e[:3]: e for e in two}
    for e in one:
        other = there[e[:3]]
        np.testing.assert_allclose(other.value, e.value, rtol=1e-12, atol=1e-12)
        assert other.n_rows == e.n_rows and other.eligible == e.eligible
        np.testing.assert_allclose(other.weight, e.weight, rtol=1e-12)


def test_our_estimators_on_any_backend(backend: str) -> None:
    """A fitted MLP is evaluated as any other estimator."""
    clf = MLPClassifier(
        (5,), max_iter=20, tol=10.0, n_iter_no_change=2, random_state=0, backend=backend
    )
    clf.fit(X, y)
    report = evaluate(clf, X, y, partitions=[by_target(), by_quantile(0)], metrics="accuracy")
    assert report["accuracy"] == pytest.approx(clf.score(X, y), abs=1e-12)
    Xd, yd = load_diabetes(return_X_y=True)
    reg = MLPRegressor(hidden_layer_sizes=(5,), tol=1e9, random_state=0, backend=backend)
    reg.fit(Xd, yd)
    assert evaluate(reg, Xd, yd, metrics="r2")["r2"] == pytest.approx(reg.score(Xd, yd), abs=1e-12)


def test_an_estimator_with_decision_function_only() -> None:
    """Ranking metrics use it; log-loss says that it needs probabilities."""
    svc = make_pipeline(StandardScaler(), LinearSVC()).fit(X, y)
    report = evaluate(svc, X, y, partitions=by_labels(GROUPS))
    assert report.metrics == ["accuracy", "balanced_accuracy", "roc_auc"]
    expected = roc_auc_score(y, svc.decision_function(X))
    assert report["roc_auc"] == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match="'log_loss' needs probabilities.*predict_proba"):
        evaluate(svc, X, y, metrics="log_loss")


def test_an_estimator_of_labels_only() -> None:
    """Any object with predict does, with string labels too."""

    class Rule:
        def predict(self, X: Any) -> Any:
            return np.where(X[:, 0] > 15, "bad", "good")

    labels = np.where(y == 0, "bad", "good")
    report = evaluate(Rule(), X, labels, metrics=["accuracy", "recall"], task="multiclass")
    expected = recall_score(labels, Rule().predict(X), pos_label="good")
    assert report["recall"] == pytest.approx(expected, abs=1e-12)


def test_regressors_have_whole_targets_too() -> None:
    """What predicts reals is a regression, whatever y looks like."""
    report = evaluate(Ridge().fit(X, y), X, y)
    assert report.metrics == ["r2", "mae", "rmse"]
    report = evaluate(None, None, [1, 2, 3], y_pred=[1.5, 2.0, 3.0], metrics="mae", min_rows=1)
    assert report["mae"] == pytest.approx(1 / 6)
    report = evaluate(None, None, [1, 2, 3], y_pred=[1, 2, 4], metrics="mae", min_rows=1)
    assert report["mae"] == pytest.approx(1 / 3)
    assert evaluate(None, None, [1, 2], y_pred=[1, 2], task="regression").metrics[0] == "r2"


def test_multilabel() -> None:
    """Label sets, from an estimator whose probabilities are a list."""
    Xm, ym = make_multilabel_classification(random_state=0)
    forest = RandomForestClassifier(10, random_state=0).fit(Xm, ym)
    report = evaluate(forest, Xm, ym, partitions=by_target(), metrics=["accuracy", "f1_macro"])
    assert report["accuracy"] == accuracy_score(ym, forest.predict(Xm))
    assert len(report.select("accuracy", "target")) == ym.shape[1]


def test_classes_that_the_model_has_not_seen() -> None:
    """They count as wrong, with probability 0."""
    seen = y.copy()
    clf = KNeighborsClassifier().fit(X, seen)
    seen[:10] = 7
    report = evaluate(clf, X, seen, metrics=["accuracy", "log_loss"])
    assert report["accuracy"] == accuracy_score(seen, clf.predict(X))
    wide = np.column_stack([clf.predict_proba(X), np.zeros(len(y))])
    assert report["log_loss"] == pytest.approx(log_loss(seen, wide), rel=1e-12)


def test_probabilities_alone() -> None:
    """Labels are the most probable class; (n,) is the positive class."""
    data = rows("binary")
    both = evaluate(None, None, data.y, y_proba=data.p, metrics=["accuracy", "roc_auc"])
    one = evaluate(None, None, data.y, y_proba=data.p[:, 1], metrics=["accuracy", "roc_auc"])
    same(both, one)
    assert both["accuracy"] == accuracy_score(data.y, data.label)
    score = evaluate(None, None, data.y, y_pred=data.label, y_score=data.p[:, 1], metrics="roc_auc")
    assert score["roc_auc"] == both["roc_auc"]


@pytest.mark.parametrize("weighted", [False, True])
def test_a_stream_gives_what_memory_gives(weighted: bool) -> None:
    """Chunks of any sizes, as tuples, dicts and Chunks, equal the data in one piece."""
    clf = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME[["radius"]], y)
    w = np.random.default_rng(1).gamma(1.0, size=len(y)) if weighted else None

    class Radius:
        classes_ = clf.classes_

        def predict(self, X: Any) -> Any:
            return clf.predict(X[["radius"]])

        def predict_proba(self, X: Any) -> Any:
            return clf.predict_proba(X[["radius"]])

    def chunks() -> Any:
        for i, index in enumerate(np.split(np.arange(len(y)), [1, 2, 90, 91, 400])):
            weight = None if w is None else w[index]
            part = FRAME.iloc[index]
            if i % 3 == 0:
                yield (part, y[index]) if w is None else (part, y[index], weight)
            elif i % 3 == 1:
                yield {"X": part, "y": y[index], "sample_weight": weight}
            else:
                yield Dataset(part, y[index], weight)

    size = by_function(lambda X: np.where(X.radius > 14, "big", "small"), name="size")
    options: Any = {
        "metrics": ["accuracy", "log_loss", "roc_auc", "f1_macro"],
        "partitions": ["group", size, cross("group", size)],
    }
    whole = evaluate(Radius(), FRAME, y, sample_weight=w, **options)
    same(whole, evaluate(Radius(), chunks(), **options))


def test_nothing_of_a_stream_is_kept() -> None:
    """Metrics that add up hold no row, so that the data may be larger than memory."""
    clf = KNeighborsClassifier(1).fit(X, y)
    chunks = ((X[i : i + 50], y[i : i + 50]) for i in range(0, 500, 50))
    report = evaluate(clf, chunks, metrics=["accuracy", "log_loss"], confidence=0.9)
    assert report._accumulator.kept.chunks == () and report["accuracy"] == 1.0
    assert len(pickle.dumps(report)) < 200_000


def test_quantiles_of_a_stream_are_those_of_its_first_chunk() -> None:
    """They can't be joined, and are not cut anew."""
    clf = KNeighborsClassifier().fit(X, y)
    chunks = [(X[:100], y[:100]), (X[100:], y[100:])]
    first = evaluate(clf, X[:100], y[:100], partitions=by_quantile(0), metrics="accuracy")
    both = evaluate(clf, iter(chunks), partitions=by_quantile(0), metrics="accuracy")
    assert [e[:3] for e in first] == [e[:3] for e in both]


def test_bad_input() -> None:
    """What was given, what is possible, what to type next."""
    clf = KNeighborsClassifier().fit(X, y)
    cases: list[tuple[str, dict[str, Any]]] = [
        ("unknown metric 'acc'", {"metrics": "acc"}),
        ("inconsistent numbers of samples", {"sample_weight": np.ones(3)}),
        ("for each of the 569 rows, got 3 labels", {"partitions": by_labels([1, 2, 3])}),
        (
            "an array, 'balanced' or None, got 'heavy'",
            {"sample_weight": "heavy"},
        ),
        ("class_weight must be 'balanced' or None, got 'heavy'", {"class_weight": "heavy"}),
        ("negative, infinite or missing", {"sample_weight": -np.ones(len(y))}),
        ("confidence must be between 0 and 1, for example 0.95, got 95", {"confidence": 95}),
        ("X has no column 99", {"partitions": by_column(99)}),
        ("supports regression targets, but the task is binary", {"metrics": "r2"}),
    ]
    for message, options in cases:
        with pytest.raises(ValueError, match=message):
            evaluate(clf, X, y, **options)
    with pytest.raises(ValueError, match="evaluate needs y"):
        evaluate(clf, X)
    with pytest.raises(ValueError, match="needs a fitted estimator, y_pred or y_proba"):
        evaluate(None, X, y)
    with pytest.raises(ValueError, match="needs at least one row"):
        evaluate(clf, iter([]))
    with pytest.raises(ValueError, match="each .X, y., .X, y, sample_weight., a dict"):
        evaluate(clf, [[1, 2], [3, 4]])
    with pytest.raises(ValueError, match="Unknown key 'weight' of a chunk. The keys are: X, y"):
        evaluate(clf, iter([{"X": X, "y": y, "weight": y}]))
    for name in ("sample_weight", "labels", "y_pred", "y_proba", "y_score", "y_interval"):
        with pytest.raises(ValueError, match=f"{name} cannot be passed together.*'{name}': ...}}"):
            evaluate(clf, iter([(X, y)]), **{name: y})
    with pytest.raises(ValueError, match="weights require classes, but the task is regression"):
        evaluate(Ridge().fit(X, y), X, y, sample_weight="balanced")
    with pytest.raises(ValueError, match=r"each of the 2 classes \[0, 1\], got 3 columns"):
        evaluate(None, None, y, y_proba=np.ones((len(y), 3)), metrics="log_loss")
    with pytest.raises(ValueError, match="y_pred must have as many rows as y, 569, got 2"):
        evaluate(None, None, y, y_pred=np.array([0, 1]))
    with pytest.raises(ValueError, match=r"y contains \[7\], but the classes are \[0, 1\]"):
        evaluate(clf, iter([(X[:400], y[:400]), (X[400:], np.full(169, 7))]))


@pytest.mark.once
def test_arguments_in_another_order() -> None:
    """The message shows what was given as y, and the order of the arguments."""
    clf = LogisticRegression(max_iter=1000).fit(X[:, :2], y)
    with pytest.raises(ValueError, match=r"got 'group'. The arguments are evaluate\(estimator, X"):
        evaluate(clf, FRAME, "group")
    with pytest.raises(ValueError, match=r"array of targets, got LogisticReg"):
        evaluate(X[:, :2], y, clf)


@pytest.mark.once
@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_targets(missing: Any) -> None:
    """They are counted, whatever the task, and the first row is named."""
    clf, reg = LogisticRegression(max_iter=1000).fit(X[:, :2], y), Ridge().fit(X[:, :2], y)
    labels = y.astype(object)
    labels[[3, 5]] = missing
    with pytest.raises(ValueError, match="2 of 569 are missing, the first one in row 3"):
        evaluate(clf, X[:, :2], labels)
    with pytest.raises(ValueError, match="2 of 569 are missing, the first one in row 3"):
        evaluate(reg, X[:, :2], labels.astype(float))
    with pytest.raises(ValueError, match="2 of 569 are missing, the first one in row 3"):
        feature_importance(reg, X[:, :2], labels)


@pytest.mark.once
def test_reports_need_neither_pandas_nor_matplotlib() -> None:
    """Both are imported where they are used, with an error that says what to install."""
    code = (
        "import sys\n"
        "class No:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('pandas', 'matplotlib'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, No())\n"
        "from mlpkit import by_labels, evaluate\n"
        "r = evaluate(None, None, [0, 1, 1], y_pred=[0, 1, 0], metrics='accuracy',\n"
        "             partitions=by_labels(list('aab')), confidence=0.9)\n"
        "print(r)\n"
        "for f in (r.to_frame, r.plot):\n"
        "    try: f()\n"
        "    except ImportError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "MLPKIT_DISABLE_PLUGINS": ""},
    )
    assert "to_frame needs pandas: pip install pandas" in done.stdout
    assert "Plotting needs matplotlib: pip install matplotlib" in done.stdout
