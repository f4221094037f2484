"""Solvers: scikit-learn's optimizers, step for step."""

from typing import Any

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from mlpkit.plugin import Solver
from mlpkit.solvers import adam, sgd

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
    slots = tuple(np.zeros(6) for _ in solver.slots)
    for t in range(1, 11):
        g = rng.standard_normal(6)
        rate: Any = 0.1
        if solver.rate_at is not None:
            rate = solver.rate_at(0.1, np.array([t]), solver.options)[0]
        mine, slots = solver.update(np, mine, g.copy(), slots, rate, solver.options)
        optimizer.update_params(theirs, [g])
    np.testing.assert_allclose(mine, theirs[0], rtol=1e-14)


def test_only_sgd_follows_a_schedule() -> None:
    """As scikit-learn documents learning_rate."""
    assert sgd().scheduled and not adam().scheduled
