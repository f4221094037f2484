"""The networks for tables, trained: conformance, backends, real data, dropout."""

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.testing import BuilderTests, close

SMALL: dict[str, dict[str, Any]] = {
    "tabm": {"n_members": 4},
    "realmlp": {},
    "resnet": {"width": 16},
}


class TestTabM(BuilderTests):
    builder = "tabm"
    backend = "jax"


class TestRealMLP(BuilderTests):
    builder = "realmlp"
    backend = "jax"


class TestResNet(BuilderTests):
    builder = "resnet"
    backend = "jax"


def split(regression: bool) -> Any:
    """Rows of a real data set in float32, standardized, and targets; training rows and others."""
    X, y = (load_diabetes if regression else load_breast_cancer)(return_X_y=True)
    y = (y - y.mean()) / y.std() if regression else y
    X = StandardScaler().fit_transform(X).astype("float32")
    return train_test_split(X, y, random_state=0)


def fitted(estimator: Any, X: Any, y: Any, **params: Any) -> Any:
    """The estimator after `fit`, without warnings that it has not converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.set_params(random_state=0, **params).fit(X, y)


@pytest.mark.parametrize("builder", sorted(SMALL))
def test_classes_are_learned(builder: str) -> None:
    """The log-loss of held-out rows of a real data set is low."""
    X, X_test, y, y_test = split(regression=False)
    clf = MLPClassifier((32, 32), builder=builder, backend="jax", dropout=0.2, solver="adamw")
    fitted(clf, X, y, max_iter=15, learning_rate_init=0.003, batch_size=32)
    assert log_loss(y_test, clf.predict_proba(X_test)) < 0.15


@pytest.mark.parametrize("builder", sorted(SMALL))
def test_numbers_are_learned(builder: str) -> None:
    """Held-out rows of a real data set are explained about as well as by a linear model."""
    X, X_test, y, y_test = split(regression=True)
    reg = MLPRegressor(hidden_layer_sizes=(32, 32), builder=builder, backend="jax")
    reg.set_params(builder_options=SMALL[builder], dropout=0.2, solver="adamw")
    fitted(reg, X, y, max_iter=15, learning_rate_init=0.003, batch_size=32)
    assert r2_score(y_test, reg.predict(X_test)) > 0.25


def test_dropout_is_fixed_when_the_network_is_built() -> None:
    """The rates are part of the network: another one requires another network."""
    X, _, y, _ = split(regression=False)
    clf = MLPClassifier((8,), builder="tabm", backend="jax", dropout=0.2, random_state=0)
    clf.partial_fit(X[:50], y[:50], classes=[0, 1]).partial_fit(X[50:90], y[50:90])
    with pytest.raises(ValueError, match="dropout was changed from 0.2 to 0.1"):
        clf.set_params(dropout=0.1).partial_fit(X[:50], y[:50])


def test_members_give_one_probability() -> None:
    """Probabilities are means over members: they are in [0, 1] and sum to 1."""
    X, _, y, _ = split(regression=False)
    clf = MLPClassifier((8,), builder="tabm", backend="jax")
    p = fitted(clf, X, y, max_iter=2).predict_proba(X)
    assert p.shape == (len(X), 2)
    close(p.sum(axis=1), np.ones(len(X)), 1e-6)


def test_an_unknown_option_lists_the_known_ones() -> None:
    """The message names the option and the options of the builder."""
    X, _, y, _ = split(regression=False)
    clf = MLPClassifier(builder="tabm", builder_options={"n_member": 4}, backend="jax")
    with pytest.raises(ValueError, match="has no option 'n_member'.*Did you mean 'n_members'"):
        clf.fit(X, y)
