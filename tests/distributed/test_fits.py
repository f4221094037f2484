"""A fit by several processes equals the fit by one."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from mlpkit import MLPClassifier, MLPRegressor, schedules
from tests.helpers.thread_groups import fitted_in_group

X, Y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
N = len(X)
OWNERS = {
    "in turns": np.arange(N) % 3,
    "uneven": np.where(np.arange(N) < 500, 1, np.where(np.arange(N) < 560, 0, 2)),
    "one without rows": np.arange(N) % 2,
}
WEIGHTS = np.random.RandomState(0).uniform(0.0, 2.0, N)


def same_fits(local: Any, others: list[Any], tolerance: float = 1e-9) -> None:
    """The weights, the loss curve and the scores agree, and are the same in all processes."""
    for other in others:
        for a, b in zip(
            local.coefs_ + local.intercepts_, other.coefs_ + other.intercepts_, strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
        np.testing.assert_allclose(local.loss_curve_, other.loss_curve_, rtol=1e-9)
    for other in others[1:]:
        for a, b in zip(others[0].coefs_, other.coefs_, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("owners", OWNERS)
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam"},
        {"solver": "sgd", "momentum": 0.5, "learning_rate": "invscaling"},
        {"solver": "lbfgs"},
        {"early_stopping": True, "n_iter_no_change": 3},
        {"class_weight": "balanced", "alpha": 0.1},
        {"average_decay": 0.9},
    ],
    ids=lambda p: next(iter(p)) + "=" + str(next(iter(p.values()))),
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:lbfgs failed")
def test_classifier(parameters: dict[str, Any], owners: str) -> None:
    """Also with weights, among them zeros."""
    weights = {"sample_weight": np.where(np.arange(N) % 7, WEIGHTS, 0.0)}

    def make() -> MLPClassifier:
        return MLPClassifier((8,), max_iter=8, random_state=0, batch_size=64, **parameters)

    local = make().fit(X, Y, **weights)
    same_fits(local, fitted_in_group(make, X, Y, OWNERS[owners], 3, **weights))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_regressor_with_scaled_targets_and_float32() -> None:
    """Standardized targets, dtype float32, and R2 for early stopping."""
    X, y = load_diabetes(return_X_y=True)

    def make() -> MLPRegressor:
        return MLPRegressor(
            hidden_layer_sizes=(8,),
            max_iter=5,
            early_stopping=True,
            standardize_targets=True,
            random_state=0,
            dtype="float32",
        )

    local = make().fit(X, y)
    others = fitted_in_group(make, X, y, np.arange(len(y)) % 2, 2)
    same_fits_within_rounding(local, others)


def same_fits_within_rounding(local: Any, others: list[Any]) -> None:
    """Agreement in float32."""
    for a, b in zip(local.coefs_, others[0].coefs_, strict=True):
        assert b.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
    np.testing.assert_allclose(local.validation_scores_, others[0].validation_scores_, atol=1e-5)
    np.testing.assert_array_equal(others[0].coefs_[0], others[1].coefs_[0])


def test_an_error_names_rows_by_their_numbers_among_all() -> None:
    """The numbers in a process would mean nothing to the user."""
    rows = X.copy()
    rows[560] = np.nan
    with pytest.raises(ValueError, match=r"X, rows 458 to 569: Input X contains NaN"):
        fitted_in_group(MLPClassifier, rows, Y, (np.arange(N) > 400).astype(int), 2)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_dropout() -> None:
    """A unit is dropped from a row, whichever process has the row."""

    def make() -> MLPClassifier:
        return MLPClassifier(
            (8,),
            dropout=0.3,
            dropout_schedule=schedules.cosine,
            max_iter=4,
            random_state=0,
        )

    same_fits(make().fit(X, Y), fitted_in_group(make, X, Y, OWNERS["in turns"], 3))
