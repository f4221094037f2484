"""What training minimises and how it steps: the records for losses and solvers.

A part of `mlpkit.plugin`, which is where to import them from.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from mlpkit.measures import Array

Arrays: TypeAlias = dict[str, Array]
Namespace: TypeAlias = Any  # functions of the array API standard: sqrt, log, where, sum ...
OutActivation = Literal["identity", "logistic", "softmax", "exp"]


class Loss(NamedTuple):
    """A loss with the activation that it belongs to; both functions work on any backend.

    ``rows(xp, y, p)``: the loss of each row, shape (n,), of targets ``y`` and activated
    outputs ``p``, both (n, n_outputs).
    ``delta(xp, y, p)``: its derivative by the outputs before activation, (n, n_outputs);
    None: the backend differentiates ``rows``, if it can (NumPy can't).
    """

    name: str
    out_activation: OutActivation
    rows: Callable[[Namespace, Any, Any], Any]
    delta: Callable[[Namespace, Any, Any], Any] | None = None


class Joint(NamedTuple):
    """A step over all weights at once, where elementwise does not do (a global norm ...).

    ``start(arrays) -> slots``: NumPy, by names of its own, from the trained weights.
    ``update(xp, weights, gradients, slots, rate) -> (weights, slots)``: dicts by name, in
    the backend's arrays; pure. Return the same functions for the same settings: compiled
    code is kept by them.
    """

    start: Callable[[Arrays], Arrays]
    update: Callable[..., tuple[Any, Any]]


class Solver(NamedTuple):
    """One elementwise step, written once in plain operators, so it serves every backend.

    ``update(xp, p, g, slots, rate, options) -> (p, slots)`` gets arrays of one shape and
    may write into them (``m *= b``: in place on NumPy, rebinding elsewhere); only what it
    returns counts. Each slot starts as zeros. ``options`` are constants to compiled code.
    ``rate_at(rate, step, options)`` gives the rate of steps 1, 2, ... in float64 on the
    host: Adam's bias correction lives there.
    """

    update: Callable[..., tuple[Any, tuple[Any, ...]]] | None = None
    slots: tuple[str, ...] = ()
    options: Mapping[str, float] = {}
    rate_at: Callable[[float, Array, Mapping[str, float]], Array] | None = None
    scheduled: bool = False  # follows the estimator's `learning_rate` schedule
    trainer: str = "epochs"  # the loop that it needs
    joint: Joint | None = None  # instead of `update` and `slots`
    rate: float | None = None  # its own learning rate, instead of `learning_rate_init`

    @property
    def has_steps(self) -> bool:
        """Whether it works step by step."""
        return self.update is not None or self.joint is not None
