"""Several epochs in one call of the backend: the same numbers, and never beyond the end."""

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from small_fits import LABELS, QUICK, VALUES, X

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.numpy_backend.steps import backend as numpy_backend
from mlpkit.plugin import Backend, Batches, State, Steps, StepSums
from mlpkit.training.unobserved_epochs import MOST_EPOCHS, MOST_ROWS

SETTINGS: dict[str, dict[str, Any]] = {
    "max_iter": {"max_iter": 40, "tol": 0.0},
    "plateau": {"max_iter": 200, "tol": 0.01, "n_iter_no_change": 3},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.5,
        "tol": 0.01,
        "n_iter_no_change": 2,
        "max_iter": 100,
    },
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "schedule": {"learning_rate": "cosine"},
    "in order": {"shuffle": False},
    "one batch": {"batch_size": 200},
    "weight decay and dropout": {"solver": "adamw", "dropout": 0.2},
    "endless": {"n_iter_no_change": np.inf, "max_iter": 20},
}


def fitted(make: Any = MLPClassifier, y: Any = LABELS, w: Any = None, **settings: Any) -> Any:
    """A small model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Got `batch_size` 200")
        return make(**{**QUICK, **settings}).fit(X, y, w)


def counted(calls: list[int]) -> Backend:
    """The NumPy backend, which appends the number of steps of each call of `epoch`."""

    def make(*args: Any) -> Steps:
        steps = numpy_backend(*args)

        def epoch(state: State, rows: Any, batches: Batches) -> tuple[State, StepSums]:
            calls.append(len(batches.order))
            return steps.epoch(state, rows, batches)

        return steps._replace(epoch=epoch)

    return make


def assert_same(one: Any, other: Any) -> None:
    """They have the same epochs, weights and optimizer state, bit for bit."""
    assert one.n_iter_ == other.n_iter_
    assert one.t_ == other.t_
    assert one.loss_curve_ == other.loss_curve_
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b)
    for clf in (one, other):  # continues with the optimizer state
        clf.set_params(batch_size=9).partial_fit(X[:9], LABELS[:9])
    np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])


@pytest.mark.parametrize("name", SETTINGS)
def test_epochs_that_nothing_observes_have_the_same_numbers(name: str, backend: str) -> None:
    """A callback that does nothing makes the trainer call the backend for each epoch."""
    settings = {**SETTINGS[name], "backend": backend}
    assert_same(fitted(**settings), fitted(**settings, callbacks=[lambda report: None]))


def test_steps_without_weight(backend: str) -> None:
    """The loss of an epoch does not count them, wherever they are in a call."""
    w = (np.arange(len(X)) % 40 == 0).astype(float)
    settings: dict[str, Any] = {"w": w, "batch_size": 8, "shuffle": False, "backend": backend}
    assert_same(fitted(**settings), fitted(**settings, callbacks=[lambda report: None]))


@pytest.mark.parametrize("average_decay", [None, 0.9])
def test_a_regressor(average_decay: float | None, backend: str) -> None:
    """With the last weights, or with averages of them."""
    settings: dict[str, Any] = {"average_decay": average_decay, "backend": backend}
    models = [
        fitted(MLPRegressor, VALUES, callbacks=callbacks, **settings)
        for callbacks in ([], [lambda report: None])
    ]
    assert models[0].loss_curve_ == models[1].loss_curve_
    np.testing.assert_array_equal(models[0].coefs_[0], models[1].coefs_[0])


def test_calls_of_the_backend() -> None:
    """No call has more epochs than may pass until training ends."""
    calls: list[int] = []
    clf = fitted(backend=counted(calls), tol=1e9, n_iter_no_change=3, max_iter=50)
    n_steps = -(-len(X) // QUICK["batch_size"])
    assert clf.n_iter_ == 5
    # the first epoch improves the infinite loss, and none after it
    assert calls == [4 * n_steps, n_steps]
    calls.clear()
    fitted(backend=counted(calls), tol=0.0, n_iter_no_change=99, max_iter=MOST_EPOCHS + 2)
    assert calls == [MOST_EPOCHS * n_steps, 2 * n_steps]


@pytest.mark.parametrize(
    "settings",
    [
        {"callbacks": [lambda report: None]},
        {"verbose": True},
        {"metrics": ["accuracy"]},
        {"early_stopping": True, "validation_fraction": 0.2},
        {"time_limit": 60.0},
    ],
)
def test_what_observes_an_epoch(settings: dict[str, Any]) -> None:
    """Then there is a call for each epoch, or even for its parts."""
    calls: list[int] = []
    clf = fitted(backend=counted(calls), max_iter=4, tol=0.0, **settings)
    assert clf.n_iter_ == 4
    assert len(calls) >= 4


def test_many_rows_are_one_epoch_each() -> None:
    """A call costs nothing in comparison."""
    calls: list[int] = []
    rows = np.zeros((MOST_ROWS // 2 + 1, 1))
    clf = MLPClassifier((1,), max_iter=2, batch_size=8192, backend=counted(calls))
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        clf.fit(rows, np.arange(len(rows)) % 2)
    assert calls == [3, 3]


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_the_epoch_in_which_training_diverges(backend: str) -> None:
    """The error names it, as if each epoch had been a call."""
    messages = []
    settings = {"solver": "sgd", "momentum": 0.0, "alpha": 1.0, "dtype": "float32"}
    settings |= {"learning_rate_init": 1e7, "batch_size": 150, "activation": "identity"}
    for callbacks in ([], [lambda report: None]):
        with pytest.raises(ValueError, match="non-finite in epoch [2-9]") as raised:
            fitted(MLPRegressor, VALUES, backend=backend, callbacks=callbacks, **settings)
        messages.append(str(raised.value))
    assert messages[0] == messages[1]


def test_an_interrupted_call_counts_none_of_its_epochs() -> None:
    """The model is that of the calls before."""
    calls: list[int] = []

    def make(*args: Any) -> Steps:
        steps = counted(calls)(*args)

        def epoch(*args: Any) -> Any:
            if len(calls) == 1:
                raise KeyboardInterrupt
            return steps.epoch(*args)

        return steps._replace(epoch=epoch)

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf = fitted(backend=make, tol=0.0, n_iter_no_change=4, max_iter=50)
    expected = fitted(tol=0.0, n_iter_no_change=4, max_iter=5, backend="numpy")
    assert clf.n_iter_ == 5
    np.testing.assert_array_equal(clf.coefs_[0], expected.coefs_[0])
