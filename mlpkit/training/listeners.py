"""Who watches a training run: the monitor and the callbacks, after every epoch."""

import warnings
from collections.abc import Callable, Iterable
from functools import partial

from mlpkit.plugin import Arrays, Callback, Reading, Report, State

Measure = Callable[[State, Report], Callable[[], Iterable[Reading]]]
Monitored = Callable[[float], tuple[str, float] | None]  # what a score means, as in `Report`


class Listeners:
    """Keeps every report, measures, and asks every callback.

    ``arrays`` gives the weights of a state, ``measure`` what the metrics are after an epoch.
    """

    def __init__(
        self,
        callbacks: list[Callback],
        arrays: Callable[[State], Arrays],
        measure: Measure | None = None,
        monitored: Monitored | None = None,
    ) -> None:
        self.callbacks, self.arrays, self.measure = callbacks, arrays, measure
        self.monitored = monitored
        self.reports: list[Report] = []

    def begin(self, state: State, rate: float) -> float:
        """Tell those who want to know that training begins; returns the rate to begin with."""
        report = Report(0, float("nan"), None, rate, 0.0, arrays=partial(self.arrays, state))
        for callback in self.callbacks:
            begin = getattr(callback, "on_begin", None)
            answer = begin(report) if begin is not None else None
            if isinstance(answer, float):
                rate = answer
        return rate

    def __call__(self, state: State, report: Report) -> bool | float:
        """Each is asked; any may stop, and the last that gives a rate sets it."""
        readings = tuple if self.measure is None else self.measure(state, report)
        report = report._replace(predictions=None)
        if self.monitored is not None and report.score is not None:
            report = report._replace(monitored=self.monitored(report.score))
        self.reports.append(report)  # weights of every epoch are not kept
        report = report._replace(arrays=partial(self.arrays, state), metrics=readings)
        try:
            return combined([callback(report) for callback in self.callbacks])
        except KeyboardInterrupt:  # the epoch is whole
            warnings.warn("Training interrupted by user.")
            return True

    def end(self, state: State) -> Arrays | None:
        """Tell those who want to know; the last that returns weights has its way."""
        found = None
        for callback in self.callbacks:
            end = getattr(callback, "on_end", None)
            if end is not None:
                last = self.reports[-1] if self.reports else Report(0, 0.0, None, 0.0, 0.0)
                found = end(last._replace(arrays=partial(self.arrays, state))) or found
        return found


def combined(answers: Iterable[bool | float | None]) -> bool | float:
    """True if one says so, else the last rate, else False.

    >>> combined([None, 0.1, False]), combined([0.1, True]), combined([])
    (0.1, True, False)
    """
    answers = list(answers)
    if any(a for a in answers if not isinstance(a, float)):
        return True
    return next((a for a in reversed(answers) if isinstance(a, float)), False)
