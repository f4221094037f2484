"""The fitted attributes have the types and the values of those of scikit-learn's MLPs."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import neural_network
from sklearn.preprocessing import LabelBinarizer

import mlpkit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 3))
BINARY = (X[:, 0] > 0).astype(int)
TARGETS = {
    "two classes": ("MLPClassifier", BINARY),
    "three classes": ("MLPClassifier", BINARY + (X[:, 1] > 0)),
    "multilabel": ("MLPClassifier", (X > 0).astype(int)),
    "one output": ("MLPRegressor", X[:, 0] + X[:, 1] ** 2),
    "two outputs": ("MLPRegressor", X[:, :2] ** 2),
}
SETTINGS: list[dict[str, Any]] = [
    {"solver": "adam"},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 0.1},
    {"solver": "adam", "early_stopping": True},
    {"solver": "lbfgs"},
]


def assert_same(actual: Any, expected: Any, name: str) -> None:
    """Assert that values are equal and that the type is compatible with the expected one."""
    if isinstance(expected, list):
        assert isinstance(actual, list) and len(actual) == len(expected), name
        for actual_item, expected_item in zip(actual, expected, strict=True):
            assert_same(actual_item, expected_item, name)
    elif isinstance(expected, np.ndarray):
        assert isinstance(actual, np.ndarray), name
        assert actual.shape == expected.shape and actual.dtype == expected.dtype, name
        if expected.dtype.kind == "f":
            assert_allclose(actual, expected, rtol=1e-6, atol=1e-8, err_msg=name)
        else:
            np.testing.assert_array_equal(actual, expected)
    elif isinstance(expected, bool | np.bool_ | str) or expected is None:
        assert type(actual) is type(expected) and actual == expected, name
    elif isinstance(expected, int | np.integer):
        assert isinstance(actual, int | np.integer) and actual == expected, name
    else:
        assert isinstance(expected, float), name
        assert isinstance(actual, float), name
        assert_allclose(actual, expected, rtol=1e-6, err_msg=name)


def compare(actual: Any, expected: Any) -> None:
    """Compare all fitted attributes, including the private ones that other programs read."""
    public = {name for name in vars(expected) if name.endswith("_") and not name.startswith("_")}
    assert {"coefs_", "loss_", "n_iter_", "n_features_in_"} <= public
    for name in sorted(public):
        assert_same(getattr(actual, name), getattr(expected, name), name)
    if "_no_improvement_count" in vars(expected):  # "lbfgs" has no such attribute
        assert actual._no_improvement_count == expected._no_improvement_count
    if isinstance(expected, neural_network.MLPClassifier):
        binarizer, expected_binarizer = actual._label_binarizer, expected._label_binarizer
        assert vars(binarizer).keys() == vars(expected_binarizer).keys()
        for name, value in vars(expected_binarizer).items():
            assert_same(getattr(binarizer, name), value, name)


def estimators(name: str, parameters: dict[str, Any]) -> list[Any]:
    """Return the estimators of mlpkit and of scikit-learn."""
    return [
        getattr(module, name)(hidden_layer_sizes=(4,), **parameters)
        for module in (mlpkit, neural_network)
    ]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(map(str, s.values())))
@pytest.mark.parametrize("calls", [1, 2])
def test_after_fit(target: str, settings: dict[str, Any], calls: int) -> None:
    """The attributes are the same after `fit` and after a warm start, for each solver."""
    name, y = TARGETS[target]
    parameters = {**settings, "max_iter": 5, "random_state": 0, "warm_start": calls > 1}
    if settings["solver"] == "lbfgs":
        calls = 1  # rounding errors grow in a second line search
    actual, expected = estimators(name, parameters)
    for _ in range(calls):
        compare(actual.fit(X, y), expected.fit(X, y))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_after_partial_fit(target: str, solver: str) -> None:
    """The attributes are the same after one and two calls, and after `fit` and `partial_fit`."""
    name, y = TARGETS[target]
    parameters = {"solver": solver, "max_iter": 3, "random_state": 0}
    actual, expected = estimators(name, parameters)
    first = {"classes": np.unique(y)} if name == "MLPClassifier" and y.ndim == 1 else {}
    if target == "multilabel":
        first = {"classes": np.arange(y.shape[1])}
    compare(actual.partial_fit(X, y, **first), expected.partial_fit(X, y, **first))
    compare(actual.partial_fit(X[:20], y[:20]), expected.partial_fit(X[:20], y[:20]))
    actual, expected = (estimator.fit(X, y) for estimator in estimators(name, parameters))
    compare(actual.partial_fit(X[:20], y[:20]), expected.partial_fit(X[:20], y[:20]))


@pytest.mark.once
def test_setting_the_attributes() -> None:
    """An estimator whose fitted attributes are set predicts like scikit-learn's."""
    labels = np.array(["no", "yes"])[BINARY]
    expected = neural_network.MLPClassifier((4,), max_iter=5, random_state=0).fit(X, labels)
    actual = mlpkit.MLPClassifier((4,))
    for name in ("coefs_", "intercepts_", "classes_", "n_layers_", "n_outputs_", "n_iter_"):
        setattr(actual, name, getattr(expected, name))
    actual.out_activation_ = expected.out_activation_
    actual._label_binarizer = LabelBinarizer().fit(expected.classes_)
    assert actual._label_binarizer.classes_.tolist() == ["no", "yes"]
    assert actual.predict(X).tolist() == expected.predict(X).tolist()
    assert_allclose(actual.predict_proba(X), expected.predict_proba(X))


@pytest.mark.once
def test_no_attributes_before_fit() -> None:
    """`hasattr` is False before `fit`, as in scikit-learn."""
    for name in ("_label_binarizer", "_no_improvement_count", "coefs_", "classes_"):
        assert not hasattr(mlpkit.MLPClassifier(), name)
    assert not hasattr(
        mlpkit.MLPRegressor(tol=1e9, random_state=0).fit(X, X[:, 0]), "_label_binarizer"
    )
