"""Callbacks of scikit-learn: `set_callbacks` of estimators."""

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from numpy.testing import assert_array_equal
from recorded_tasks import (
    SUPPORTED,
    Recorder,
    X,
    expected,
    make,
    supported,
)
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier
from mlpkit.plugin import Report

if SUPPORTED:
    from sklearn.callback import ProgressBar, ScoringMonitor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.once
@pytest.mark.skipif(SUPPORTED, reason="this version has set_callbacks")
def test_older_versions_of_scikit_learn() -> None:
    """`hasattr` is false, and the message names the required version and an alternative."""
    assert not hasattr(MLPClassifier(), "set_callbacks")
    with pytest.raises(AttributeError, match="requires scikit-learn 1.9 or later, .*callbacks="):
        MLPClassifier().set_callbacks()


@pytest.mark.once
def test_a_fit_without_callbacks_imports_nothing() -> None:
    """The module for callbacks is imported when it is required."""
    code = (
        "import sys, numpy as np; from mlpkit import MLPClassifier\n"
        "MLPClassifier((2,), max_iter=1).fit([[0.0], [1.0]], [0, 1])\n"
        "assert 'mlpkit.training.sklearn_callbacks' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


@supported
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_fit_that_continues_from_a_checkpoint(solver: str, tmp_path: Path) -> None:
    """The epochs of the present call are tasks, with the estimators of a whole fit; a complete fit
    has no epochs.
    """

    def fitted(checkpoint: Path | None, recorder: Recorder) -> Any:
        clf, y = make(solver=solver, checkpoint=checkpoint)
        return clf.set_callbacks(recorder).fit(X, y)

    whole, path = Recorder(), tmp_path / "run.ckpt"
    expected_clf = fitted(None, whole)
    with pytest.raises(OSError, match="begin"):
        fitted(path, Recorder(fail="begin iteration 2" if solver == "lbfgs" else "begin epoch 2"))
    rest, complete = Recorder(), Recorder()
    assert_array_equal(fitted(path, rest).coefs_[0], expected_clf.coefs_[0])
    assert rest.calls == expected(2, "iteration" if solver == "lbfgs" else "epoch")
    ends = [i for i, call in enumerate(whole.calls) if call.startswith(("end epoch", "end iter"))]
    for i, j in zip(ends[2:], (3, 5), strict=True):
        before, now = whole.tasks[i - 1], rest.tasks[j - 1]
        one, other = (task["fitted_estimator"] for task in (before, now))
        assert (one.n_iter_, one.t_) == (other.n_iter_, other.t_)
        assert one.loss_curve_ == other.loss_curve_
    fitted(path, complete)
    assert complete.calls == expected(0)


@supported
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_tasks(kind: str, solver: str) -> None:
    """A fit has one task and one for each epoch; callbacks do not change the result."""
    plain, y = make(kind, solver=solver)
    recorder = Recorder()
    estimator = clone(plain).set_callbacks(recorder)
    estimator.fit(X, y)
    assert recorder.calls == expected(4, "iteration" if solver == "lbfgs" else "epoch")
    root = recorder.tasks[0]["context"]
    assert (root.estimator_name, root.max_subtasks) == (type(plain).__name__, 4)
    assert all(task["estimator"] is estimator for task in recorder.tasks)
    plain.fit(X, y)
    assert vars(estimator).keys() - vars(plain).keys() == {"_skl_callbacks"}
    assert estimator.loss_curve_ == plain.loss_curve_
    for one, other in zip(estimator.coefs_, plain.coefs_, strict=True):
        assert_array_equal(one, other)


@supported
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_stopping(solver: str) -> None:
    """Returning True stops training after the epoch, as in `callbacks`, without a warning."""
    recorder = Recorder(stop=2)
    estimator, y = make(solver=solver)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator.set_callbacks(recorder).fit(X, y)
    same, _ = make(solver=solver, callbacks=lambda report: report.epoch == 2)
    same.fit(X, y)
    assert estimator.n_iter_ == same.n_iter_ == 2
    assert estimator.loss_curve_ == same.loss_curve_
    assert recorder.calls == expected(2, "iteration" if solver == "lbfgs" else "epoch")


@supported
def test_with_the_parameter_callbacks() -> None:
    """Both kinds are called; each may stop, and callbacks of mlpkit set the learning rate."""
    reports: list[Report] = []

    def learning_rate(report: Report) -> float:
        reports.append(report)
        return 0.5

    estimator, y = make(solver="sgd", callbacks=learning_rate)
    estimator.set_callbacks(recorder := Recorder(stop=3)).fit(X, y)
    assert [report.learning_rate for report in reports] == [0.001, 0.5, 0.5]
    assert recorder.calls == expected(3)
    estimator.set_params(callbacks=lambda report: report.epoch == 1)
    estimator.set_callbacks(recorder := Recorder(stop=3)).fit(X, y)
    assert recorder.calls == expected(1)


@supported
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_in_searches_and_pipelines(n_jobs: int, capfd: Any) -> None:
    """Progress bars show all levels; scores are returned from other processes."""
    monitor = ScoringMonitor(scoring="accuracy")
    estimator, y = make(max_iter=2)
    pipeline = make_pipeline(StandardScaler(), estimator.set_callbacks(monitor))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.1, 1.0]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    assert "MLPClassifier - fit" in capfd.readouterr().out
    logs = monitor.get_logs()
    assert logs.estimator_name == "GridSearchCV"
    epochs = [row for row in logs.data if row["task_name"] == "epoch"]
    assert len(epochs) == (2 * 2 + 1) * 2  # (candidates * folds + refit) * epochs
    best = search.best_estimator_[-1]
    assert best._skl_callbacks == [monitor]
    assert "_parent_callback_ctx" not in vars(best) and "_callback_fit_ctx" not in vars(best)
    result = cross_validate(pipeline, X, y, cv=2, n_jobs=n_jobs)
    assert len(result["test_score"]) == 2


@supported
def test_pipelines_with_and_without_callbacks() -> None:
    """After a fit, no attributes of callbacks remain on the estimator."""
    estimator, y = make()
    pipeline = make_pipeline(StandardScaler(), estimator).fit(X, y)
    assert not {name for name in vars(pipeline[-1]) if "callback" in name} - {"callbacks"}
    pipeline.set_callbacks(ProgressBar()).fit(X, y)
    assert not {name for name in vars(pipeline[-1]) if "callback" in name} - {"callbacks"}


@supported
def test_partial_fit_and_warm_starts() -> None:
    """Each call is a fit with its own tasks; `partial_fit` has one epoch."""
    estimator, y = make(warm_start=True)
    estimator.set_callbacks(recorder := Recorder())
    estimator.fit(X, y).fit(X, y)
    assert recorder.calls == 2 * expected(4)
    assert recorder.tasks[-2]["fitted_estimator"].loss_curve_ == estimator.loss_curve_
    estimator.set_params(warm_start=False).set_callbacks(recorder := Recorder())
    for _ in range(2):
        estimator.partial_fit(X, y)
    assert recorder.calls == 2 * expected(1)
    last = recorder.tasks[-2]["fitted_estimator"]
    assert (last.t_, last.loss_curve_) == (estimator.t_, estimator.loss_curve_)


@supported
@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize(
    "fail", ["setup", "begin fit 0", "begin epoch 1", "end epoch 2", "end fit 0", "teardown"]
)
def test_errors_of_callbacks(fitted: bool, fail: str) -> None:
    """The error is raised, the estimator is unchanged, and teardown is called."""
    estimator, y = make()
    if fitted:
        estimator.fit(X, y)
    before = dict(vars(estimator))
    estimator.set_callbacks(recorder := Recorder(fail=fail))
    with pytest.raises(OSError, match=fail):
        estimator.fit(X, y)
    assert recorder.calls[-1] == "teardown"
    if fail == "teardown":
        return  # the fit is complete, as in scikit-learn
    after = dict(vars(estimator))
    assert after.pop("_skl_callbacks") == [recorder]
    assert after == before


@supported
def test_interrupted_epochs() -> None:
    """The task of an interrupted epoch ends without an estimator."""
    estimator, y = make()

    class Interrupting(Recorder):
        def on_fit_task_end(self, estimator: Any, context: Any) -> bool:  # type: ignore[override]
            self.record(f"end {context.task_name} {context.task_id}")
            if context.task_id == 2:
                raise KeyboardInterrupt
            return False

    estimator.set_callbacks(recorder := Interrupting())
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.fit(X, y)
    assert recorder.calls == expected(3)
    estimator.predict(X)


@supported
def test_copies_keep_the_callbacks() -> None:
    """As in scikit-learn, clones share the callbacks, and pickles have copies."""
    estimator, y = make()
    estimator.set_callbacks(recorder := Recorder())
    assert clone(estimator)._skl_callbacks == [recorder]
    loaded = pickle.loads(pickle.dumps(estimator.fit(X, y)))
    assert [type(callback) for callback in loaded._skl_callbacks] == [Recorder]
    assert estimator.set_callbacks() is estimator
    assert not hasattr(estimator, "_skl_callbacks")
    with pytest.raises(TypeError, match="FitCallback protocol"):
        estimator.set_callbacks(print)
