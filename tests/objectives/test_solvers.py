"""Solvers: scikit-learn's optimizers, step for step."""

from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from mlpkit import MLPRegressor
from mlpkit.objectives.solvers import adam, sgd
from mlpkit.plugin import Joint, Solver
from mlpkit.registry.lookup import installed

CASES: dict[str, tuple[Solver, Any]] = {
    "adam": (adam(0.8, 0.99, 1e-6), lambda p: AdamOptimizer(p, 0.1, 0.8, 0.99, 1e-6)),
    "sgd": (sgd(0.0), lambda p: SGDOptimizer(p, 0.1, momentum=0.0)),
    "momentum": (sgd(0.7, False), lambda p: SGDOptimizer(p, 0.1, momentum=0.7, nesterov=False)),
    "nesterov": (sgd(0.7, True), lambda p: SGDOptimizer(p, 0.1, momentum=0.7)),
}


@pytest.mark.parametrize("case", CASES)
def test_steps_are_scikit_learns(case: str) -> None:
    """Ten steps, to the last bits."""
    solver, make = CASES[case]
    assert solver.update is not None
    rng = np.random.RandomState(0)
    mine, theirs = np.ones(6), [np.ones(6)]
    optimizer = make(theirs)
    optimizer_state = tuple(np.zeros(6) for _ in solver.optimizer_state)
    for t in range(1, 11):
        g = rng.standard_normal(6)
        learning_rate: Any = 0.1
        if solver.learning_rate_at is not None:
            learning_rate = solver.learning_rate_at(0.1, np.array([t]), solver.options)[0]
        mine, optimizer_state = solver.update(
            np, mine, g.copy(), optimizer_state, learning_rate, solver.options
        )
        optimizer.update_params(theirs, [g])
    np.testing.assert_allclose(mine, theirs[0], rtol=1e-14)


def test_only_sgd_follows_a_schedule() -> None:
    """As scikit-learn documents learning_rate."""
    assert sgd().scheduled and not adam().scheduled


def extrapolated(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """The slot keeps the weights of the step before."""
    return p - learning_rate * g + 0.1 * (p - optimizer_state[0]), (p,)


def extrapolated_from_a_copy(xp: Any, p: Any, g: Any, optimizer_state: Any, *rest: Any) -> Any:
    """The same, and nothing that is returned is what was given."""
    new, (before,) = extrapolated(xp, p, g, optimizer_state, *rest)
    return new, (1 * before,)


def start(arrays: Any) -> Any:
    """A slot for each array."""
    return {f"before_{name}": 0 * a for name, a in arrays.items()}


def jointly(update: Any) -> Any:
    """The elementwise update for all arrays, each with its slot."""

    def updated(
        xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any
    ) -> Any:
        new, after = {}, {}
        for name, p in weights.items():
            key = f"before_{name}"
            new[name], (after[key],) = update(
                xp, p, gradients[name], (optimizer_state[key],), learning_rate, {}
            )
        return new, after

    return updated


@pytest.mark.parametrize("form", ["elementwise", "joint"])
def test_a_solver_may_return_what_it_was_given(form: str, backend: str) -> None:
    """The old weights as a slot, for example: they are not overwritten first."""
    if form == "joint" and "joint_solvers" not in installed().find("backend", backend)[1].supports:
        return
    X = np.random.RandomState(0).standard_normal((40, 3))
    results = []
    for update in (extrapolated, extrapolated_from_a_copy):
        solver = Solver(update, ("before",))
        if form == "joint":
            solver = Solver(joint=Joint(start, jointly(update)))
        reg = MLPRegressor(
            hidden_layer_sizes=(5,), solver=solver, learning_rate_init=0.01, batch_size=10,
            max_iter=3, tol=0.0, random_state=0, backend=backend,
        )  # fmt: skip
        with pytest.warns(ConvergenceWarning):
            results.append(reg.fit(X, X.sum(axis=1)).coefs_[0])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)
