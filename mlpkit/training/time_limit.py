"""The time limit of a fit, and epochs in parts so that it holds."""

import time
import warnings
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit.distributed.groups import SOLO
from mlpkit.plugin import (
    Array,
    Batches,
    Deadline,
    Group,
    Job,
    Observer,
    Report,
    State,
    StepSums,
)

now = time.perf_counter
PART_ROWS = 4096  # rows in the first part of an epoch, as in blocks of compiled steps
SHORT = 0.05  # seconds; the part after a shorter one has twice as many steps
MARGIN = 1.25  # factor for a part or an epoch that takes longer than the one before it

Score: TypeAlias = Callable[[State], float | Array]  # as in `Job.score`


class TimeLimit:
    """Ends training so that a fit does not take longer than a number of seconds.

    It measures the duration of the epochs, with their scores, metrics and callbacks.

    Parameters
    ----------
    seconds : float or None
        The limit, which begins now; None means no limit.

    Attributes
    ----------
    group : Group
        The processes that train; the first one decides.
    reached : bool
        Whether training ended because of the limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds, self.began = seconds, now()
        self.group: Group = SOLO
        self.reached = False
        self.is_asked = False  # the trainer itself ends in time
        self.scoring = self.observing = 0.0  # seconds of the last epoch
        self._last = self.began  # the end of the last epoch
        self._n_epochs = 0

    @property
    def deadline(self) -> Deadline | None:
        """The deadline of a job; None without a limit."""
        return None if self.seconds is None else Deadline(self.left, self.reach, self.group.same)

    def left(self) -> float:
        """Seconds that remain for steps, without those for what follows them."""
        self.is_asked = True
        # predictions of the rows that were held out, after training, take as long as a score
        return float(self.group.same(self._left() - 2 * self.scoring - self.observing))

    def _left(self) -> float:
        assert self.seconds is not None
        return self.began + self.seconds - now()

    def reach(self) -> None:
        """Note that training ends because of the limit."""
        self.reached = True

    def timed(self, score: Score | None, state: State) -> Score | None:
        """The score, whose duration is measured, at first for the initial state."""
        if self.seconds is None or score is None:
            return score

        def timed(state: State) -> float | Array:
            began = now()
            value = score(state)
            self.scoring = now() - began
            return value

        timed(state)
        return timed

    def observed(self, observe: Observer) -> Observer:
        """The observer, which ends training if the next epoch would not end in time."""
        if self.seconds is None:
            return observe
        self._last = now()

        def observed(state: State, report: Report) -> bool | float:
            began = now()
            self._n_epochs += 1
            is_over = self.group.same(self._is_over(began - self._last))
            ends = is_over and not (report.is_last or self.reached)
            if ends:
                report = report._replace(note=f"{report.note or ''} {self.note}".strip())
            answer = observe(state, report)
            self._last = now()
            self.observing = self._last - began
            if ends and answer is not True:
                self.reached = True
                return True
            return answer

        return observed

    def _is_over(self, seconds: float) -> bool:
        """Whether another epoch would not end in time, if its steps and score take ``seconds``."""
        if self._n_epochs == 1 and self.is_asked:  # the first epoch may include a compilation
            return False
        return self._left() < MARGIN * (seconds + 2 * self.observing + self.scoring)

    @property
    def note(self) -> str:
        """The note of the last epoch."""
        return f"The time limit of {self.seconds:g} s does not allow another epoch. Stopping."

    def warn(self, n_epochs: int, has_score: bool, saved: str) -> None:
        """Warn that training ended after ``n_epochs`` epochs because of the limit.

        ``saved`` is a sentence about how training can be continued, after a space, or "".
        """
        kept = "the best epoch so far" if has_score else "the last step"
        warnings.warn(
            f"Training stopped after {n_epochs} epoch{'' if n_epochs == 1 else 's'}, since the time"
            f" limit of {self.seconds:g} s was reached. The weights of {kept} are kept.{saved}",
            ConvergenceWarning,
        )


class Pace:
    """Runs the steps of epochs, in parts if there is a deadline, so that training ends in time.

    Parameters
    ----------
    deadline : Deadline or None
    """

    def __init__(self, deadline: Deadline | None) -> None:
        self.deadline = deadline
        self.part = 0  # number of steps
        self.seconds = 0.0  # of a step in the last part

    def epoch(
        self, job: Job, state: State, batches: Batches, may_skip: bool
    ) -> tuple[State, StepSums | None]:
        """Run the steps that end in time: all, some or none. The sums are None if there are none.

        The first part is always run unless ``may_skip``.
        """
        if self.deadline is None:
            return job.steps.epoch(state, job.rows, batches)
        sums_of_parts: list[StepSums] = []
        for part in self._parts(batches):
            n_steps = len(part.order)
            is_free = not (sums_of_parts or may_skip)
            if not is_free and self.deadline.left() < MARGIN * n_steps * self.seconds:
                self.deadline.reach()
                break
            began = now()
            state, sums = job.steps.epoch(state, job.rows, part)
            seconds = self.deadline.same(now() - began)
            self.seconds = seconds / n_steps
            if seconds < SHORT:
                self.part *= 2
            sums_of_parts.append(sums)
        return state, joined(sums_of_parts) if sums_of_parts else None

    def _parts(self, batches: Batches) -> Iterator[Batches]:
        """Yield the steps in parts, whose size may change in between."""
        n_steps, batch_size = batches.order.shape
        self.part = self.part or 1 << max(0, (PART_ROWS // batch_size).bit_length() - 1)
        begin = 0
        while begin < n_steps:
            end = begin + self.part
            yield some_steps(batches, slice(begin, end))
            begin = end


def some_steps(batches: Batches, steps: slice) -> Batches:
    """A part of the steps."""
    decays, factors = batches.weight_decays, batches.dropout_factors
    return batches._replace(
        order=batches.order[steps],
        learning_rates=batches.learning_rates[steps],
        seeds=batches.seeds[steps],
        weight_decays=None if decays is None else decays[steps],
        dropout_factors=None if factors is None else factors[steps],
    )


def joined(parts: list[StepSums]) -> StepSums:
    """The sums of all steps of several parts."""
    if len(parts) == 1:
        return parts[0]
    columns = zip(*parts, strict=True)
    return StepSums(*(None if c[0] is None else np.concatenate(c) for c in columns))
