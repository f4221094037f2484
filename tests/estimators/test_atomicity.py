"""A call changes an estimator completely or not at all, also if it is interrupted."""

import pickle
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sklearn
from interruptions import Injected, Lines, lines_of
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info
from tiny_fits import SMALL, Y3, X, Y

from mlpkit import MLPClassifier, MLPRegressor, by_target
from mlpkit.backend_kit import flushes_to_zero


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
        flushes_to_zero(),
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
