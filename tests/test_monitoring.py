"""Metrics while training: by epoch, split and group, on the backend under test."""

import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.metrics import log_loss, recall_score
from sklearn.preprocessing import scale

from mlpkit import MLPClassifier, MLPRegressor, by_labels, by_quantile, by_target, evaluate
from mlpkit.numpy_backend import backend as numpy_steps
from mlpkit.plugin import Metric, Reading

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)
N = 400
TRAIN, HELD = slice(N), slice(N, None)
REGION = np.array(["north", "south", "west"])[np.random.RandomState(0).randint(3, size=len(Y))]
SETTINGS: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "learning_rate_init": 0.01,
    "max_iter": 4,
    "random_state": 0,
    "metrics": ["accuracy", "selection_rate", "log_loss"],
    "partitions": [by_labels("region"), by_target(), by_quantile(0, 3)],
}


def fitted(backend: str | None = None, **changes: Any) -> MLPClassifier:
    """A classifier with its history of training and validation rows."""
    clf = MLPClassifier(**{**SETTINGS, "backend": backend, **changes})
    beside = {"labels": {"region": REGION[TRAIN]}, "labels_val": {"region": REGION[HELD]}}
    return clf.fit(X[TRAIN], Y[TRAIN], X_val=X[HELD], y_val=Y[HELD], **beside)


def values(rows: list[Reading]) -> dict[tuple[str, str, str], float]:
    """By metric and group."""
    return {(r.metric, r.partitioner, r.partition): r.value for r in rows}


def test_validation_rows_are_measured_after_each_epoch(backend: str) -> None:
    """The last epoch's values are those of `evaluate`, in every group; nothing else moves."""
    clf = fitted(backend)
    report = evaluate(
        clf,
        X[HELD],
        Y[HELD],
        metrics=SETTINGS["metrics"],
        partitions=[by_labels("region"), by_target()],
        labels={"region": REGION[HELD]},
    )
    last = [r for r in clf.metric_history_.select(split="validation") if r.epoch == 4]
    found = values(last)
    for e in report:
        assert found[e[:3]] == pytest.approx(e.value, rel=1e-6, abs=1e-6)
    assert {r.partition for r in last if r.partitioner == "column 0"} >= {"over 0.1885"} or last
    plain = MLPClassifier(**{**SETTINGS, "metrics": None, "partitions": None, "backend": backend})
    plain.fit(X[TRAIN], Y[TRAIN])
    np.testing.assert_allclose(clf.coefs_[0], plain.coefs_[0], rtol=1e-12)
    assert len(plain.metric_history_) == 0


def test_training_rows_are_measured_as_their_steps_met_them(backend: str) -> None:
    """With one step an epoch: the values of an epoch are those after the one before."""
    clf = fitted(backend, batch_size=N, train_metrics="running")
    exact = fitted(backend, batch_size=N, train_metrics="exact")
    np.testing.assert_allclose(clf.coefs_[0], exact.coefs_[0], rtol=1e-9)
    for epoch in (2, 3, 4):
        met = [r for r in clf.metric_history_.select(split="train") if r.epoch == epoch]
        after = [r for r in exact.metric_history_.select(split="train") if r.epoch == epoch - 1]
        assert values(met).keys() == values(after).keys()
        for at, value in values(met).items():
            assert values(after)[at] == pytest.approx(value, rel=1e-6, abs=1e-9)
    end = [r for r in exact.metric_history_.select("log_loss", split="train") if r.epoch == 4]
    p = exact.predict_proba(X[TRAIN])
    assert end[0].value == pytest.approx(log_loss(Y[TRAIN], p), rel=1e-6)


def test_training_rows_are_not_passed_twice() -> None:
    """Running values come from the steps: the network is asked for validation rows alone."""
    asked = []

    def counting(network: Any, spec: Any, recipe: Any) -> Any:
        right = numpy_steps(network, spec, recipe)

        def outputs(state: Any, X: Any) -> Any:
            asked.append(len(X))
            return right.outputs(state, X)

        return right._replace(outputs=outputs)

    fitted(counting)
    assert asked == [len(Y) - N] * 4


def test_a_backend_that_keeps_nothing_is_asked_again() -> None:
    """Its training rows are passed once more behind each epoch."""

    def forgetful(network: Any, spec: Any, recipe: Any) -> Any:
        right = numpy_steps(network, spec, recipe)

        def epoch(state: Any, rows: Any, batches: Any) -> Any:
            state, sums = right.epoch(state, rows, batches)
            return state, sums._replace(predictions=None)

        return right._replace(epoch=epoch)

    found, exact = fitted(forgetful), fitted("numpy", train_metrics="exact")
    np.testing.assert_array_equal(found.metric_history_["value"], exact.metric_history_["value"])


def test_weights_of_rows_count_and_those_of_classes_do_not(backend: str) -> None:
    """sample_weight multiplies; class_weight steers training alone, even where it is 0."""
    w = np.random.RandomState(1).randint(1, 4, size=N).astype(float)
    clf = MLPClassifier(**{**SETTINGS, "partitions": None, "train_metrics": "exact"})
    clf.set_params(
        backend=backend, class_weight={0: 0.5, 1: 2.0}, metrics=["accuracy", "recall"]
    ).fit(X[TRAIN], Y[TRAIN], w)
    last = clf.metric_history_.select("recall", split="train")[-1]
    assert last.weight == w.sum() and last.n_rows == N
    expected = recall_score(Y[TRAIN], clf.predict(X[TRAIN]), sample_weight=w)
    assert last.value == pytest.approx(expected, rel=1e-12)
    clf.set_params(class_weight={0: 0.0, 1: 1.0}, train_metrics="running", max_iter=2)
    history = clf.fit(X[TRAIN], Y[TRAIN]).metric_history_
    assert history.select("accuracy", split="train")[-1].n_rows == N
    assert history.select("accuracy", split="train")[-1].value < 1


def test_other_tasks(backend: str) -> None:
    """Regression with several outputs, label sets, sparse rows, L-BFGS."""
    R, t = load_diabetes(return_X_y=True)
    reg = MLPRegressor(hidden_layer_sizes=(8,), max_iter=3, random_state=0, backend=backend)
    reg.set_params(metrics=["mae", "r2"], partitions=by_target(3)).fit(R, np.c_[t, -t])
    assert {r.partition for r in reg.metric_history_ if r.partitioner == "target"}
    labels = np.c_[Y, 1 - Y, Y]
    clf = MLPClassifier((8,), max_iter=3, random_state=0, backend=backend, metrics="f1_macro")
    from scipy.sparse import csr_array

    clf.fit(csr_array(X), labels, X_val=csr_array(X[:50]), y_val=labels[:50])
    assert {r.split for r in clf.metric_history_} == {"train", "validation"}
    by_hand = fitted(backend, solver="lbfgs", max_iter=3)
    assert [r.epoch for r in by_hand.metric_history_.select("accuracy", by="all", split="train")]
    final = by_hand.metric_history_.select("accuracy", by="all", split="train")[-1]
    assert final.value == pytest.approx(by_hand.score(X[TRAIN], Y[TRAIN]))


def test_the_table_reads_well() -> None:
    """A frame of tidy columns, a picture, a line to print; empty without metrics."""
    history = fitted().metric_history_
    table = history.to_frame()
    assert list(table.columns) == list(Reading._fields)
    assert len(table) == len(history) == 4 * 2 * 3 * (1 + 3 + 2 + 3)
    south = table.query("partition == 'south' and split == 'train' and metric == 'accuracy'")
    assert south["epoch"].tolist() == [1, 2, 3, 4]
    assert south["n_rows"].unique().tolist() == [int((REGION[TRAIN] == "south").sum())]
    assert "accuracy, selection_rate, log_loss on train, validation: epochs 1 to 4" in repr(history)
    axes = history.plot("accuracy", "region")
    assert [a.get_title() for a in axes] == ["train", "validation"]
    with pytest.raises(KeyError, match="no column 'fold'; columns: epoch, split"):
        history["fold"]


def test_a_group_that_training_did_not_know_is_other() -> None:
    """Groups are learned from training rows; a group without rows is NaN and no crash."""
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
    """It is NaN, said once behind the fit, also where the warning is an error."""
    calls = []

    def failing(scored: Any) -> Any:
        calls.append(0)
        if len(calls) > 3:
            raise OverflowError("too much")
        return scored.y == scored.label

    def mean(s: Any) -> Any:
        return s[..., 1], s[..., 0]

    fragile = Metric("fragile", ("binary",), True, terms=failing, ratio=mean)
    with pytest.warns(UndefinedMetricWarning, match="fragile is undefined .* too much") as said:
        clf = fitted(backend, metrics=["accuracy", fragile])
    assert len([w for w in said if w.category is UndefinedMetricWarning]) == 1
    curve = clf.metric_history_.select("fragile", split="validation", by="all")
    assert np.isfinite(curve[0].value) and np.isnan(curve[-1].value)
    plain = fitted(backend)
    np.testing.assert_array_equal(clf.coefs_[0], plain.coefs_[0])
    calls.clear()
    kept = MLPClassifier(**{**SETTINGS, "metrics": [fragile], "partitions": None})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.raises(UndefinedMetricWarning):
            kept.fit(X[TRAIN], Y[TRAIN], X_val=X[HELD], y_val=Y[HELD])
    assert len(kept.loss_curve_) == 4 and kept.score(X, Y) > 0.5


def test_a_group_of_one_class_has_no_auc() -> None:
    """NaN with one warning a fit."""
    with pytest.warns(UndefinedMetricWarning, match="roc_auc is undefined for target '0'") as said:
        clf = fitted(metrics="roc_auc", partitions=by_target())
    assert len([w for w in said if w.category is UndefinedMetricWarning]) == 1
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
    ("changes", "beside", "message"),
    [
        ({"metrics": "acuracy"}, {}, "unknown metric 'acuracy'.*Did you mean 'accuracy'"),
        ({"metrics": "mae"}, {}, "'mae' is for regression, but the task is binary"),
        ({"partitions": "sex"}, {}, "'sex' is neither a column of X nor a partitioner"),
        ({"partitions": 77}, {}, "X has no column 77; it has 30"),
        ({}, {"X_val": X}, "both X_val and y_val; y_val is missing"),
        ({}, {"y_val": Y}, "X_val is missing"),
        ({}, {"labels_val": {"a": Y}}, "go with X_val and y_val"),
        ({}, {"X_val": X[:, :3], "y_val": Y}, "validation rows: X has 3 features"),
        ({}, {"X_val": X, "y_val": Y + 5}, "validation rows: .*classes not in"),
        ({}, {"X_val": X, "y_val": Y[:7]}, "validation rows: .*inconsistent numbers"),
        ({}, {"eval_sets": [(X, Y)]}, "a dict of rows by name"),
        ({}, {"eval_sets": {"train": (X, Y)}}, "'train' is no name"),
        ({}, {"eval_sets": {"a": X}}, r"'a' is \(X, y\)"),
        ({}, {"eval_sets": {"a": {"X": X, "z": Y}}}, "'a' has 'z'"),
        ({}, {"labels": {"region": REGION[:3]}}, "labels 'region' of the y are for 3 rows"),
        ({"train_metrics": "late"}, {}, "train_metrics"),
        ({"metrics_window": 0}, {}, "metrics_window"),
    ],
)
def test_bad_input_is_said_before_training(
    changes: dict[str, Any], beside: dict[str, Any], message: str, backend: str
) -> None:
    """A ValueError; the estimator goes on as before."""
    settings = {**SETTINGS, "partitions": None, "backend": backend}
    clf = MLPClassifier(**settings).fit(X, Y)
    before, history = clf.predict_proba(X), clf.metric_history_
    clf.set_params(**changes)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, Y, **beside)
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
    """Reports and partitioners are loaded when metrics are asked for."""
    code = (
        "import sys, numpy as np; from mlpkit import MLPClassifier\n"
        "clf = MLPClassifier((2,), tol=10, n_iter_no_change=1, random_state=0)\n"
        "clf.fit(np.eye(40), np.arange(40) % 2)\n"
        "print([m for m in sys.modules if m.startswith(('mlpkit.metrics', 'mlpkit.partitions'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
