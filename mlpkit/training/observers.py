"""Who watches a training run: the monitor and the callbacks, after every epoch."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from mlpkit.plugin import Arrays, Callback, MetricValue, Report, State
from mlpkit.training.checks import decision, final_weights, first_rate, reported

Measure = Callable[[State, Report], Callable[[], Iterable[MetricValue]]]
Monitored = Callable[[float], tuple[str, float] | None]  # what a score means, as in `Report`


class Listeners:
    """Keeps every report, measures, and calls every callback.

    ``arrays`` gives the weights of a state, ``measure`` what the metrics are after an epoch;
    ``given`` are the callbacks as the user gave them, for messages.
    """

    def __init__(
        self,
        callbacks: list[Callback],
        arrays: Callable[[State], Arrays],
        measure: Measure | None = None,
        monitored: Monitored | None = None,
        given: Sequence[Any] | None = None,
    ) -> None:
        self.callbacks, self.arrays, self.measure = callbacks, arrays, measure
        self.monitored = monitored
        self.given = list(callbacks if given is None else given)
        self.reports: list[Report] = []
        self._returned: tuple[Any, Any] | None = None  # of which `on_end`, what

    def begin(self, state: State, learning_rate: float) -> float:
        """Call every `on_begin`; return the learning rate to begin with."""
        report = Report(
            0, float("nan"), None, learning_rate, 0.0, arrays=partial(self.arrays, state)
        )
        for callback, given in zip(self.callbacks, self.given, strict=True):
            begin = getattr(callback, "on_begin", None)
            if begin is not None:
                learning_rate = first_rate(begin(report), given) or learning_rate
        return learning_rate

    def __call__(self, state: State, report: Report) -> bool | float:
        """Call every callback; any may stop, and the last that returns a rate sets it."""
        report = reported(report, partial(self.arrays, state))
        readings = tuple if self.measure is None else self.measure(state, report)
        report = report._replace(predictions=None)
        if self.monitored is not None and report.score is not None:
            report = report._replace(monitored=self.monitored(report.score))
        self.reports.append(report)  # weights of every epoch are not kept
        report = report._replace(arrays=partial(self.arrays, state), metrics=readings)
        try:
            return combined(
                [
                    decision(callback(report), given)
                    for callback, given in zip(self.callbacks, self.given, strict=True)
                ]
            )
        except KeyboardInterrupt:  # the epoch is whole
            warnings.warn("Training interrupted by user.")
            return True

    def end(self, state: State) -> None:
        """Call every `on_end`, and keep what the last of them returned."""
        for callback, given in zip(self.callbacks, self.given, strict=True):
            end = getattr(callback, "on_end", None)
            if end is not None:
                last = self.reports[-1] if self.reports else Report(0, 0.0, None, 0.0, 0.0)
                returned = end(last._replace(arrays=partial(self.arrays, state)))
                if returned is not None:
                    self._returned = given, returned

    def chosen(self, state: State) -> Arrays | None:
        """The weights that the last `on_end` returned to replace those of the state, if any."""
        if self._returned is None:
            return None
        given, returned = self._returned
        return final_weights(returned, self.arrays(state), given)


def combined(answers: Iterable[bool | float]) -> bool | float:
    """True if one stops, else the last rate, else False.

    >>> combined([False, 0.1, False]), combined([0.1, True]), combined([])
    (0.1, True, False)
    """
    answers = list(answers)
    if any(answer is True for answer in answers):
        return True
    return next((a for a in reversed(answers) if a is not False), False)
