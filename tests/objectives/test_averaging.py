"""The exponential moving average of the weights, for any solver and backend."""

from typing import Any

import numpy as np
import pytest

from mlpkit import MLPRegressor
from mlpkit.objectives.averaging import averaging
from mlpkit.objectives.solvers import adam, lbfgs
from mlpkit.plugin import Solver
from mlpkit.registry.lookup import installed
from mlpkit.testing import close
from mlpkit.testing.components import JOINT

X = np.random.RandomState(0).standard_normal((60, 3))
Y = X[:, 0] - X[:, 1] ** 2
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (4,),
    "batch_size": 8,
    "learning_rate": "linear",
    "learning_rate_init": 0.05,
    "random_state": 0,
    "dtype": "float64",
}


def path(n_epochs: int, **params: Any) -> list[Any]:
    """All weights after each epoch of one step, the initial ones first."""
    weights: list[Any] = []
    reg = MLPRegressor(
        **{**QUICK, **params, "batch_size": 60}, max_iter=n_epochs,
        callbacks=lambda report: weights.append(report.arrays()),
    )  # fmt: skip
    first = MLPRegressor(**{**QUICK, **params}).initialize(3)
    reg.fit(X, Y)
    names = [f"coef_{i}" for i in range(2)] + [f"intercept_{i}" for i in range(2)]
    return [dict(zip(names, first.coefs_ + first.intercepts_, strict=True)), *weights]


@pytest.mark.parametrize("solver", ["adam", "sgd", "adamw", "joint"])
def test_the_average_is_that_of_plain_numpy(solver: str, backend: str) -> None:
    """It includes the initial and the last weights, the decay of weights too, and has no bias;
    the path of the weights themselves does not change.
    """
    if (
        solver == "joint"
        and "joint_solvers" not in installed().find("backend", backend)[1].supports
    ):
        return
    params: dict[str, Any] = {"solver": JOINT if solver == "joint" else solver, "backend": backend}
    if solver == "adamw":
        params["solver_options"] = {"weight_decay": 2.0}
    plain, averages = path(6, **params), path(6, **params, average_decay=0.7)
    for t in range(1, 7):
        w = 0.7 ** np.arange(t, -1, -1.0)
        for name, average in averages[t].items():
            expected = sum(a * p[name] for a, p in zip(w, plain, strict=False)) / w.sum()
            close(expected, average, 1e-9)


def test_a_decay_of_zero_does_not_average(backend: str) -> None:
    """The weights are the last ones, to the last bits but few."""
    fits = [MLPRegressor(**QUICK, backend=backend, max_iter=3, average_decay=d) for d in (None, 0)]
    close(fits[0].fit(X, Y).coefs_[0], fits[1].fit(X, Y).coefs_[0], 1e-12)


def test_float32(backend: str) -> None:
    """The average has the dtype of the weights and is close to that of float64."""
    results = []
    for dtype in ("float32", "float64"):
        params = {**QUICK, "dtype": dtype, "max_iter": 4, "average_decay": 0.9}
        results.append(MLPRegressor(**params, backend=backend).fit(X, Y).coefs_[0])
    assert results[0].dtype == "float32"
    close(results[1], results[0], 1e-4)


def test_early_stopping_scores_and_keeps_averages(backend: str) -> None:
    """The weights of the best epoch are the averages that callbacks saw after it."""
    seen: list[Any] = []
    reg = MLPRegressor(
        **{**QUICK, "learning_rate_init": 0.3}, backend=backend, max_iter=12, early_stopping=True,
        validation_fraction=0.3, average_decay=0.8,
        callbacks=lambda report: seen.append((report.score, report.arrays())),
    ).fit(X, Y)  # fmt: skip
    scores = [score for score, _ in seen]
    best = int(np.argmax(scores))
    close(seen[best][1]["coef_0"], reg.coefs_[0], 1e-12)
    assert reg.best_validation_score_ == scores[best]


@pytest.mark.once
def test_what_supports_no_average() -> None:
    """Streams raise an error; L-BFGS ignores it; wrong numbers are errors."""
    with pytest.raises(ValueError, match="partial_fit does not support average_decay"):
        MLPRegressor(average_decay=0.9).partial_fit(X, Y)
    fits = [
        MLPRegressor(solver="lbfgs", average_decay=d, max_iter=99, random_state=0)
        for d in (None, 0.9)
    ]
    close(fits[0].fit(X, Y).coefs_[0], fits[1].fit(X, Y).coefs_[0], 0)
    assert averaging(lbfgs(), 0.9) == lbfgs()
    for wrong in (1.0, -0.1):
        with pytest.raises(ValueError, match="'average_decay' parameter of MLPRegressor must be"):
            MLPRegressor(average_decay=wrong).fit(X, Y)


@pytest.mark.once
def test_equal_solvers_share_compiled_code() -> None:
    """Functions with the same decay are equal; others are not."""
    for solver in (adam(), JOINT):
        one, two, other = (averaging(solver, d) for d in (0.9, 0.9, 0.8))
        assert one == two != other and hash(one.update) == hash(two.update)


@pytest.mark.once
def test_a_solver_that_keeps_no_state() -> None:
    """The arrays of the average are the only ones."""
    plain = Solver(update=lambda xp, p, g, state, rate, options: (p - rate * g, ()))
    reg = MLPRegressor(**QUICK, solver=plain, max_iter=2, average_decay=0.5).fit(X, Y)
    assert len(reg._network.optimizer_state) == 8
