"""The solver adamw: its formula on every backend, what decays, and its options."""

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.objectives.solvers import adam, adamw
from mlpkit.testing import TOLERANCE, close

X = np.random.RandomState(0).standard_normal((50, 3))
Y = X[:, 0] - X[:, 1] ** 2
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (5,),
    "solver": "adamw",
    "alpha": 0.0,
    "batch_size": 8,
    "random_state": 0,
}


def trained(epochs: int = 3, **params: Any) -> MLPRegressor:
    """A regressor after some passes of `partial_fit`."""
    reg = MLPRegressor(**{**QUICK, **params})
    for _ in range(epochs):
        reg.partial_fit(X, Y)
    return reg


def by_hand(p: Any, gradients: Any, learning_rate: float, decay: float) -> Any:
    """Algorithm 2 of the paper, with the decay scaled by the rate as PyTorch does."""
    m, v = np.zeros_like(p), np.zeros_like(p)
    for t, g in enumerate(gradients, 1):
        m = 0.8 * m + 0.2 * g
        v = 0.99 * v + 0.01 * g**2
        m_hat, v_hat = m / (1 - 0.8**t), v / (1 - 0.99**t)
        p = p - learning_rate * (m_hat / (np.sqrt(v_hat) + 1e-30) + decay * p)
    return p


def test_steps_are_those_of_the_paper(backend: str) -> None:
    """Two passes of seven steps: a matrix decays from the first step on, a vector does not."""
    options = {"solver_options": {"weight_decay": 0.1}, "learning_rate_init": 0.05}
    moments = {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-30}
    network = {"hidden_layer_sizes": (), "shuffle": False, "dtype": "float64"}
    reg = MLPRegressor(**{**QUICK, **options, **moments, **network}, backend=backend).initialize(3)
    w, b = reg.coefs_[0].copy(), reg.intercepts_[0].copy()
    gradients: list[Any] = []
    for start in 2 * [*range(0, 50, 8)]:
        x, y = X[start : start + 8], Y[start : start + 8, None]
        so_far = [
            by_hand(p, [g[i] for g in gradients], 0.05, d)
            for i, p, d in zip((0, 1), (w, b), (0.1, 0), strict=True)
        ]
        error = (x @ so_far[0] + so_far[1] - y) / len(x)
        gradients.append((x.T @ error, error.sum(axis=0)))
    for _ in range(2):
        reg.partial_fit(X, Y)
    close(by_hand(w, [g[0] for g in gradients], 0.05, 0.1), reg.coefs_[0], 1e-9)
    close(by_hand(b, [g[1] for g in gradients], 0.05, 0.0), reg.intercepts_[0], 1e-9)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_every_backend_equals_numpy(dtype: str, backend: str) -> None:
    """Weights and moments, after many steps of a few sizes."""
    results = []
    for each in ("numpy", backend):
        options = {"weight_decay": 0.2}
        reg = trained(6, dtype=dtype, backend=each, solver_options=options, beta_1=0.8)
        results.append({**reg._network.arrays, **reg._network.optimizer_state})
    close(results[0], results[1], TOLERANCE[dtype])
    assert results[1]["m/coef_0"].dtype == dtype


def test_without_decay_it_is_adam(backend: str) -> None:
    """The same numbers, bit for bit."""
    networks = [
        trained(backend=backend, solver=solver, solver_options=options)._network
        for solver, options in (("adam", None), ("adamw", {"weight_decay": 0.0}))
    ]
    close(networks[0].arrays, networks[1].arrays, 0)
    close(networks[0].optimizer_state, networks[1].optimizer_state, 0)


def test_the_matrices_decay_and_the_biases_do_not(backend: str) -> None:
    """In one step by the rate times weight_decay, whatever the gradient."""
    start = MLPRegressor(**QUICK, backend=backend, dtype="float64").initialize(3)
    one, two = (
        trained(1, batch_size=50, learning_rate_init=0.01, backend=backend, solver_options=options)
        for options in ({"weight_decay": 0.0}, {"weight_decay": 5.0})
    )
    for i in range(2):
        close(one.coefs_[i] - 0.05 * start.coefs_[i], two.coefs_[i], 1e-12)
        close(one.intercepts_[i], two.intercepts_[i], 0)


def test_fits_go_on(backend: str) -> None:
    """From a pickle with its moments; a whole fit, and a classifier, learn."""
    reg = trained(2, backend=backend)
    other = pickle.loads(pickle.dumps(reg))
    for each in (reg, other):
        each.partial_fit(X, Y)
    close(reg.coefs_[0], other.coefs_[0], 0)
    clf = MLPClassifier(**{**QUICK, "learning_rate_init": 0.01}, backend=backend, max_iter=60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert clf.fit(X, Y > 0).score(X, Y > 0) > 0.85


@pytest.mark.once
def test_options() -> None:
    """They are the estimator's and those of `solver_options`; wrong ones are errors."""
    reg = MLPRegressor(**QUICK).set_params(solver__weight_decay=0.5).partial_fit(X, Y)
    assert reg.get_params()["solver__weight_decay"] == 0.5
    assert adamw(weight_decay=0.5) == pickle.loads(pickle.dumps(adamw(weight_decay=0.5)))
    assert adamw(weight_decay=0.5) != adamw()
    assert not adamw().scheduled and adam() != adamw()
    for wrong in (-0.1, np.inf, np.nan, "a", True):
        with pytest.raises(ValueError, match=r"solver='adamw': weight_decay must be .*, got"):
            reg.set_params(solver__weight_decay=wrong).fit(X, Y)
    with pytest.raises(ValueError, match="no option 'wight_decay'.*Did you mean 'weight_decay'"):
        MLPRegressor(**QUICK, solver_options={"wight_decay": 0.5}).fit(X, Y)
    with pytest.raises(ValueError, match="no option 'weight_decay'"):
        MLPRegressor(solver_options={"weight_decay": 0.5}).fit(X, Y)
