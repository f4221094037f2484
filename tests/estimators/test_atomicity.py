"""A call changes an estimator completely or not at all, also as seen by other threads."""

import copy
import io
import pickle
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from interruptions import Injected, Lines, lines_of
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info

from mlpkit import MLPClassifier, MLPRegressor, by_target
from mlpkit.estimators.loss_curve import LossCurve

RNG = np.random.RandomState(0)
X = RNG.standard_normal((40, 3))
Y = (X[:, 0] > 0).astype(int)
Y3 = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
NAN = np.where(np.arange(120).reshape(40, 3) == 7, np.nan, X)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}


@contextmanager
def eager_threads() -> Iterator[None]:
    """A context in which threads switch as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            yield
    finally:
        sys.setswitchinterval(before)


def observed(
    change: Callable[[], Any], observe: Callable[[], Any], n_threads: int = 3
) -> list[Any]:
    """What other threads observe while a function changes an estimator."""
    ended = threading.Event()
    observations: list[Any] = []

    def observer() -> None:
        while not ended.is_set():
            observations.append(observe())

    with eager_threads(), ThreadPoolExecutor(n_threads) as pool:
        observers = [pool.submit(observer) for _ in range(n_threads)]
        try:
            change()
        finally:
            ended.set()
        for future in observers:
            future.result()
    return observations


def test_failing_calls_do_not_disturb_predictions(backend: str) -> None:
    """Predictions in other threads are unchanged."""
    clf = MLPClassifier(**SMALL, backend=backend).partial_fit(X, Y, classes=[0, 1])
    expected = clf.predict_proba(X)

    def fail() -> None:
        for _ in range(200):
            with pytest.raises(ValueError, match="NaN"):
                clf.partial_fit(NAN, Y)

    for p in observed(fail, lambda: clf.predict_proba(X)):
        np.testing.assert_array_equal(p, expected)


def test_predictions_are_of_one_fit(backend: str) -> None:
    """Weights, classes and output activation always belong to the same fit."""
    clf = MLPClassifier(**SMALL, backend=backend)
    expected = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for y in (Y, Y3):
            expected.append([clf.fit(X, y).predict(X).tolist(), clf.predict_proba(X).tolist()])

    def refit() -> None:
        for i in range(30):
            clf.fit(X, (Y, Y3)[i % 2])

    pairs = observed(refit, lambda: (clf.predict(X).tolist(), clf.predict_proba(X).tolist()))
    assert len(pairs) > 10
    for labels, p in pairs:
        assert labels in [predictions[0] for predictions in expected]
        assert p in [predictions[1] for predictions in expected]


def test_weights_are_of_one_fit() -> None:
    """`coefs_` never contains arrays of two models."""
    reg = MLPRegressor(**SMALL, warm_start=True, backend="numpy")

    def refit() -> None:
        for i in range(60):
            reg.set_params(hidden_layer_sizes=(3 + i % 2,), warm_start=False).fit(X, Y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reg.fit(X, Y)
    for first, second in observed(refit, lambda: reg.coefs_):
        assert first.shape[1] == second.shape[0]


def test_partial_fit_in_several_threads(backend: str) -> None:
    """Calls are executed one after another, and no update is lost."""
    together, alone = (MLPRegressor(**SMALL, backend=backend) for _ in range(2))
    for _ in range(21):
        alone.partial_fit(X, Y)
    together.partial_fit(X, Y)
    with eager_threads(), ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(together.partial_fit, X, Y) for _ in range(20)]:
            future.result()
    assert together.t_ == alone.t_ == 21 * len(X)
    assert together.loss_curve_ == alone.loss_curve_
    np.testing.assert_array_equal(together.predict(X), alone.predict(X))


@pytest.mark.once
def test_a_callback_cannot_fit_its_own_estimator() -> None:
    """Such a fit raises an error, since its result would be lost; a copy can be fitted."""
    clf = MLPClassifier(**SMALL)
    clf.set_params(callbacks=lambda report: clf.partial_fit(X, Y))
    with pytest.raises(RuntimeError, match=r"cannot be fitted by its own callback.*clone"):
        clf.fit(X, Y)
    copies = []
    clf.set_params(callbacks=lambda report: copies.append(clone(clf).set_params(callbacks=None)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, Y)
        copies[0].fit(X, Y)


@pytest.mark.once
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_parameters_set_during_a_fit_are_kept() -> None:
    """A callback may set a parameter for the next call."""
    clf = MLPClassifier(**SMALL)
    clf.set_params(callbacks=lambda report: clf.set_params(alpha=0.5) and None)
    clf.fit(X, Y)
    assert clf.alpha == 0.5
    assert len(clf.loss_curve_) == 2


def test_copies_during_a_fit(backend: str) -> None:
    """Estimators can be copied and pickled at any time; locks are not copied."""
    copied: list[Any] = []

    def copies(reg: Any) -> None:
        dumped = io.BytesIO()
        joblib.dump(reg, dumped)
        dumped.seek(0)
        copied.extend([joblib.load(dumped), pickle.loads(pickle.dumps(reg)), copy.deepcopy(reg)])
        copied.append(copy.copy(reg))
        clone(reg)

    class Copying:
        """A callback that is pickled as another object."""

        def __call__(self, report: Any) -> None:
            copies(reg)

        def __reduce__(self) -> Any:
            return str, ("print",)

    reg = MLPRegressor(**SMALL, backend=backend).partial_fit(X, Y)
    before = reg.predict(X)
    reg.set_params(callbacks=Copying()).partial_fit(X, Y)
    reg.set_params(callbacks=None)
    copies(reg)
    for i, other in enumerate(copied):
        np.testing.assert_array_equal(other.predict(X), before if i < 4 else reg.predict(X))
        other.set_params(callbacks=None).partial_fit(X, Y)


def test_warnings_as_errors_undo_the_call(backend: str) -> None:
    """If a warning is raised as an error, the estimator is unchanged."""
    reg = MLPRegressor(**SMALL, warm_start=True, backend=backend)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reg.fit(X, Y)
    before, state = reg.predict(X), dict(vars(reg))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning):
            reg.fit(X, Y)
        with pytest.raises(UserWarning, match="clipped"):
            reg.set_params(batch_size=999).partial_fit(X, Y)
    assert vars(reg.set_params(batch_size="auto")) == state
    np.testing.assert_array_equal(reg.predict(X), before)


@pytest.mark.once
def test_curves_share_values() -> None:
    """Extending a curve does not change it."""
    first = LossCurve([1.0])
    second, third = first.extended([2.0]), first.extended([3.0])
    assert [list(c) for c in (first, second, third)] == [[1.0], [1.0, 2.0], [1.0, 3.0]]
    assert second.extended([4.0])._shared is second._shared
    assert first.values is first.values
    first.values.append(5.0)
    assert list(first.extended([6.0])) == [1.0, 5.0, 6.0]
    assert pickle.loads(pickle.dumps(second)).values == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_earlier_curves_are_unchanged(backend: str) -> None:
    """`loss_curve_` and `validation_scores_` are new lists after each call."""
    clf = MLPClassifier(**SMALL, early_stopping=True, warm_start=True, backend=backend).fit(X, Y)
    lists = clf.loss_curve_, clf.validation_scores_
    values = [list(curve) for curve in lists]
    clf.fit(X, Y)
    assert [list(curve) for curve in lists] == values
    assert clf.loss_curve_[:2] == values[0] and len(clf.loss_curve_) == 4
    assert clf.loss_curve_ is clf.loss_curve_


def snapshot(estimator: Any) -> list[Any]:
    """Everything that a call may change: attributes, their contents, and global state."""
    fitted = "_network" in vars(estimator)
    outputs = [estimator.predict(X), *estimator.coefs_, *estimator.intercepts_] if fitted else []
    state = dict(vars(estimator))
    contents = [
        outputs,
        {name: pickle.dumps(value) for name, value in state.items() if isinstance(value, list)},
        None if "_losses" not in state else list(state["_losses"]),
        None if "metric_history_" not in state else len(state["metric_history_"]),
        {k: v.counts.copy() for k, v in state.items() if k == "_class_weights"},
    ]
    process = [
        random.getstate(),
        np.random.get_state(),
        list(warnings.filters),
        sorted((lib["filepath"], lib["num_threads"]) for lib in threadpool_info()),
        sklearn.get_config(),
        np.geterr(),
    ]
    return [sorted(vars(estimator)), *contents, *process]


def differences(before: Any, after: Any) -> Iterator[str]:
    """The differences between two snapshots."""
    for i, (a, b) in enumerate(zip(before, after, strict=True)):
        try:
            np.testing.assert_equal(a, b)
        except AssertionError as error:
            yield f"{i}: {error}"


MEASURED: dict[str, Any] = {"metrics": ["accuracy", "log_loss"], "partitions": [by_target()]}
STOPPED: dict[str, Any] = {"early_stopping": True, "warm_start": True, "class_weight": "balanced"}
CALLS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "a first fit": (None, lambda e: MLPClassifier.fit(e, X, Y3)),
    "another fit": (MLPClassifier(**SMALL), lambda e: e.fit(X[:30], Y3[:30])),
    "a warm start": (MLPClassifier(**SMALL, **STOPPED), lambda e: e.fit(X, Y3)),
    "a measured warm start": (
        MLPClassifier(**SMALL, **MEASURED, warm_start=True),
        lambda e: e.fit(X, Y3, X_val=X, y_val=Y3),
    ),
    "a stream": (
        MLPClassifier(**SMALL, **MEASURED, class_weight="balanced"),
        lambda e: e.partial_fit(X[:7], Y3[:7]),
    ),
    "lbfgs": (MLPRegressor(**SMALL, solver="lbfgs", warm_start=True), lambda e: e.fit(X, Y)),
    "weights": (None, lambda e: e.initialize(3, classes=["a", "b", "c"])),
}


def prepared(case: str, backend: str) -> tuple[Any, Callable[[], Any]]:
    """An estimator and the call to interrupt."""
    estimator, call = CALLS[case]
    if estimator is None:
        estimator = MLPClassifier(**SMALL, backend=backend)
    else:
        estimator = clone(estimator).set_params(backend=backend)
        estimator.fit(X, Y if isinstance(estimator, MLPRegressor) else Y3)
        if case == "a stream":
            estimator.partial_fit(X, Y3)
            estimator.coefs_[0][0, 0] = 0.5  # an edit
    return estimator, lambda: call(estimator)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CALLS)
def test_an_exception_anywhere_changes_nothing(case: str, backend: str) -> None:
    """An exception before any line of mlpkit leaves the estimator unchanged.

    The same call succeeds afterwards, with the same result.
    """
    (estimator, call), (expected, again) = (prepared(case, backend) for _ in range(2))
    before, state = snapshot(estimator), dict(vars(estimator))
    snapshot(expected)
    n_lines = [lines_of(prepared(case, backend)[1]) for _ in range(2)][-1]
    again()
    changed: list[str] = []
    for at in random.Random(case).sample(range(1, n_lines), 80 if backend == "numpy" else 8):
        lines = Lines(at)
        try:
            with lines.traced():
                call()
        except Injected:
            pass
        else:  # the call has fewer lines
            assert not lines.where, f"the exception at {lines.where} was lost"
            estimator, call = prepared(case, backend)
            before, state = snapshot(estimator), dict(vars(estimator))
            continue
        changed += [f"{lines.where}: {d}" for d in differences(before, snapshot(estimator))]
        now = vars(estimator)
        changed += [f"{lines.where}: {name}" for name in state if now.get(name) is not state[name]]
    assert not changed
    call()
    np.testing.assert_array_equal(estimator.predict(X), expected.predict(X))
    assert estimator.loss_curve_ == expected.loss_curve_
    np.testing.assert_equal(estimator.coefs_, expected.coefs_)


@pytest.mark.once
@pytest.mark.parametrize("early_stopping", [True, False])
def test_ctrl_c_anywhere_leaves_whole_epochs(early_stopping: bool) -> None:
    """After a KeyboardInterrupt before any line, the estimator has a whole number of epochs.

    Its weights, curves, counts and metrics are those of so many epochs, or the call is undone.
    """
    settings = {**SMALL, "max_iter": 6, "early_stopping": early_stopping, "tol": 0.0}
    reports: list[Any] = []
    settings |= {"metrics": ["mae"], "callbacks": lambda report: reports.append(report.epoch)}

    def fitted(n_epochs: int) -> Any:
        return MLPRegressor(**{**settings, "max_iter": n_epochs}).fit(X, Y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        after = [MLPRegressor(**settings).initialize(3)] + [fitted(n) for n in range(1, 7)]
        n_lines = lines_of(lambda: fitted(6))
        n_epochs_observed = set()
        for at in random.Random(0).sample(range(1, n_lines), 120):
            reg, lines = MLPRegressor(**settings), Lines(at, KeyboardInterrupt)
            parameters = dict(vars(reg))
            try:
                with warnings.catch_warnings(record=True) as caught, lines.traced():
                    warnings.simplefilter("always")
                    reg.fit(X, Y)
            except KeyboardInterrupt:
                assert vars(reg) == parameters, lines.where
                continue
            if not lines.where:  # the call has fewer lines
                continue
            assert "interrupted" in " ".join(str(w.message) for w in caught), lines.where
            n = reg.n_iter_
            n_epochs_observed.add(n)
            measured = reg.metric_history_.select("mae", split="train")
            assert len(reg.loss_curve_) == n == len(measured), lines.where
            assert len(reg.validation_scores_ or ()) == n * early_stopping
            assert reg.t_ == after[n].t_
            if n:
                assert reg.loss_curve_ == after[n].loss_curve_
                np.testing.assert_equal(reg.coefs_, after[n].coefs_)
    assert len(n_epochs_observed) > 4
