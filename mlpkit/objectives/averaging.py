"""An exponential moving average of the weights, kept in the optimizer state of any solver.

The arrays `AVERAGE` hold ``a = sum((1 - d) * d ** (t - k) * p_k)`` over the weights ``p_k`` before
the steps up to t, and the arrays `WEIGHT` the same sum of ones. The average is ``a / weight``,
which corrects the bias towards zero. Steps without rows change neither, so `WEIGHT` is not a
function of the number of steps. Both are updated before a step, since a backend applies the weight
decay after the solver.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpkit.plugin import Arrays, Joint, Namespace, Solver, optimizer_state_name

AVERAGE, WEIGHT = "average", "average_weight"


@dataclass(frozen=True)
class AveragingUpdate:
    """The update of an elementwise solver, with an average of the weights.

    Objects with equal values compare equal, also after pickling, so compiled code is reused.
    """

    update: Callable[..., Any]
    decay: float

    def __call__(
        self,
        xp: Namespace,
        p: Any,
        g: Any,
        optimizer_state: Any,
        learning_rate: Any,
        options: Mapping[str, float],
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return the new weights and optimizer state."""
        *own, average, weight = optimizer_state
        average, weight = _moved(average, weight, p, self.decay)  # `update` may write into p
        p, own = self.update(xp, p, g, tuple(own), learning_rate, options)
        return p, (*own, average, weight)


@dataclass(frozen=True)
class AveragingStart:
    """The initial optimizer state of a joint solver, with an average of the weights."""

    start: Callable[[Arrays], Arrays]

    def __call__(self, arrays: Arrays) -> Arrays:
        """Return the optimizer state."""
        zeros = {
            optimizer_state_name(kind, name): np.zeros_like(a)
            for kind in (AVERAGE, WEIGHT)
            for name, a in arrays.items()
        }
        return {**self.start(arrays), **zeros}


@dataclass(frozen=True)
class AveragingJointUpdate:
    """The update of a joint solver, with an average of the weights."""

    update: Callable[..., Any]
    decay: float

    def __call__(
        self, xp: Namespace, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any
    ) -> tuple[Any, Any]:
        """Return the new weights and optimizer state."""
        averages: dict[str, Any] = {}
        for name, p in weights.items():
            keys = [optimizer_state_name(kind, name) for kind in (AVERAGE, WEIGHT)]
            average, weight = (optimizer_state[key] for key in keys)
            averages.update(zip(keys, _moved(average, weight, p, self.decay), strict=True))
        own = {key: a for key, a in optimizer_state.items() if key not in averages}
        new, own = self.update(xp, weights, gradients, own, learning_rate)
        return new, {**own, **averages}


def _moved(average: Any, weight: Any, p: Any, decay: float) -> tuple[Any, Any]:
    """Return the arrays `AVERAGE` and `WEIGHT` after adding the weights p."""
    return decay * average + (1 - decay) * p, decay * weight + (1 - decay)


def averaging(solver: Solver, decay: float) -> Solver:
    """Return a solver that also averages the weights.

    >>> averaging(Solver(update=print), 0.9).optimizer_state
    ('average', 'average_weight')
    """
    if solver.joint is not None:
        start, update = AveragingStart(solver.joint.start), solver.joint.update
        return solver._replace(joint=Joint(start, AveragingJointUpdate(update, decay)))
    if solver.update is None:
        return solver
    return solver._replace(
        update=AveragingUpdate(solver.update, decay),
        optimizer_state=(*solver.optimizer_state, AVERAGE, WEIGHT),
    )


def averages(weights: Arrays, optimizer_state: Arrays, decay: float) -> Arrays:
    """Return the averages of the trained weights, including the present ones.

    >>> state = {"average/w": np.array([0.5]), "average_weight/w": np.array([0.5])}
    >>> averages({"w": np.array([2.0])}, state, decay=0.5)
    {'w': array([1.66666667])}
    """
    means = {}
    for name, p in weights.items():
        keys = [optimizer_state_name(kind, name) for kind in (AVERAGE, WEIGHT)]
        average, weight = (optimizer_state[key] for key in keys)
        average, weight = _moved(average, weight, p, decay)
        means[name] = (average / weight).astype(p.dtype)
    return means
