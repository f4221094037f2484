"""Results equal those of scikit-learn, on the backend that MLPKIT_BACKEND names."""

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

import mlpkit as ours

DIGITS = load_digits(return_X_y=True)
X_DIGITS, Y_DIGITS = DIGITS[0][:600] / 16, DIGITS[1][:600]
X_CANCER, Y_CANCER = load_breast_cancer(return_X_y=True)
X_CANCER = scale(X_CANCER)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)
X_DIABETES, Y_DIABETES = scale(X_DIABETES), scale(Y_DIABETES)
LABELS = np.stack([Y_DIGITS % 2, Y_DIGITS > 4, Y_DIGITS % 3 == 0], axis=1).astype(int)
WEIGHTS = np.random.RandomState(0).random_sample(600) + 0.05
TOLERANCE = 1e-9
LBFGS_TOLERANCE = 1e-6  # the line search of SciPy amplifies rounding errors

SGD = {"solver": "sgd", "learning_rate_init": 0.05}
SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {},
    "adam-betas": {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6},
    "alpha": {"alpha": 1.0},
    "identity": {"activation": "identity"},
    "logistic": {"activation": "logistic"},
    "tanh": {"activation": "tanh"},
    "no-shuffle": {"shuffle": False},
    "deep": {"hidden_layer_sizes": (20, 15, 10), "batch_size": 33},
    "no-hidden-layer": {"hidden_layer_sizes": ()},
    "sgd-constant": SGD,
    "sgd-plain": {**SGD, "momentum": 0.0},
    "sgd-momentum": {**SGD, "nesterovs_momentum": False},
    "sgd-invscaling": {**SGD, "learning_rate": "invscaling", "power_t": 0.3},
    "sgd-adaptive": {**SGD, "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
    "early-stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "sgd-early-stopping": {**SGD, "early_stopping": True, "validation_fraction": 0.25},
    "tolerance": {"tol": 0.02, "n_iter_no_change": 3},
}


def both(name: str, backend: str, **settings: Any) -> tuple[Any, Any]:
    """The estimators of scikit-learn and mlpkit with the same settings."""
    settings = {"hidden_layer_sizes": (25,), "max_iter": 25, "random_state": 3, **settings}
    return getattr(theirs, name)(**settings), getattr(ours, name)(**settings, backend=backend)


def fit(pair: tuple[Any, Any], *args: Any, **kwargs: Any) -> None:
    """Fit both estimators to the same data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for estimator in pair:
            estimator.fit(*args, **kwargs)


def same(pair: tuple[Any, Any], X: Any, tolerance: float = TOLERANCE) -> None:
    """Check that all fitted attributes and predictions are equal."""
    expected, actual = pair
    close: dict[str, Any] = {"rtol": tolerance, "atol": tolerance}
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(expected, name) == getattr(actual, name), name
    for name in (
        "loss_",
        "best_loss_",
        "loss_curve_",
        "validation_scores_",
        "best_validation_score_",
    ):
        if getattr(expected, name, None) is not None:
            np.testing.assert_allclose(getattr(actual, name), getattr(expected, name), **close)
        elif hasattr(expected, name):
            assert getattr(actual, name) is None, name
    for mine, their in zip(
        actual.coefs_ + actual.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        np.testing.assert_allclose(mine, their, **close)
    if hasattr(expected, "classes_"):
        np.testing.assert_array_equal(actual.classes_, expected.classes_)
        np.testing.assert_array_equal(actual.predict(X), expected.predict(X))
        np.testing.assert_allclose(actual.predict_proba(X), expected.predict_proba(X), **close)
        np.testing.assert_allclose(
            actual.predict_log_proba(X), expected.predict_log_proba(X), rtol=100 * tolerance
        )
    else:
        np.testing.assert_allclose(actual.predict(X), expected.predict(X), **close)


@pytest.mark.parametrize("setting", SETTINGS)
def test_multiclass(setting: str, backend: str) -> None:
    """Digits, with ten classes."""
    pair = both("MLPClassifier", backend, **SETTINGS[setting])
    fit(pair, X_DIGITS, Y_DIGITS)
    same(pair, X_DIGITS)


@pytest.mark.parametrize("setting", SETTINGS)
def test_regression(setting: str, backend: str) -> None:
    """The diabetes data."""
    pair = both("MLPRegressor", backend, **{"learning_rate_init": 0.01, **SETTINGS[setting]})
    fit(pair, X_DIABETES, Y_DIABETES)
    same(pair, X_DIABETES)


@pytest.mark.parametrize("setting", ["adam", "sgd-adaptive", "early-stopping"])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("weighted", [True, False])
def test_binary_weighted_sparse(setting: str, container: Any, weighted: bool, backend: str) -> None:
    """Breast cancer data, dense and sparse, with and without weights."""
    pair = both("MLPClassifier", backend, **SETTINGS[setting])
    w = WEIGHTS[: len(Y_CANCER)] if weighted else None
    words: list[Any] = ["malignant", "benign"]
    if setting == "early-stopping":  # scikit-learn 1.7 does not support strings here
        words = [3, 7]
    fit(pair, container(X_CANCER), np.array(words)[Y_CANCER], sample_weight=w)
    same(pair, container(X_CANCER))


@pytest.mark.parametrize("setting", ["adam", "sgd-momentum", "early-stopping"])
@pytest.mark.parametrize("weighted", [True, False])
def test_multilabel(setting: str, weighted: bool, backend: str) -> None:
    """Three labels for each row."""
    pair = both("MLPClassifier", backend, **SETTINGS[setting])
    fit(pair, X_DIGITS, LABELS, sample_weight=WEIGHTS if weighted else None)
    same(pair, X_DIGITS)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("weighted", [True, False])
def test_several_outputs(loss: str, weighted: bool, backend: str) -> None:
    """Two targets, which are counts for the Poisson loss."""
    y = np.stack([Y_DIGITS, Y_DIGITS // 2], axis=1)
    pair = both("MLPRegressor", backend, loss=loss)
    fit(pair, X_DIGITS, y, sample_weight=WEIGHTS if weighted else None)
    same(pair, X_DIGITS)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_lbfgs(weighted: bool, activation: str, backend: str) -> None:
    """The losses and gradients are equal, so L-BFGS makes the same iterations."""
    pair = both("MLPClassifier", backend, solver="lbfgs", max_iter=15, activation=activation)
    fit(pair, X_DIGITS, Y_DIGITS, sample_weight=WEIGHTS if weighted else None)
    same(pair, X_DIGITS, LBFGS_TOLERANCE)
    pair = both("MLPRegressor", backend, solver="lbfgs", max_iter=15, activation=activation)
    fit(pair, X_DIABETES, Y_DIABETES)
    same(pair, X_DIABETES, LBFGS_TOLERANCE)


@pytest.mark.parametrize("setting", ["adam", "sgd-constant", "sgd-invscaling", "sgd-adaptive"])
def test_warm_start_then_stream(setting: str, backend: str) -> None:
    """Warm starts and partial_fit keep counters, learning rate and optimizer state."""
    pair = both("MLPClassifier", backend, **SETTINGS[setting], warm_start=True)
    fit(pair, X_DIGITS, Y_DIGITS)
    fit(pair, X_DIGITS, Y_DIGITS)
    same(pair, X_DIGITS)
    for estimator in pair:
        for _ in range(3):
            estimator.partial_fit(X_DIGITS, Y_DIGITS)
    same(pair, X_DIGITS)


@pytest.mark.parametrize("setting", ["adam", "sgd-constant", "sgd-invscaling", "deep"])
def test_stream(setting: str, backend: str) -> None:
    """Chunks have any size, some have weights, and coefs_ are edited in between."""
    classifiers = both("MLPClassifier", backend, **SETTINGS[setting])
    regressors = both("MLPRegressor", backend, **{"learning_rate_init": 0.01, **SETTINGS[setting]})
    begin = 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got `batch_size`")
        for n in (7, 1, 64, 200, 201, 90):
            part = slice(begin, begin + n)
            begin += n
            w = WEIGHTS[part] if n % 2 else None
            for clf, reg in zip(classifiers, regressors, strict=True):
                clf.partial_fit(X_DIGITS[part], Y_DIGITS[part], w, classes=range(10))
                reg.partial_fit(X_DIGITS[part], Y_DIGITS[part], w)
                if n == 64:
                    clf.coefs_[0] *= 0.5
                    reg.intercepts_[-1] = reg.intercepts_[-1] + 1.0
    same(classifiers, X_DIGITS)
    same(regressors, X_DIGITS)


def test_random_state_instance(backend: str) -> None:
    """Numbers are drawn from a RandomState in the same order in each call."""
    pair = both("MLPClassifier", backend, max_iter=5)
    for estimator in pair:
        estimator.random_state = np.random.RandomState(5)
    fit(pair, X_DIGITS, Y_DIGITS)
    fit(pair, X_DIGITS, Y_DIGITS)
    for estimator in pair:
        estimator.partial_fit(X_DIGITS, Y_DIGITS)
    same(pair, X_DIGITS)


@pytest.mark.parametrize("source", ["data", "dtype"])
def test_float32(source: str, backend: str) -> None:
    """In float32, losses of ten epochs agree up to 1e-3 and test scores up to 0.02."""
    X, y = DIGITS[0].astype(np.float32) / 16, DIGITS[1]
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    expected, actual = both("MLPClassifier", backend, hidden_layer_sizes=(50,), max_iter=40)
    if source == "dtype":
        actual.set_params(dtype="float32")
    fit((expected, expected), X, y)
    fit((actual, actual), X if source == "data" else X.astype(np.float64), y)
    assert {a.dtype for a in actual.coefs_} == {np.dtype("float32")}
    np.testing.assert_allclose(actual.loss_curve_[:10], expected.loss_curve_[:10], rtol=1e-3)
    assert abs(actual.score(X_test, y_test) - expected.score(X_test, y_test)) < 0.02
