"""Weights that become so small that a processor computes slowly with them."""

import os
import sys

import numpy as np
import pytest

from mlpkit import MLPClassifier

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64",
    reason="subnormal numbers are not slow here",
)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fits_end_without_subnormal_weights(backend: str) -> None:
    """The L2 penalty halves the weights of a feature that is always zero in each epoch."""
    rng = np.random.RandomState(0)
    X, y = rng.uniform(size=(20, 3)).astype(np.float32), rng.randint(2, size=20)
    X[:, 0] = 0
    alpha = len(X)  # the penalty is divided by the number of rows
    options = {"momentum": 0.0, "learning_rate_init": 0.5, "n_iter_no_change": 1000}
    clf = MLPClassifier(
        (4,), "tanh", solver="sgd", alpha=alpha, max_iter=135, random_state=0, backend=backend
    )
    clf.set_params(**options).fit(X, y)
    weights = np.abs(np.concatenate([coef.ravel() for coef in clf.coefs_]))
    assert not np.any((weights > 0) & (weights < np.finfo(np.float32).tiny))
