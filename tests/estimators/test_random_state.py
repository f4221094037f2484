"""`random_state=None` means NumPy's global generator, as everywhere in scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import neural_network

import mlpkit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.RandomState(0)
X = RNG.standard_normal((60, 4))
Y = X @ [1.0, -1.0, 0.5, 0.0]
LABELS = np.digitize(Y, [-1.0, 1.0])
SMALL: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 5}


def streamed(estimator: Any, y: Any) -> Any:
    """The estimator after three chunks of a stream."""
    first = {"classes": [0, 1, 2]} if y is LABELS else {}
    estimator.partial_fit(X[:20], y[:20], **first)
    return estimator.partial_fit(X[20:27], y[20:27]).partial_fit(X[27:], y[27:])


CALLS: dict[str, tuple[dict[str, Any], Callable[[Any, Any], Any]]] = {
    "adam": ({}, lambda e, y: e.fit(X, y)),
    "sgd": ({"solver": "sgd"}, lambda e, y: e.fit(X, y)),
    "lbfgs": ({"solver": "lbfgs"}, lambda e, y: e.fit(X, y)),
    "no shuffling": ({"shuffle": False}, lambda e, y: e.fit(X, y)),
    "early stopping": ({"early_stopping": True}, lambda e, y: e.fit(X, y)),
    "weights": ({"early_stopping": True}, lambda e, y: e.fit(X, y, np.arange(60) + 1.0)),
    "warm start": ({"warm_start": True}, lambda e, y: e.fit(X, y).fit(X, y)),
    "a stream": ({}, streamed),
    "a fit that stops early": ({"tol": 9.0, "n_iter_no_change": 1}, lambda e, y: e.fit(X, y)),
    "another fit": ({}, lambda e, y: e.fit(X, y).fit(X, y)),
}


def state() -> Any:
    """The state of NumPy's global generator."""
    return np.random.get_state()


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_global_generator(case: str, name: str, backend: str) -> None:
    """After np.random.seed(0), weights and the next draw equal those of scikit-learn."""
    params, call = CALLS[case]
    y = LABELS if name == "MLPClassifier" else Y
    before = state()
    try:
        np.random.seed(0)
        theirs = call(getattr(neural_network, name)(**SMALL, **params), y)
        expected = state()
        np.random.seed(0)
        ours = call(getattr(mlpkit, name)(**SMALL, **params, backend=backend), y)
        np.testing.assert_equal(state(), expected)
    finally:
        np.random.set_state(before)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-9)
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-6 if case == "lbfgs" else 1e-9)


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("random_state", [3, np.random.RandomState(3)])
def test_other_random_states_do_not_change_the_global_generator(
    case: str, random_state: Any, backend: str
) -> None:
    """Only random_state=None uses the global generator."""
    params, call = CALLS[case]
    before = state()
    call(
        mlpkit.MLPClassifier(**SMALL, **params, random_state=random_state, backend=backend), LABELS
    )
    np.testing.assert_equal(state(), before)


def test_none_differs_in_each_call(backend: str) -> None:
    """Two fits have different results, and two calls of `initialize`."""
    reg = mlpkit.MLPRegressor(**SMALL, backend=backend)
    assert reg.fit(X, Y).loss_ != reg.fit(X, Y).loss_
    first, second = (reg.initialize(4).coefs_[0] for _ in range(2))
    assert (first != second).all()
