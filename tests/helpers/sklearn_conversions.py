"""Tasks and settings of both packages, and a comparison of their fitted estimators."""

import warnings
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

X_DIGITS, DIGITS = load_digits(return_X_y=True)
X_DIGITS, DIGITS = X_DIGITS[:300] / 16, DIGITS[:300]
X_DIABETES, DIABETES = load_diabetes(return_X_y=True)
X_DIABETES, DIABETES = scale(X_DIABETES), scale(DIABETES)
NAMES = np.array(["zero", "one", "two", "three", "four", "5", "6", "7", "8", "9"])
LABELS = np.stack([DIGITS % 2, DIGITS > 4, DIGITS % 3 == 0], axis=1).astype(int)

TASKS: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "multiclass": ("MLPClassifier", X_DIGITS, NAMES[DIGITS], {}),
    "binary": ("MLPClassifier", X_DIGITS, DIGITS > 4, {}),
    "multilabel": ("MLPClassifier", X_DIGITS, LABELS, {}),
    "regression": ("MLPRegressor", X_DIABETES, DIABETES, {}),
    "two-outputs": ("MLPRegressor", X_DIABETES, np.stack([DIABETES, -DIABETES], 1), {}),
    "poisson": ("MLPRegressor", X_DIGITS, DIGITS, {"loss": "poisson"}),
}
SGD = {"solver": "sgd", "learning_rate_init": 0.05}
SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6},
    "deep": {"hidden_layer_sizes": (9, 8), "activation": "tanh", "batch_size": 64, "alpha": 0.1},
    "no-hidden-layer": {"hidden_layer_sizes": [], "activation": "logistic"},
    "sgd": {**SGD, "momentum": 0.7, "nesterovs_momentum": False},
    "invscaling": {**SGD, "learning_rate": "invscaling", "power_t": 0.3},
    "adaptive": {**SGD, "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 2},
    "lbfgs": {"solver": "lbfgs"},
    "early-stopping": {"early_stopping": True, "n_iter_no_change": 2},
}
ATTRIBUTES = (
    "n_iter_",
    "t_",
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "n_features_in_",
    "loss_",
    "best_loss_",
    "loss_curve_",
    "validation_scores_",
    "best_validation_score_",
    "_no_improvement_count",
)


def trained(estimator: Any, *args: Any, method: str = "fit", **kwargs: Any) -> Any:
    """The estimator after a call of a method that trains it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(estimator, method)(*args, **kwargs)


def settings_of(task: str, setting: str) -> dict[str, Any]:
    """The parameters of an estimator of both packages."""
    settings = {"hidden_layer_sizes": (15,), "max_iter": 12, "random_state": 3, "warm_start": True}
    return {**settings, **TASKS[task][3], **SETTINGS[setting]}


def predictions(estimator: Any, X: Any) -> Any:
    """Probabilities of a classifier, predictions of a regressor.

    scikit-learn leaves the number of BLAS threads open, on which last bits depend.
    """
    with threadpool_limits(1):
        return getattr(estimator, "predict_proba", estimator.predict)(X)


def check_same(actual: Any, expected: Any, X: Any, tolerance: float = 0.0) -> None:
    """Check that attributes, weights and predictions are equal."""
    close = {"rtol": tolerance, "atol": tolerance}
    for name in ATTRIBUTES:
        if hasattr(expected, name) and hasattr(actual, name):
            one, other = getattr(actual, name), getattr(expected, name)
            if other is None or isinstance(other, str):
                assert one == other, name
            else:
                np.testing.assert_allclose(one, other, **close, err_msg=name)
    for one, other in zip(
        actual.coefs_ + actual.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, **close)
    np.testing.assert_allclose(predictions(actual, X), predictions(expected, X), **close)
    if hasattr(expected, "classes_"):
        assert actual.classes_.dtype == expected.classes_.dtype
        np.testing.assert_array_equal(actual.classes_, expected.classes_)
        np.testing.assert_array_equal(actual.predict(X), expected.predict(X))
