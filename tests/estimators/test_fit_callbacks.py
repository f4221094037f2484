"""Callbacks of scikit-learn: `set_callbacks` of estimators."""

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from mlpkit import Cycles, MLPClassifier, MLPRegressor
from mlpkit.plugin import Report

SUPPORTED = parse_version(sklearn.__version__) >= parse_version("1.9")
if SUPPORTED:
    from sklearn.callback import ProgressBar, ScoringMonitor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
supported = pytest.mark.skipif(not SUPPORTED, reason="callbacks are new in scikit-learn 1.9")

X = np.random.RandomState(0).normal(size=(90, 3))
LABELS = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
VALUES = X[:, 0] + X[:, 1] ** 2
WEIGHTS = np.arange(1.0, 91.0)


def make(kind: str = "classifier", **params: Any) -> tuple[Any, Any]:
    """An estimator and its targets."""
    cls, y = (MLPClassifier, LABELS) if kind == "classifier" else (MLPRegressor, VALUES)
    settings = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, **params}
    return cls(**settings), y


class Recorder:
    """A callback that records its calls and their arguments, and may stop or fail."""

    def __init__(self, stop: int = 0, fail: str = "") -> None:
        self.stop, self.fail = stop, fail
        self.calls: list[str] = []
        self.tasks: list[dict[str, Any]] = []

    def record(self, call: str) -> None:
        """Record a call."""
        self.calls.append(call)
        if call == self.fail:
            raise OSError(call)

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before the fit."""
        self.record("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called after the fit, also after an error."""
        self.record("teardown")

    def on_fit_task_begin(
        self, estimator: Any, context: Any, *, X: Any, y: Any, metadata: Any, fitted_estimator: Any
    ) -> None:
        """Called at the beginning of a task."""
        self.tasks.append(dict(locals()))
        self.record(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any, y: Any, metadata: Any, fitted_estimator: Any
    ) -> bool:
        """Called at the end of a task."""
        self.tasks.append(dict(locals()))
        self.record(f"end {context.task_name} {context.task_id}")
        return context.parent is not None and context.task_id + 1 == self.stop


def expected(n: int, task: str = "epoch") -> list[str]:
    """The calls during a fit of n epochs."""
    epochs = [f"{when} {task} {i}" for i in range(n) for when in ("begin", "end")]
    return ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]


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
