"""Calls in several threads, and calls and copies during a fit."""

import copy
import io
import pickle
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
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from tiny_fits import SMALL, Y3, X, Y

from mlpkit import MLPClassifier, MLPRegressor

NAN = np.where(np.arange(120).reshape(40, 3) == 7, np.nan, X)


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


@pytest.mark.once
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
