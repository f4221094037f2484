"""A training loop in cycles of the learning rate, each longer than the previous one."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from mlpkit.objectives.schedules import warmup
from mlpkit.plugin import Job, Observer, Progress, Schedule, State
from mlpkit.training import loop
from mlpkit.training.cycle_run import CycleRun, Place

AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")
CONSTRAINTS: dict[str, list[Any]] = {
    "first_cycle": [AT_LEAST_ONE, None],
    "first_steps": [AT_LEAST_ONE],
    "min_epochs": [AT_LEAST_ONE],
    "growth": [Interval(Real, 1, None, closed="left")],
    "max_cycles": [AT_LEAST_ONE],
    "min_gain": [Interval(Real, 0, None, closed="left")],
    "warmup": [Interval(Real, 0, 1, closed="left")],
    "eligible": [Interval(Real, 0, 1, closed="right")],
}


@dataclass(frozen=True)
class Cycles:
    """Train in cycles with a schedule of the learning rate that restarts in each [1]_.

    A cycle starts from the weights at the end of the previous one. Training ends after
    `max_cycles`, or as soon as a cycle improves the validation score by less than `min_gain`. The
    weights of the epoch with the best score are kept; with several models (``n_folds``), each
    model has a best epoch of its own. The estimator's `max_iter` limits the epochs of all cycles
    together; its `tol` and `n_iter_no_change` are ignored. If its `learning_rate` is a schedule,
    it is the schedule of each cycle; otherwise the schedule is a cosine after a linear warm-up. The
    schedules of the weight decay and of dropout also span a cycle.

    Parameters
    ----------
    first_cycle : int or None, default=None
        Number of epochs of the first cycle. None means as many as `first_steps` require, and at
        least `min_epochs`.
    first_steps : int, default=75
        Minimum number of steps of the first cycle, if `first_cycle` is None.
    min_epochs : int, default=3
        Minimum number of epochs of the first cycle, if `first_cycle` is None.
    growth : float, default=2.0
        The length of a cycle relative to the previous one, at least 1.
    max_cycles : int, default=6
        Maximum number of cycles.
    min_gain : float, default=0.01
        The smallest relative improvement of the score in a cycle for which training continues.
    warmup : float, default=0.05
        Fraction of a cycle in which the learning rate rises linearly, in [0, 1). Ignored if the
        estimator's `learning_rate` is a schedule.
    eligible : float, default=0.4
        The last fraction of a cycle, in (0, 1], from which the best epoch is chosen. Before it, the
        learning rate is high and the scores are noisy.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
       ICLR 2017, arXiv:1608.03983.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from mlpkit import Cycles, MLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = MLPClassifier(trainer=Cycles(first_cycle=4, max_cycles=2), early_stopping_on="loss",
    ...                     random_state=0)
    >>> len(clf.fit(X / X.max(axis=0), y).loss_curve_)
    12
    """

    first_cycle: int | None = None
    first_steps: int = 75
    min_epochs: int = 3
    growth: float = 2.0
    max_cycles: int = 6
    min_gain: float = 0.01
    warmup: float = 0.05
    eligible: float = 0.4

    def __post_init__(self) -> None:
        validate_parameter_constraints(CONSTRAINTS, vars(self), "Cycles")

    def lengths(self, n_steps: int, max_epochs: int) -> Iterator[int]:
        """Yield the number of epochs of each cycle.

        Parameters
        ----------
        n_steps : int
            Number of steps of an epoch.
        max_epochs : int
            Maximum number of epochs of all cycles together.

        Yields
        ------
        int
            The number of epochs of a cycle.

        Examples
        --------
        >>> from mlpkit import Cycles
        >>> list(Cycles().lengths(n_steps=100, max_epochs=50))
        [3, 6, 12, 24]
        """
        length = self.first_cycle or max(self.min_epochs, math.ceil(self.first_steps / n_steps))
        left = max_epochs
        for cycle in range(self.max_cycles):
            if length > left and cycle:
                return
            yield min(length, left)
            left -= length
            length = math.ceil(length * self.growth)

    def __call__(
        self, job: Job, state: State, progress: Progress, observer: Observer
    ) -> tuple[State, Progress]:
        """Train as a `Trainer`."""
        if job.passes:  # one call of `partial_fit`, at a constant learning rate
            return loop.train(job, state, progress, observer)
        run = CycleRun(job, state, progress, self._schedule(job), self.eligible, self.min_gain)
        try:
            for place in islice(self._places(run.n_steps, job), run.n_done, None):
                if run.epoch(place, observer):
                    break
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.")
            run.interrupt()
        return run.result()

    def _places(self, n_steps: int, job: Job) -> Iterator[Place]:
        """Yield the place of each epoch in its cycle."""
        lengths = list(self.lengths(n_steps, job.recipe.max_iter))
        for cycle, n_epochs in enumerate(lengths, 1):
            for epoch in range(n_epochs):
                yield Place(epoch, n_epochs, cycle == len(lengths))

    def _schedule(self, job: Job) -> Schedule:
        """The schedule of the learning rate within a cycle."""
        schedule = job.recipe.schedule
        return schedule if callable(schedule) else warmup(self.warmup)


cycles = Cycles()
