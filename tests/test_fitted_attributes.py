"""The fitted attributes of scikit-learn's MLPs: there, of the same type, with the same values."""

from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from numpy.testing import assert_allclose
from sklearn.preprocessing import LabelBinarizer

import mlpkit as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 3))
BINARY = (X[:, 0] > 0).astype(int)
TARGETS = {
    "two classes": ("MLPClassifier", BINARY),
    "three classes": ("MLPClassifier", BINARY + (X[:, 1] > 0)),
    "label sets": ("MLPClassifier", (X > 0).astype(int)),
    "values": ("MLPRegressor", X[:, 0] + X[:, 1] ** 2),
    "two values": ("MLPRegressor", X[:, :2] ** 2),
}
SETTINGS: list[dict[str, Any]] = [
    {"solver": "adam"},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 0.1},
    {"solver": "adam", "early_stopping": True},
    {"solver": "lbfgs"},
]


def assert_same(our: Any, their: Any, name: str) -> None:
    """The same value, of a type that works where theirs does."""
    if isinstance(their, list):
        assert isinstance(our, list) and len(our) == len(their), name
        for one, other in zip(our, their, strict=True):
            assert_same(one, other, name)
    elif isinstance(their, np.ndarray):
        assert isinstance(our, np.ndarray), name
        assert our.shape == their.shape and our.dtype == their.dtype, name
        if their.dtype.kind == "f":
            assert_allclose(our, their, rtol=1e-6, atol=1e-8, err_msg=name)
        else:
            np.testing.assert_array_equal(our, their)
    elif isinstance(their, bool | np.bool_ | str) or their is None:
        assert type(our) is type(their) and our == their, name
    elif isinstance(their, int | np.integer):
        assert isinstance(our, int | np.integer) and our == their, name
    else:
        assert isinstance(their, float), name
        assert isinstance(our, float), name
        assert_allclose(our, their, rtol=1e-6, err_msg=name)


def compare(our: Any, their: Any) -> None:
    """All that scikit-learn's has, also under the private names that other programs read."""
    public = {name for name in vars(their) if name.endswith("_") and not name.startswith("_")}
    assert {"coefs_", "loss_", "n_iter_", "n_features_in_"} <= public
    for name in sorted(public):
        assert_same(getattr(our, name), getattr(their, name), name)
    if "_no_improvement_count" in vars(their):  # not with "lbfgs"
        assert our._no_improvement_count == their._no_improvement_count
    if isinstance(their, theirs.MLPClassifier):
        one, other = our._label_binarizer, their._label_binarizer
        assert vars(one).keys() == vars(other).keys()
        for name in vars(other):
            assert_same(getattr(one, name), getattr(other, name), name)


def pair(name: str, given: dict[str, Any]) -> list[Any]:
    """Our estimator and scikit-learn's."""
    return [getattr(module, name)(hidden_layer_sizes=(4,), **given) for module in (ours, theirs)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(map(str, s.values())))
@pytest.mark.parametrize("calls", [1, 2])
def test_after_fit(target: str, settings: dict[str, Any], calls: int) -> None:
    """Each solver, with early stopping and without, and a warm start."""
    name, y = TARGETS[target]
    given = {**settings, "max_iter": 5, "random_state": 0, "warm_start": calls > 1}
    if settings["solver"] == "lbfgs":
        calls = 1  # a second line search starts from another last bit
    our, their = pair(name, given)
    for _ in range(calls):
        compare(our.fit(X, y), their.fit(X, y))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_after_partial_fit(target: str, solver: str) -> None:
    """One call and several; `fit` and then `partial_fit`."""
    name, y = TARGETS[target]
    given = {"solver": solver, "max_iter": 3, "random_state": 0}
    our, their = pair(name, given)
    first = {"classes": np.unique(y)} if name == "MLPClassifier" and y.ndim == 1 else {}
    if target == "label sets":
        first = {"classes": np.arange(y.shape[1])}
    compare(our.partial_fit(X, y, **first), their.partial_fit(X, y, **first))
    compare(our.partial_fit(X[:20], y[:20]), their.partial_fit(X[:20], y[:20]))
    our, their = (each.fit(X, y) for each in pair(name, given))
    compare(our.partial_fit(X[:20], y[:20]), their.partial_fit(X[:20], y[:20]))


@pytest.mark.once
def test_put_together_by_hand() -> None:
    """Programs that average or store models set the attributes that scikit-learn's has."""
    labels = np.array(["no", "yes"])[BINARY]
    their = theirs.MLPClassifier((4,), max_iter=5, random_state=0).fit(X, labels)
    our = ours.MLPClassifier((4,))
    for name in ("coefs_", "intercepts_", "classes_", "n_layers_", "n_outputs_", "n_iter_"):
        setattr(our, name, getattr(their, name))
    our.out_activation_ = their.out_activation_
    our._label_binarizer = LabelBinarizer().fit(their.classes_)
    assert our._label_binarizer.classes_.tolist() == ["no", "yes"]
    assert our.predict(X).tolist() == their.predict(X).tolist()
    assert_allclose(our.predict_proba(X), their.predict_proba(X))


@pytest.mark.once
def test_nothing_is_there_before_fit() -> None:
    """As with scikit-learn's, `hasattr` tells."""
    for name in ("_label_binarizer", "_no_improvement_count", "coefs_", "classes_"):
        assert not hasattr(ours.MLPClassifier(), name)
    assert not hasattr(ours.MLPRegressor().fit(X, X[:, 0]), "_label_binarizer")
