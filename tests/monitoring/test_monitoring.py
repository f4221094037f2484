"""Metrics while training: by epoch, split and group, on the backend under test."""

from typing import Any

import numpy as np
import pytest
from monitored import HELD, REGION, SETTINGS, TRAIN, N, X, Y, fitted, values
from sklearn.datasets import load_diabetes
from sklearn.metrics import log_loss, recall_score

from mlpkit import MLPClassifier, MLPRegressor, by_labels, by_target, evaluate
from mlpkit.numpy_backend.steps import backend as numpy_steps
from mlpkit.plugin import MetricValue

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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
    actual = values(last)
    for e in report:
        assert actual[e[:3]] == pytest.approx(e.value, rel=1e-6, abs=1e-6)
    low, high = np.quantile(X[TRAIN, 0], [1 / 3, 2 / 3])  # groups are fitted to training rows
    assert {r.partition for r in last if r.partitioner == "column 0"} == {
        f"up to {low:.4g}",
        f"{low:.4g} to {high:.4g}",
        f"over {high:.4g}",
    }
    plain = MLPClassifier(**{**SETTINGS, "metrics": None, "partitions": None, "backend": backend})
    plain.fit(X[TRAIN], Y[TRAIN])
    np.testing.assert_allclose(clf.coefs_[0], plain.coefs_[0], rtol=1e-12)
    assert len(plain.metric_history_) == 0


def test_training_rows_are_measured_in_the_forward_pass(backend: str) -> None:
    """With one step an epoch: the values of an epoch are those after the one before."""
    clf = fitted(backend, batch_size=N, train_metrics="running")
    exact = fitted(backend, batch_size=N, train_metrics="exact")
    np.testing.assert_allclose(clf.coefs_[0], exact.coefs_[0], rtol=1e-9)
    for epoch in (2, 3, 4):
        measured = [r for r in clf.metric_history_.select(split="train") if r.epoch == epoch]
        after = [r for r in exact.metric_history_.select(split="train") if r.epoch == epoch - 1]
        assert values(measured).keys() == values(after).keys()
        for at, value in values(measured).items():
            assert values(after)[at] == pytest.approx(value, rel=1e-6, abs=1e-9)
    end = [r for r in exact.metric_history_.select("log_loss", split="train") if r.epoch == 4]
    p = exact.predict_proba(X[TRAIN])
    assert end[0].value == pytest.approx(log_loss(Y[TRAIN], p), rel=1e-6)


def test_training_rows_are_not_passed_twice() -> None:
    """Running values come from the steps: only validation rows are predicted in addition."""
    n_rows = []

    def counting(network: Any, spec: Any, recipe: Any) -> Any:
        right = numpy_steps(network, spec, recipe)

        def outputs(state: Any, X: Any) -> Any:
            n_rows.append(len(X))
            return right.outputs(state, X)

        return right._replace(outputs=outputs)

    fitted(counting)
    assert n_rows == [len(Y) - N] * 4


def test_rows_are_predicted_if_the_backend_returns_no_predictions() -> None:
    """The training rows are predicted once more after each epoch."""

    def forgetful(network: Any, spec: Any, recipe: Any) -> Any:
        right = numpy_steps(network, spec, recipe)

        def epoch(state: Any, rows: Any, batches: Any) -> Any:
            state, sums = right.epoch(state, rows, batches)
            return state, sums._replace(predictions=None)

        return right._replace(epoch=epoch)

    changed, exact = fitted(forgetful), fitted("numpy", train_metrics="exact")
    np.testing.assert_array_equal(changed.metric_history_["value"], exact.metric_history_["value"])


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
    assert list(table.columns) == list(MetricValue._fields)
    assert len(table) == len(history) == 4 * 2 * 3 * (1 + 3 + 2 + 3)
    south = table.query("partition == 'south' and split == 'train' and metric == 'accuracy'")
    assert south["epoch"].tolist() == [1, 2, 3, 4]
    assert south["n_rows"].unique().tolist() == [int((REGION[TRAIN] == "south").sum())]
    assert "accuracy, selection_rate, log_loss on train, validation: epochs 1 to 4" in repr(history)
    axes = history.plot("accuracy", "region")
    assert [a.get_title() for a in axes] == ["train", "validation"]
    with pytest.raises(KeyError, match="Unknown column 'fold'. The columns are: epoch, split"):
        history["fold"]
