"""The same result on every backend: JAX, the one that MLPKIT_BACKEND names, and NumPy."""

import os
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from mlpkit import MLPClassifier
from mlpkit.numpy_backend.dense import activated
from mlpkit.testing import close
from mlpkit.training.cycles import Cycles
from mlpkit_tabular import TabularClassifier
from mlpkit_tabular.datasets import load_adult

BACKEND = os.environ.get("MLPKIT_BACKEND", "jax")
X, Y = load_breast_cancer(return_X_y=True)
X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype("float32")
SMALL: dict[str, dict[str, Any]] = {
    "tabm": {"n_members": 4},
    "realmlp": {},
    "resnet": {"width": 16},
}


@pytest.mark.parametrize("builder", sorted(SMALL))
def test_backends_train_the_same_network(builder: str) -> None:
    """Ten steps with dropout give the weights of JAX up to rounding, and NumPy predicts the same.

    SGD, since Adam enlarges gradients that are only rounding errors, such as those of biases before
    a normalization.
    """
    weights, predictions = [], []
    for name in ("jax", BACKEND):
        clf = MLPClassifier((16, 16), builder=builder, builder_options=SMALL[builder], backend=name)
        clf.set_params(solver="sgd", learning_rate_init=0.05, dropout=0.2, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf.set_params(batch_size=20, max_iter=1).fit(X[:200], Y[:200])
        weights.append(clf._network.arrays)
        predictions.append(clf.predict_proba(X))
        live = clf._network._live  # the network on the backend that trained it
        z = live.steps.outputs(live.state, X)
        p = activated(z, "logistic").reshape(len(X), -1).mean(axis=1)
        close(p, predictions[-1][:, 1], 1e-5)  # `predict_proba` uses NumPy
    close(weights[0], weights[1], 1e-5)
    close(predictions[0], predictions[1], 1e-5)


def test_the_skill_is_the_same() -> None:
    """The log-loss of new rows of a raw table differs by less than 0.005."""
    frame, target = load_adult(return_X_y=True)
    losses = []
    for name in ("jax", BACKEND):
        clf = TabularClassifier((32,), n_members=4, n_folds=2, backend=name, random_state=0)
        clf.set_params(trainer=Cycles(first_cycle=4, max_cycles=1))
        clf.fit(frame[:3000], target[:3000])
        losses.append(log_loss(target[3000:6000], clf.predict_proba(frame[3000:6000])))
    skills = 1 - np.array(losses) / log_loss(
        target[3000:6000], np.full(3000, (target[:3000] == ">50K").mean())
    )
    assert skills.min() > 0.3
    assert abs(skills[0] - skills[1]) < 0.005
