"""Losses that scikit-learn does not have: values, options, and training on a backend."""

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.special import huber
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_absolute_error, mean_pinball_loss
from sklearn.model_selection import GridSearchCV

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.objectives.losses import LOSSES, named
from mlpkit.testing import close

ROBUST: list[tuple[str, dict[str, float]]] = [
    ("absolute_error", {}),
    ("huber", {}),
    ("huber", {"delta": 0.3}),
    ("quantile", {}),
    ("quantile", {"quantile": 0.9}),
]
RNG = np.random.RandomState(0)
X = RNG.standard_normal((300, 4))
Y = X[:, :2] + 0.3 * RNG.standard_t(2, (300, 2))
W = RNG.random_sample(300) + 0.1


def fitted(loss: str, options: dict[str, float] | None, *data: Any, **params: Any) -> Any:
    """A regressor after a few epochs."""
    reg = MLPRegressor(loss, (8, 4), loss_options=options, random_state=0, max_iter=4, alpha=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return reg.set_params(**params).fit(*data)


@pytest.mark.once
def test_values_are_scikit_learns_and_scipys() -> None:
    """The mean over outputs, of two in this case."""
    y, p = Y, X[:, 2:]

    def mean(name: str, **options: float) -> float:
        return float(np.average(named(name, options).rows(np, y, p), weights=W))

    close(mean_absolute_error(y, p, sample_weight=W), mean("absolute_error"), 1e-12)
    for q in (0.1, 0.5, 0.8):
        expected = mean_pinball_loss(y, p, sample_weight=W, alpha=q)
        close(expected, mean("quantile", quantile=q), 1e-12)
    for delta in (0.2, 1.0, 3.0):
        expected = np.average(huber(delta, y - p).mean(axis=1), weights=W)
        close(expected, mean("huber", delta=delta), 1e-12)


@pytest.mark.once
@pytest.mark.parametrize(("name", "options"), ROBUST)
def test_delta_is_the_derivative(name: str, options: dict[str, float]) -> None:
    """By central differences, one output at a time."""
    loss, p = named(name, options), X[:, 2:]
    assert loss.delta is not None
    delta = loss.delta(np, Y, p)
    for column in range(2):
        step = np.zeros_like(p)
        step[:, column] = 1e-6
        slope = (loss.rows(np, Y, p + step) - loss.rows(np, Y, p - step)) / 2e-6
        np.testing.assert_allclose(delta[:, column], slope, atol=1e-6)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(("name", "options"), ROBUST)
def test_every_backend_equals_numpy(
    name: str, options: dict[str, float], weighted: bool, backend: str
) -> None:
    """Two outputs, weighted or not; the loss decreases."""
    data = (X, Y, W) if weighted else (X, Y)
    expected, actual = (fitted(name, options, *data, backend=b) for b in ("numpy", backend))
    close(np.array(expected.loss_curve_), np.array(actual.loss_curve_), 1e-9)
    close(expected.coefs_[0], actual.coefs_[0], 1e-9)
    assert actual.loss_curve_[-1] < actual.loss_curve_[0]


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_a_quantile_has_its_share_of_the_targets_below(q: float, backend: str) -> None:
    """On the training rows, about."""
    reg = fitted(
        *("quantile", {"quantile": q}, X, Y[:, 0]),
        backend=backend,
        max_iter=200,
        learning_rate_init=0.01,
        dtype="float32",
    )
    assert np.mean(Y[:, 0] <= reg.predict(X)) == pytest.approx(q, abs=0.06)


def test_outliers_do_not_decide(backend: str) -> None:
    """A hundredth of the targets is wild: the others are predicted better than by squares."""
    y = X[:, 0].copy()
    y[::100] += 1000.0
    kept = np.arange(300) % 100 != 0
    settings = {"backend": backend, "max_iter": 100, "learning_rate_init": 0.01}
    errors = {
        loss: mean_absolute_error(y[kept], fitted(loss, None, X, y, **settings).predict(X[kept]))
        for loss in ("squared_error", "absolute_error", "huber")
    }
    assert max(errors["absolute_error"], errors["huber"]) < 0.5 * errors["squared_error"]


@pytest.mark.parametrize("name", ["huber", "quantile"])
def test_lbfgs_minimises_them(name: str, backend: str) -> None:
    """Loss and gradient belong together, of several outputs too."""
    reg = fitted(name, None, X, Y, solver="lbfgs", max_iter=30, backend=backend)
    assert reg.loss_ < 0.75 * reg.loss_curve_[0]


@pytest.mark.once
def test_options_are_parameters() -> None:
    """They are routed, searched, cloned and pickled, and equal ones share compiled code."""
    reg = MLPRegressor("huber", (4,), max_iter=2, random_state=0).set_params(loss__delta=0.5)
    assert clone(reg).loss_options == {"delta": 0.5} == reg.loss_options
    assert reg.get_params()["loss__delta"] == 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search = GridSearchCV(reg, {"loss__delta": [0.1, 10.0]}, cv=2).fit(X, Y)
        loaded = pickle.loads(pickle.dumps(search.best_estimator_))
    assert loaded._network.spec == search.best_estimator_._network.spec
    assert hash(named("huber", {"delta": 2.0})) == hash(named("huber", {"delta": np.float64(2)}))
    assert named("quantile", {"quantile": 0.5}) == LOSSES["quantile"]


@pytest.mark.once
@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (MLPRegressor("huber", loss_options={"dleta": 1}), "'dleta'; it has: delta. Did you mean"),
        (MLPRegressor("huber", loss_options={"delta": 0}), "delta must be a finite number above 0"),
        (MLPRegressor("huber", loss_options={"delta": "a"}), "delta must be .*, got 'a'"),
        (MLPRegressor("quantile", loss_options={"quantile": 1}), "must be a number between 0 and"),
        (MLPRegressor("quantile", loss_options={"quantile": True}), "got True"),
        (MLPRegressor(loss_options={"delta": 1.0}), "'squared_error' has no option 'delta'"),
        (MLPRegressor("hubr"), "'huber', 'quantile', 'quantiles', 'poisson'.* mean 'huber'"),
        (
            MLPRegressor(LOSSES["huber"], loss_options={"delta": 1.0}),
            "loss_options requires the name of a loss with options",
        ),
        (MLPClassifier(loss_options={"delta": 1.0}), "log_loss' has no option 'delta'"),
        (MLPClassifier(loss="huber"), "must be 'log_loss', an mlpkit.plugin.Loss"),
    ],
)
def test_what_is_not_accepted(estimator: Any, message: str) -> None:
    """Each error names what was given and what is accepted."""
    with pytest.raises(ValueError, match=message):
        estimator.fit([[0.0], [1.0]], [0, 1])
