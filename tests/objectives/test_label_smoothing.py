"""Label smoothing: formulas, derivatives, and classifiers that use it."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier
from mlpkit.objectives.losses import LOSSES, binary_log_loss, log_loss
from mlpkit.testing import close

RNG = np.random.RandomState(0)
X, Y = RNG.standard_normal((60, 4)), np.arange(60) % 3
TARGETS: dict[str, Any] = {
    "binary": (Y > 0).astype(int),
    "multiclass": Y,
    "multilabel": np.stack([Y == 0, Y > 0], axis=1).astype(int),
}


@pytest.mark.once
@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_formulas(smoothing: float) -> None:
    """The cross-entropy of the smoothed targets."""
    y, p = np.eye(3)[Y], RNG.dirichlet(np.ones(3), 60)
    targets = np.where(y == 1, 1 - smoothing + smoothing / 3, smoothing / 3)
    made = log_loss(smoothing)
    close(-(targets * np.log(p)).sum(axis=1), made.rows(np, y, p), 1e-12)
    y, p = TARGETS["multilabel"].astype(float), RNG.uniform(0.1, 0.9, (60, 2))
    targets = np.where(y == 1, 1 - smoothing / 2, smoothing / 2)
    expected = -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).sum(axis=1)
    close(expected, binary_log_loss(smoothing).rows(np, y, p), 1e-12)


@pytest.mark.once
@pytest.mark.parametrize("make", [log_loss, binary_log_loss])
def test_delta_is_the_derivative(make: Any) -> None:
    """It equals finite differences with respect to the outputs before activation."""
    made, z, y = make(0.2), RNG.standard_normal((5, 3)), np.eye(3)[[0, 1, 2, 0, 1]]

    def losses(z: Any) -> Any:
        e = np.exp(z)
        p = e / e.sum(axis=1, keepdims=True) if make is log_loss else e / (1 + e)
        return made.rows(np, y, p), p

    delta = made.delta(np, y, losses(z)[1])
    for i in range(3):
        h = 1e-6 * np.eye(3)[i]
        close((losses(z + h)[0] - losses(z - h)[0]) / 2e-6, delta[:, i], 1e-7)


@pytest.mark.parametrize("task", TARGETS)
def test_backends_equal_numpy(task: str, backend: str) -> None:
    """Weights after a few steps; and smoothing changes them."""
    results = []
    for each, smoothing in (("numpy", 0.1), (backend, 0.1), (backend, 0.0)):
        clf = MLPClassifier(
            (5,), loss_options={"label_smoothing": smoothing}, backend=each, random_state=0
        )
        clf.set_params(max_iter=3, tol=0.0, solver="sgd", learning_rate_init=0.5)
        with pytest.warns(ConvergenceWarning):
            clf.fit(X, TARGETS[task])
        results.append(clf.coefs_[0])
    close(results[0], results[1], 1e-9)
    assert np.abs(results[1] - results[2]).max() > 1e-4


@pytest.mark.once
def test_options() -> None:
    """No smoothing is the plain loss; equal options are equal; wrong ones are errors."""
    assert log_loss(0) is LOSSES["log_loss"] and binary_log_loss() is LOSSES["binary_log_loss"]
    assert pickle.loads(pickle.dumps(log_loss(0.1))) == log_loss(0.1) != log_loss(0.2)
    for wrong in (1, -0.1, np.nan, "a", True):
        with pytest.raises(ValueError, match=r"label_smoothing must be a number in \[0, 1\), got"):
            MLPClassifier(loss_options={"label_smoothing": wrong}).fit(X, Y)
    with pytest.raises(ValueError, match="'label_smothing'; it has: label_smoothing. Did you mean"):
        MLPClassifier(loss_options={"label_smothing": 0.1}).fit(X, Y)
