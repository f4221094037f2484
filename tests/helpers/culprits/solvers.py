"""Faulty solvers."""

import itertools
from typing import Any

import numpy as np

from mlpkit import testing
from mlpkit.objectives.solvers import sgd
from mlpkit.plugin import Solver


def uphill(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Step in the wrong direction."""
    return p + learning_rate * g, ()


def normed(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Divide by the norm of the whole array."""
    return p - learning_rate * g / xp.sqrt(xp.sum(g * g)), ()


def clipped(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Clip the norm of the whole array."""
    return p - learning_rate * g * xp.minimum(1.0, 10.0 / xp.sqrt(xp.sum(g * g) + 1e-12)), ()


def widening(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Return float64 for every dtype."""
    return p - np.float64(learning_rate) * g.astype("float64"), ()


def rigid(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Ignore the learning rate."""
    return p - 0.01 * g, ()


HIDDEN = itertools.count()


def remembering(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Count the steps in a global variable."""
    return p - learning_rate / (1 + next(HIDDEN)) * g, ()


class Momentum:
    """An update with hidden state that is not pickled."""

    def __init__(self) -> None:
        self.before: dict[Any, Any] = {}

    def __call__(
        self, xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
    ) -> Any:
        """Return the weights after one step."""
        self.before[p.shape] = 0.9 * self.before.get(p.shape, 0) + g
        return p - learning_rate * self.before[p.shape], ()

    def __getstate__(self) -> dict[str, Any]:
        return {"before": {}}


def infinite(learning_rate: float, step: Any, options: Any) -> Any:
    """Return 0 / 0 in the first step."""
    with np.errstate(all="ignore"):
        return learning_rate * (step - 1) / (step - 1)


SOLVERS: dict[str, Any] = {
    "the_factory_returns_a_picklable_solver": lambda: Solver(lambda *a: a),
    "equal_options_return_the_same_functions": lambda: Solver(Momentum()),
    "shapes_and_dtypes_are_kept": lambda: Solver(widening),
    "the_update_is_elementwise": lambda: Solver(normed),
    "the_update_has_no_hidden_state": lambda: Solver(remembering),
    "the_update_uses_the_learning_rate": lambda: Solver(rigid),
    "learning_rates_are_finite": lambda: sgd()._replace(learning_rate_at=infinite),
    "the_update_decreases_a_quadratic_loss": lambda: Solver(uphill),
    "an_estimator_trains": lambda: Solver(uphill),
    "partial_fit_continues_after_pickling": lambda: Solver(Momentum()),
}


class SolverCulprit(testing.SolverTests):
    """Conformance tests for a function, on NumPy, where no compiler removes hidden state."""

    __test__ = False
    backend = "numpy"

    def made(self) -> Solver:
        """Return a new solver."""
        return type(self).solver()  # type: ignore[operator, no-any-return]

    def test_an_estimator_trains(self) -> None:
        """Train with the object itself."""
        test, self.solver = super().test_an_estimator_trains, self.made()  # type: ignore[misc, assignment]
        test()
