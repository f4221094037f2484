"""Wrong solvers."""

import itertools
from typing import Any

import numpy as np

from mlpkit import testing
from mlpkit.objectives.solvers import sgd
from mlpkit.plugin import Solver


def uphill(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Steps to the wrong side."""
    return p + learning_rate * g, ()


def normed(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Looks at all weights of an array."""
    return p - learning_rate * g / xp.sqrt(xp.sum(g * g)), ()


def clipped(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Long gradients are shortened, all weights of an array together."""
    return p - learning_rate * g * xp.minimum(1.0, 10.0 / xp.sqrt(xp.sum(g * g) + 1e-12)), ()


def widening(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """float64, whatever was given."""
    return p - np.float64(learning_rate) * g.astype("float64"), ()


def rigid(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Knows its rate already."""
    return p - 0.01 * g, ()


HIDDEN = itertools.count()


def remembering(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Counts its steps where nobody sees it."""
    return p - learning_rate / (1 + next(HIDDEN)) * g, ()


class Momentum:
    """An update that remembers, and whose memory a pickle forgets."""

    def __init__(self) -> None:
        self.before: dict[Any, Any] = {}

    def __call__(
        self, xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
    ) -> Any:
        """One step."""
        self.before[p.shape] = 0.9 * self.before.get(p.shape, 0) + g
        return p - learning_rate * self.before[p.shape], ()

    def __getstate__(self) -> dict[str, Any]:
        return {"before": {}}


def infinite(learning_rate: float, step: Any, options: Any) -> Any:
    """0 / 0 in the first step."""
    with np.errstate(all="ignore"):
        return learning_rate * (step - 1) / (step - 1)


SOLVERS: dict[str, Any] = {
    "it_is_a_solver_that_can_be_pickled": lambda: Solver(lambda *a: a),
    "the_same_settings_give_the_same_functions": lambda: Solver(Momentum()),
    "shapes_and_dtypes_stay": lambda: Solver(widening),
    "it_is_elementwise": lambda: Solver(normed),
    "all_it_knows_is_what_it_is_given": lambda: Solver(remembering),
    "the_rate_counts": lambda: Solver(rigid),
    "its_rates_are_finite": lambda: sgd()._replace(learning_rate_at=infinite),
    "it_goes_down": lambda: Solver(uphill),
    "it_trains": lambda: Solver(uphill),
    "a_stream_goes_on_from_a_pickle": lambda: Solver(Momentum()),
}


class SolverCulprit(testing.SolverTests):
    """The laws, for a function instead of a name, where no compiler hides its memory."""

    __test__ = False
    backend = "numpy"

    def made(self) -> Solver:
        """A new one."""
        return type(self).solver()  # type: ignore[operator, no-any-return]

    def test_it_trains(self) -> None:
        """With the object itself."""
        law, self.solver = super().test_it_trains, self.made()  # type: ignore[misc, assignment]
        law()
