"""Parameters changed after a fit have the same effect as in scikit-learn, or are rejected."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.utils._param_validation import InvalidParameterError

import mlpkit
from mlpkit import by_quantile
from mlpkit.numpy_backend import dense
from mlpkit.plugin import Network, Spec

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`:UserWarning"
)

RNG = np.random.RandomState(0)
X = RNG.standard_normal((60, 4))
Y = X @ [1.0, -1.0, 0.5, 0.0]
LABELS = np.digitize(Y, [-1.0, 1.0])
SMALL: dict[str, Any] = {
    "hidden_layer_sizes": (5,),
    "max_iter": 4,
    "random_state": 0,
    "learning_rate_init": 0.01,
}

# parameters that all versions of scikit-learn support, before and after the change
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "activation": ({}, {"activation": "tanh"}),
    "activation, logistic": ({"activation": "tanh"}, {"activation": "logistic"}),
    "alpha": ({}, {"alpha": 1.0}),
    "batch_size": ({}, {"batch_size": 7}),
    "batch_size auto": ({"batch_size": 7}, {"batch_size": "auto"}),
    "solver": ({}, {"solver": "sgd"}),
    "solver adam": ({"solver": "sgd"}, {"solver": "adam"}),
    "learning_rate": ({"solver": "sgd"}, {"learning_rate": "invscaling"}),
    "learning_rate_init": ({"solver": "sgd"}, {"learning_rate_init": 0.1}),
    "learning_rate_init of adam": ({}, {"learning_rate_init": 0.1}),
    "power_t": ({"solver": "sgd", "learning_rate": "invscaling"}, {"power_t": 0.1}),
    "max_iter": ({}, {"max_iter": 2}),
    "shuffle": ({}, {"shuffle": False}),
    "random_state": ({}, {"random_state": 9}),
    "tol": ({}, {"tol": 1.0, "n_iter_no_change": 1}),
    "n_iter_no_change": ({"tol": 1.0}, {"n_iter_no_change": 1}),
    "momentum": ({"solver": "sgd"}, {"momentum": 0.1}),
    "nesterovs_momentum": ({"solver": "sgd"}, {"nesterovs_momentum": False}),
    "beta_1": ({}, {"beta_1": 0.5}),
    "beta_2": ({}, {"beta_2": 0.5}),
    "epsilon": ({}, {"epsilon": 0.1}),
    "max_fun": ({"solver": "lbfgs"}, {"max_fun": 3}),
    "validation_fraction": ({"early_stopping": True}, {"validation_fraction": 0.4}),
    "warm_start": ({}, {"warm_start": False}),
    "lbfgs": ({}, {"solver": "lbfgs"}),
}


def assert_same(actual: Any, expected: Any, tolerance: float = 1e-9) -> None:
    """Assert that the weights, the last loss and the predictions are equal."""
    for a, b in zip(
        actual.coefs_ + actual.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        np.testing.assert_allclose(a, b, atol=tolerance)
    np.testing.assert_allclose(actual.loss_, expected.loss_, rtol=tolerance)
    np.testing.assert_allclose(actual.predict(X), expected.predict(X), atol=tolerance)
    assert actual.n_iter_ == expected.n_iter_


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_warm_starts_with_changed_parameters(case: str, name: str, backend: str) -> None:
    """A warm start after a change gives the same results as in scikit-learn."""
    before, after = CHANGES[case]
    y = LABELS if name == "MLPClassifier" else Y
    results = []
    for module, backend_parameter in ((mlpkit, {"backend": backend}), (neural_network, {})):
        estimator = getattr(module, name)(
            **{**SMALL, **before}, warm_start=True, **backend_parameter
        ).fit(X, y)
        estimator.set_params(**after)
        if case.startswith("activation"):
            results.append(estimator.predict(X))
        results.append(estimator.fit(X, y))
    if case.startswith("activation"):  # scikit-learn predicts with the new activation, too
        np.testing.assert_allclose(results.pop(0), results.pop(1), atol=1e-9)
    tolerance = 1e-6 if "lbfgs" in (case, before.get("solver")) else 1e-9
    assert_same(results[0], results[1], tolerance=tolerance)


STREAMED = [c for c in CHANGES if c not in ("max_fun", "validation_fraction", "lbfgs")]


@pytest.mark.parametrize("case", STREAMED)
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("fitted", [True, False])
def test_streams_with_changed_parameters(case: str, name: str, fitted: bool, backend: str) -> None:
    """As in scikit-learn, the optimizer keeps the parameters of the first call."""
    before, after = CHANGES[case]
    y = LABELS if name == "MLPClassifier" else Y
    results = []
    for module, backend_parameter in ((mlpkit, {"backend": backend}), (neural_network, {})):
        estimator = getattr(module, name)(**{**SMALL, **before}, **backend_parameter)
        if fitted:
            estimator.fit(X, y)
        else:
            estimator.partial_fit(X, y, **({"classes": [0, 1, 2]} if y is LABELS else {}))
        estimator.set_params(**after).partial_fit(X[:40], y[:40]).partial_fit(X[40:], y[40:])
        results.append(estimator)
    assert_same(*results)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_lbfgs_between_calls_of_adam(name: str, backend: str) -> None:
    """The optimizer state of Adam is kept while L-BFGS trains."""
    y = LABELS if name == "MLPClassifier" else Y
    results = []
    for module, backend_parameter in ((mlpkit, {"backend": backend}), (neural_network, {})):
        estimator = getattr(module, name)(**SMALL, warm_start=True, **backend_parameter).fit(X, y)
        estimator.set_params(solver="lbfgs").fit(X, y)
        if module is mlpkit:
            estimator = pickle.loads(pickle.dumps(estimator))
        results.append(estimator.set_params(solver="adam").partial_fit(X, y))
    for a, b in zip(results[0].coefs_, results[1].coefs_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_partial_fit_after_lbfgs(backend: str) -> None:
    """The stream starts with a new optimizer state; scikit-learn raises an error here."""
    reg = mlpkit.MLPRegressor(**SMALL, solver="lbfgs", backend=backend).fit(X, Y)
    again = copy.deepcopy(reg)
    reg.set_params(solver="adam").partial_fit(X, Y)
    fresh = mlpkit.MLPRegressor(**SMALL, backend=backend).initialize(4)
    fresh.set_params(dtype="float64")
    fresh.coefs_, fresh.intercepts_ = again.coefs_, again.intercepts_
    fresh.partial_fit(X, Y)
    np.testing.assert_allclose(reg.coefs_[0], fresh.coefs_[0], rtol=1e-9)


def test_early_stopping_can_be_changed(backend: str) -> None:
    """Warm starts may enable and disable early stopping; scikit-learn raises an error here."""
    clf = mlpkit.MLPClassifier(**SMALL, warm_start=True, backend=backend).fit(X, LABELS)
    clf.set_params(early_stopping=True).fit(X, LABELS)
    assert len(clf.validation_scores_) == clf.n_iter_ and clf.best_loss_ is None
    clf.set_params(early_stopping=False).fit(X, LABELS)
    assert clf.validation_scores_ is None and clf.best_loss_ == min(clf.loss_curve_[-4:])


INVALID = {
    "activation": "swish",
    "alpha": -1.0,
    "batch_size": 0,
    "learning_rate": "fast",
    "tol": "small",
    "shuffle": "yes",
    "dtype": "float16",
    "train_metrics": "all",
    "metrics_window": 0,
    "random_state": "seed",
}


@pytest.mark.parametrize("name", INVALID)
@pytest.mark.parametrize("loaded", [True, False])
def test_invalid_values_are_rejected_in_each_call(name: str, loaded: bool, backend: str) -> None:
    """Invalid values raise an error; training continues after a valid value is set."""
    reg = mlpkit.MLPRegressor(**SMALL, backend=backend).partial_fit(X, Y)
    if loaded:
        reg = pickle.loads(pickle.dumps(reg))
    valid = getattr(reg, name)
    reg.set_params(**{name: INVALID[name]})
    for call in (reg.partial_fit, reg.fit):
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of MLPRegressor"):
            call(X, Y)
    assert reg.set_params(**{name: valid}).partial_fit(X, Y).t_ == 120


def test_prediction_with_an_invalid_activation(backend: str) -> None:
    """The error is the same as in `fit`."""
    reg = mlpkit.MLPRegressor(**SMALL, backend=backend).fit(X, Y).set_params(activation="swish")
    with pytest.raises(InvalidParameterError, match="'activation' parameter of MLPRegressor"):
        reg.predict(X)


def linear(spec: Spec, rng: np.random.RandomState) -> Network:
    """A custom builder."""
    return dense.build(spec, rng)


REJECTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "builder": ({}, {"builder": linear}),
    "builder back": ({"builder": linear}, {"builder": None}),
    "layers": ({}, {"hidden_layer_sizes": (5, 5)}),
    "loss": ({}, {"loss": "poisson"}),
}


@pytest.mark.parametrize("case", REJECTED)
@pytest.mark.parametrize("loaded", [True, False])
def test_changes_that_require_another_network(case: str, loaded: bool, backend: str) -> None:
    """Such changes are rejected, except in a fit without warm_start."""
    before, after = REJECTED[case]
    reg = mlpkit.MLPRegressor(**SMALL, **before, backend=backend).fit(X, abs(Y))
    if loaded:
        reg = pickle.loads(pickle.dumps(reg))
    (name,) = after
    reg.set_params(**after)
    if loaded:
        reg = pickle.loads(pickle.dumps(reg))
    expected = reg.predict(X)
    for call in (reg.partial_fit, copy.deepcopy(reg).set_params(warm_start=True).fit):
        with pytest.raises(ValueError, match=rf"{name} was changed from .* warm_start=False"):
            call(X, abs(Y))
    np.testing.assert_array_equal(reg.predict(X), expected)
    copy.deepcopy(reg).fit(X, abs(Y))
    (value,) = (getattr(mlpkit.MLPRegressor(**SMALL, **before), name) for name in after)
    reg.set_params(**{name: value}).partial_fit(X, abs(Y))


def test_the_name_of_the_default_builder(backend: str) -> None:
    """None and "dense" are the same builder."""
    reg = mlpkit.MLPRegressor(**SMALL, backend=backend).fit(X, Y)
    reg.set_params(builder="dense", builder_options={}).partial_fit(X, Y)


class Wide(mlpkit.MLPRegressor):
    """A subclass with its own parameter and its own builder."""

    def __init__(self, width: int = 3, backend: str | None = None, random_state: int = 0) -> None:
        super().__init__(backend=backend, random_state=random_state, max_iter=2)
        self.width = width

    def build(self, spec: Spec) -> Network:
        """Build a dense network."""
        return dense.build(spec, np.random.RandomState(spec.seed))


def test_parameters_of_a_subclass_with_a_builder(backend: str) -> None:
    """Changes of its own parameters are rejected, since the network may depend on them."""
    reg = Wide(backend=backend).fit(X, Y)
    reg.set_params(backend="numpy").partial_fit(X, Y)
    with pytest.raises(ValueError, match="width was changed from 3 to 4 after Wide was fitted"):
        reg.set_params(width=4).partial_fit(X, Y)
    reg.fit(X, Y)


@pytest.mark.parametrize("name", ["absolute_error", "huber"])
def test_changes_of_the_loss(name: str, backend: str) -> None:
    """A loss with the same output activation is used from the next call on."""
    changed, expected = (
        mlpkit.MLPRegressor(**SMALL, loss=loss, backend=backend) for loss in ("squared_error", name)
    )
    changed.fit(X, Y)
    expected.initialize(4).set_params(dtype="float64")
    expected.coefs_ = [c.copy() for c in changed.coefs_]
    expected.intercepts_ = [b.copy() for b in changed.intercepts_]
    for reg in (changed, expected):
        reg.set_params(loss=name, warm_start=True).fit(X, Y)
    np.testing.assert_allclose(changed.loss_curve_[4:], expected.loss_curve_, rtol=1e-9)


def test_changes_of_dtype(backend: str) -> None:
    """Weights and optimizer state are converted; None keeps their dtype."""
    reg = mlpkit.MLPRegressor(**SMALL, backend=backend).partial_fit(X, Y)
    reg.set_params(dtype="float32").partial_fit(X, Y)
    assert {a.dtype.name for a in reg.coefs_} == {"float32"}
    same = mlpkit.MLPRegressor(**SMALL, backend=backend).partial_fit(X, Y).partial_fit(X, Y)
    np.testing.assert_allclose(reg.coefs_[0], same.coefs_[0], rtol=1e-4, atol=1e-4)
    reg.set_params(dtype=None).partial_fit(X, Y)
    assert {a.dtype.name for a in reg.coefs_} == {"float32"}


CHANGED_METRICS: dict[str, Callable[[Any], Any]] = {
    "metrics": lambda reg: reg.set_params(metrics=["mae", "mse"]),
    "partitions": lambda reg: reg.set_params(partitions=[by_quantile(0, 2)]),
    "metrics_window": lambda reg: reg.set_params(metrics_window=10),
}


@pytest.mark.parametrize("case", CHANGED_METRICS)
def test_changes_of_the_metrics_of_a_stream(case: str, backend: str) -> None:
    """The metrics are computed anew, and the history is kept."""
    reg = mlpkit.MLPRegressor(**SMALL, metrics=["mae"], backend=backend)
    reg.partial_fit(X, Y).partial_fit(X, Y)
    n = len(reg.metric_history_)
    whole = reg.metric_history_.select("mae", split="prequential", by="all")
    assert [r.n_rows for r in whole] == [60, 120]
    CHANGED_METRICS[case](reg).partial_fit(X, Y)
    whole = reg.metric_history_.select("mae", split="prequential", by="all")
    assert [r.n_rows for r in whole] == [60, 120, 60]
    assert len(reg.metric_history_) > n
    reg.partial_fit(X, Y)
    assert reg.metric_history_.select("mae", split="prequential", by="all")[-1].n_rows == 120
