"""Callbacks of scikit-learn: the estimator and the rows of each epoch."""

from typing import Any

import pytest
from numpy.testing import assert_allclose, assert_array_equal
from recorded_tasks import LABELS, SUPPORTED, WEIGHTS, Recorder, X, make, supported
from sklearn.base import clone
from sklearn.metrics import accuracy_score, get_scorer

from mlpkit import Cycles
from mlpkit.plugin import Report

if SUPPORTED:
    from sklearn.callback import ScoringMonitor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def halved(report: Report) -> float | None:
    """Return another learning rate after the last epoch."""
    return 0.0005 if report.epoch == 4 else None


@supported
@pytest.mark.parametrize(
    "params",
    [
        {"learning_rate": "linear"},
        {"learning_rate": "cosine", "callbacks": halved},
        {"trainer": "cycles"},
        {"trainer": Cycles(first_cycle=4, max_cycles=1)},
    ],
)
def test_the_estimator_of_the_last_epoch_trains_on(params: dict[str, Any]) -> None:
    """`partial_fit` continues from the learning rate without the factor of the schedule; the number
    of epochs is known.
    """
    estimator, y = make(**params)
    recorder = Recorder()
    estimator.set_callbacks(recorder).fit(X, y)
    assert recorder.tasks[0]["context"].max_subtasks == 4
    copied = recorder.tasks[-2]["fitted_estimator"]
    for one, other in zip(
        copied.partial_fit(X, y).coefs_, estimator.partial_fit(X, y).coefs_, strict=True
    ):
        assert_allclose(one, other, rtol=1e-12)


@supported
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_estimator_of_each_epoch(kind: str, solver: str) -> None:
    """It equals an estimator that was fitted for this number of epochs."""
    estimator, y = make(kind, solver=solver, metrics="log_loss" if kind == "classifier" else "mae")
    recorder = Recorder()
    estimator.set_params(max_iter=9).fit(X[::-1], y)  # an earlier fit has no effect
    estimator.coefs_[0][:] = 9.0
    estimator.set_params(max_iter=4).set_callbacks(recorder).fit(X, y)
    assert recorder.tasks[0]["fitted_estimator"] is None
    for i, task in enumerate(recorder.tasks[1:-1]):
        n_epochs = (i + 1) // 2
        copied = task["fitted_estimator"]
        if n_epochs == 0:
            assert (copied.n_iter_, copied.loss_curve_) == (0, [])
            continue
        same, _ = make(kind, solver=solver, max_iter=n_epochs, metrics=estimator.metrics)
        same.fit(X, y)
        assert_array_equal(copied.predict(X), same.predict(X))
        for one, other in zip(copied.coefs_, same.coefs_, strict=True):
            assert_allclose(one, other, rtol=1e-12)
        for name in ("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_"):
            assert getattr(copied, name) == getattr(same, name), name
        assert copied._no_improvement_count == same._no_improvement_count
        assert list(copied.metric_history_) == list(same.metric_history_)
        if solver == "adam":  # training can continue from it
            copied.partial_fit(X[:20], y[:20])
            same.partial_fit(X[:20], y[:20])
            assert_allclose(copied.coefs_[0], same.coefs_[0], rtol=1e-12)
    assert_array_equal(recorder.tasks[-1]["fitted_estimator"].predict(X), estimator.predict(X))


@supported
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_data_of_a_task(kind: str) -> None:
    """A task has X, y and sample weights as they were passed to `fit`."""
    estimator, y = make(kind)
    recorder = Recorder()
    estimator.set_callbacks(recorder).fit(X, y, WEIGHTS)
    for task in recorder.tasks:
        assert_array_equal(task["X"], X)
        assert_array_equal(task["y"], y)
        assert list(task["metadata"]) == ["sample_weight"]
        assert_array_equal(task["metadata"]["sample_weight"], WEIGHTS)
    estimator.fit(X, y)
    assert recorder.tasks[-1]["metadata"] is None


@supported
def test_data_with_early_stopping() -> None:
    """The tasks of epochs have the training rows, without the validation set."""
    estimator, y = make(early_stopping=True, validation_fraction=0.2, class_weight="balanced")
    recorder = Recorder()
    estimator.set_callbacks(recorder).fit(X, y, WEIGHTS)
    for task in recorder.tasks:
        held = 0 if task["context"].parent is None else 18
        rows = [int(w) - 1 for w in task["metadata"]["sample_weight"]]
        assert len(set(rows)) == 90 - held
        assert_array_equal(task["X"], X[rows])
        assert_array_equal(task["y"], y[rows])


@supported
def test_scores_of_a_validation_set() -> None:
    """A callback may score a validation set with the estimator of the epoch."""
    held, curve = slice(60, 90), []

    class Validation(Recorder):
        def on_fit_task_end(  # type: ignore[override]
            self, estimator: Any, context: Any, *, fitted_estimator: Any
        ) -> None:
            if context.parent is not None:
                curve.append(accuracy_score(LABELS[held], fitted_estimator.predict(X[held])))

    estimator, y = make(metrics="accuracy")
    estimator.set_callbacks(Validation())
    estimator.fit(X[:60], y[:60], X_val=X[held], y_val=y[held])
    measured = estimator.metric_history_.select("accuracy", split="validation")
    assert_allclose(curve, [reading.value for reading in measured])


@supported
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_scoring_monitor(kind: str, weights: Any) -> None:
    """The scores are computed with the weights of each epoch."""
    scoring = "neg_log_loss" if kind == "classifier" else "r2"
    monitor = ScoringMonitor(scoring=scoring)
    estimator, y = make(kind)
    estimator.set_callbacks(monitor).fit(X, y, weights)
    rows = {row["task_id_path"]: row for row in monitor.get_logs().data}
    assert rows.keys() == {(0,), (0, 0), (0, 1), (0, 2), (0, 3)}
    for n_epochs in range(1, 5):
        same = clone(estimator).set_callbacks().set_params(max_iter=n_epochs).fit(X, y, weights)
        expected = get_scorer(scoring)(same, X, y, sample_weight=weights)
        assert_allclose(rows[0, n_epochs - 1][scoring], expected, rtol=1e-9)
    assert_allclose(rows[0,][scoring], expected, rtol=1e-9)
    estimator.fit(X, y, weights)
    assert len(monitor.get_logs(select="all")) == 2


@supported
def test_estimators_that_cannot_be_pickled() -> None:
    """The estimator of an epoch is a copy, also if it contains functions."""
    estimator, y = make(callbacks=lambda report: None, builder=lambda spec, rng: dense(spec, rng))
    estimator.set_callbacks(monitor := ScoringMonitor(scoring="accuracy")).fit(X, y)
    assert len(monitor.get_logs().data) == 5


def dense(spec: Any, rng: Any) -> Any:
    """Build the default network."""
    from mlpkit.numpy_backend.dense import build

    return build(spec, rng)


@supported
def test_sparse_rows_and_label_sets() -> None:
    """Callbacks support sparse X and multilabel targets."""
    from scipy.sparse import csr_array

    sets = (X > 0).astype(int)
    monitor = ScoringMonitor(scoring="accuracy")
    estimator, _ = make(early_stopping=True)
    estimator.set_callbacks(monitor).fit(csr_array(X), sets)
    assert len(monitor.get_logs().data) == 5
