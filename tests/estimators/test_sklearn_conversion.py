"""Conversions from and to scikit-learn's estimators: equal predictions, and the same training."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network as theirs
from sklearn.utils.validation import check_is_fitted
from sklearn_conversions import (
    DIABETES,
    DIGITS,
    SETTINGS,
    TASKS,
    X_DIABETES,
    X_DIGITS,
    check_same,
    settings_of,
    trained,
)
from threadpoolctl import threadpool_limits

import mlpkit as ours


def check_same_training(converted: Any, original: Any, task: str, setting: str) -> None:
    """Check that training continues with the same numbers in `partial_fit` and in `fit`."""
    _, X, y, _ = TASKS[task]
    # the line search of SciPy amplifies rounding errors
    tolerance = 1e-6 if setting == "lbfgs" else 1e-9
    if setting not in ("lbfgs", "early-stopping"):
        for _ in range(3):
            for estimator in (converted, original):
                estimator.partial_fit(X[:200], y[:200])
        check_same(converted, original, X, tolerance)
    for estimator in (converted, original):
        trained(estimator, X, y)
    check_same(converted, original, X, tolerance)


ONCE = pytest.mark.once
CASES = [
    ("multiclass", "adam"),
    ("regression", "invscaling"),
    *(
        pytest.param(task, setting, marks=ONCE)
        for task, setting in [
            *((task, "adam") for task in TASKS if task != "multiclass"),
            *(("binary", setting) for setting in ("lbfgs", "early-stopping", "adaptive")),
            *(("multiclass", setting) for setting in ("deep", "sgd", "invscaling", "lbfgs")),
            *(("regression", setting) for setting in SETTINGS if setting != "invscaling"),
        ]
    ),
]
# set by every call that trains, and without L-BFGS by the first one
NOT_CONVERTED = {"_random_state", "_coef_indptr", "_intercept_indptr"}


@pytest.mark.parametrize(("task", "setting"), CASES)
def test_from_sklearn(task: str, setting: str, backend: str) -> None:
    """The converted estimator predicts the same bits, and trains like the original."""
    name, X, y, _ = TASKS[task]
    original = trained(getattr(theirs, name)(**settings_of(task, setting)), X, y)
    converted = ours.from_sklearn(original)
    assert original.get_params().items() <= converted.get_params().items()
    check_same(converted, original, X)
    check_same_training(converted.set_params(backend=backend), original, task, setting)


@pytest.mark.parametrize(("task", "setting"), CASES)
def test_to_sklearn(task: str, setting: str, backend: str) -> None:
    """The estimator of scikit-learn predicts the same bits, and trains like ours."""
    name, X, y, _ = TASKS[task]
    original = getattr(ours, name)(**settings_of(task, setting), backend=backend)
    converted = trained(original, X, y).to_sklearn()
    assert type(converted) is getattr(theirs, name)
    check_is_fitted(converted)
    check_same(converted, original, X)
    check_same_training(converted, original, task, setting)


@ONCE
@pytest.mark.parametrize(("task", "setting"), CASES)
def test_there_and_back(task: str, setting: str) -> None:
    """The estimator is the same after both conversions, and trains with the same bits."""
    name, X, y, _ = TASKS[task]
    original = trained(getattr(theirs, name)(**settings_of(task, setting)), X, y)
    back = ours.from_sklearn(original).to_sklearn()
    assert back.get_params() == original.get_params()
    assert vars(original).keys() - vars(back).keys() <= NOT_CONVERTED
    if hasattr(original, "_optimizer"):
        np.testing.assert_equal(vars(back._optimizer), vars(original._optimizer))
    check_same(back, original, X)
    with threadpool_limits(1):
        for estimator in (back, original):
            trained(estimator, X, y)
    check_same(back, original, X)


@ONCE
@pytest.mark.parametrize("setting", ["adam", "sgd"])
def test_float32(setting: str) -> None:
    """Weights and optimizer state keep their dtype in both directions."""
    X = X_DIGITS.astype(np.float32)
    original = trained(theirs.MLPClassifier(**settings_of("multiclass", setting)), X, DIGITS)
    converted = ours.from_sklearn(original)
    check_same(converted, original, X)
    back = converted.to_sklearn()
    check_same(back, original, X)
    kept = back._optimizer.ms if setting == "adam" else back._optimizer.velocities
    assert {array.dtype for array in kept} == {np.dtype("float32")}
    for estimator in (converted, original, back):
        estimator.partial_fit(X, DIGITS)
    np.testing.assert_array_equal(back.coefs_[0], original.coefs_[0])
    np.testing.assert_allclose(converted.coefs_[0], original.coefs_[0], rtol=1e-4, atol=1e-5)


@ONCE
def test_parameters_of_the_optimizer_that_were_changed() -> None:
    """`partial_fit` keeps the optimizer with which training began, in both packages."""
    settings = settings_of("multiclass", "invscaling")
    original = trained(theirs.MLPClassifier(**settings), X_DIGITS, DIGITS)
    changed = {"learning_rate_init": 0.5, "learning_rate": "constant", "momentum": 0.1}
    original.set_params(**changed)
    converted = ours.from_sklearn(original)
    back = ours.from_sklearn(original).to_sklearn()
    for _ in range(2):
        for estimator in (original, converted, back):
            estimator.partial_fit(X_DIGITS, DIGITS)
    check_same(converted, original, X_DIGITS, 1e-9)
    check_same(back, original, X_DIGITS)


@ONCE
def test_a_learning_rate_of_a_callback_is_kept() -> None:
    """The learning rate of a callback is a part of the optimizer state."""
    settings = {**settings_of("multiclass", "adam"), "callbacks": lambda report: 0.02}
    original = trained(ours.MLPClassifier(**settings), X_DIGITS, DIGITS).set_params(callbacks=None)
    converted = original.to_sklearn()
    for estimator in (original, converted):
        estimator.partial_fit(X_DIGITS, DIGITS)
    check_same(converted, original, X_DIGITS, 1e-9)


@ONCE
def test_a_stream() -> None:
    """A stream that began with some of the classes can be converted between any two chunks."""
    original = theirs.MLPClassifier((10,), random_state=0)
    original.partial_fit(X_DIGITS[:40], DIGITS[:40], classes=range(10))
    converted: Any = pickle.loads(pickle.dumps(original))
    for start in range(40, 200, 40):
        chunk = X_DIGITS[start : start + 40], DIGITS[start : start + 40]
        original.partial_fit(*chunk)
        is_theirs = hasattr(converted, "to_sklearn")
        converted = converted.to_sklearn() if is_theirs else ours.from_sklearn(converted)
        converted.partial_fit(*chunk)
        check_same(converted, original, X_DIGITS, 1e-9)


@ONCE
def test_feature_names_and_edited_weights() -> None:
    """Feature names, and changes of the weights in place, are converted."""
    frame = pd.DataFrame(X_DIABETES, columns=[f"x{i}" for i in range(X_DIABETES.shape[1])])
    original = trained(theirs.MLPRegressor(max_iter=2, random_state=0), frame, DIABETES)
    original.coefs_[0] *= 0.5
    converted = ours.from_sklearn(original)
    assert converted.feature_names_in_.tolist() == list(frame)
    converted.intercepts_[-1] = converted.intercepts_[-1] + 1.0
    np.testing.assert_allclose(converted.predict(frame), original.predict(frame) + 1.0)
    back = converted.to_sklearn()
    assert back.feature_names_in_.tolist() == list(frame)
    np.testing.assert_array_equal(back.predict(frame), converted.predict(frame))


@ONCE
def test_nothing_is_shared() -> None:
    """Training one estimator changes neither the weights nor the random numbers of the other."""
    original = theirs.MLPClassifier((5,), max_iter=3, random_state=np.random.RandomState(0))
    trained(original, X_DIGITS, DIGITS)
    converted = ours.from_sklearn(original)
    back = converted.to_sklearn()
    for estimator in (original, converted, back):
        estimator.partial_fit(X_DIGITS, DIGITS)
    check_same(converted, original, X_DIGITS, 1e-9)
    check_same(back, original, X_DIGITS)


@ONCE
def test_the_global_generator_is_not_used() -> None:
    """A conversion draws no random numbers."""
    original = trained(theirs.MLPClassifier((5,), max_iter=3), X_DIGITS, DIGITS)
    np.random.seed(0)
    ours.from_sklearn(original).to_sklearn()
    drawn = np.random.random_sample()
    np.random.seed(0)
    assert drawn == np.random.random_sample()


@ONCE
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_unfitted(name: str) -> None:
    """An estimator that is not fitted is converted by its parameters alone."""
    settings = {"hidden_layer_sizes": [7, 6], "solver": "sgd", "early_stopping": True}
    original = getattr(theirs, name)(**settings)
    converted = ours.from_sklearn(original)
    assert type(converted) is getattr(ours, name)
    assert vars(converted.to_sklearn()) == vars(original)
    assert not hasattr(converted, "coefs_")


@ONCE
def test_an_initialized_network() -> None:
    """A network without training is converted with the optimizer before its first step."""
    original = ours.MLPClassifier((6,), random_state=0, dtype="float64").initialize(64, range(10))
    converted = original.to_sklearn()
    for _ in range(2):
        for estimator in (original, converted):
            estimator.partial_fit(X_DIGITS, DIGITS)
    check_same(converted, original, X_DIGITS, 1e-9)
