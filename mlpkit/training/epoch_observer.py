"""What happens after every epoch: measuring, and calling the callbacks."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from inspect import isroutine
from typing import Any

from mlpkit.monitoring.protocol import Monitor, set_state
from mlpkit.plugin import Array, Arrays, Callback, Group, Report, State
from mlpkit.training.checks import checked_report, decision, final_weights, initial_learning_rate
from mlpkit.training.descriptions import name_of


class EpochObserver:
    """The observer of a fit: keeps the reports, measures, and calls every callback.

    Parameters
    ----------
    callbacks : list of Callback
    arrays : callable
        ``arrays(state)``: the weights of a state.
    monitor : Monitor
    monitored : callable or None
        ``monitored(score)``: the name of the criterion of early stopping and its value.
    sources : sequence of object
        The callbacks as the user passed them, for messages.
    predictions : callable
        ``predictions(outputs)``: predictions in the form of encoded targets, from the activated
        outputs of the network.
    group : Group
        The processes that train. Only the first one has callbacks.
    """

    def __init__(
        self,
        callbacks: list[Callback],
        arrays: Callable[[State], Arrays],
        monitor: Monitor,
        monitored: Callable[[float], tuple[str, float]] | None,
        sources: Sequence[Any],
        predictions: Callable[[Array], Array],
        group: Group,
    ) -> None:
        self.callbacks = list(zip(callbacks, sources, strict=True))
        self.arrays, self.monitor, self.monitored = arrays, monitor, monitored
        self.predictions, self.group = predictions, group
        self.reports: list[Report] = []
        self.interrupted = False  # by the user, in a callback
        self._returned: tuple[Any, Any] | None = None  # the callback, and what `on_end` returned
        self._saved_states: list[Any] = []

    def description(self) -> dict[str, Any]:
        """The names of the callbacks that may influence training."""
        names = [
            callback_name(source)
            for callback, source in self.callbacks
            if not getattr(callback, "only_observes", False)
        ]
        return {"callbacks": self.group.same(names)}

    def callback_states(self) -> list[Any]:
        """The name of each callback, and its state; None if it has none."""
        states = [
            [callback_name(source), get_state() if get_state is not None else None]
            for callback, source in self.callbacks
            for get_state in [getattr(callback, "get_state", None)]
        ]
        return self.group.same(states)

    def restore(
        self, reports: list[Report], monitor: Mapping[str, Any], callback_states: list[Any]
    ) -> None:
        """Continue after the epochs of these reports, with these states of monitor and callbacks.

        `begin` passes the states to the callbacks.
        """
        self.reports = reports
        set_state(self.monitor, monitor)
        self._saved_states = list(callback_states)

    def begin(self, state: State, learning_rate: float) -> float:
        """Call every `on_begin`, and `set_state` if training continues; return the initial
        learning rate.
        """
        if not self.callbacks:
            return learning_rate
        first = Report(0, float("nan"), None, learning_rate, 0.0)
        last = self.reports[-1] if self.reports else first
        for callback, source in self.callbacks:
            on_begin = getattr(callback, "on_begin", None)
            if on_begin is not None:
                report = last._replace(arrays=partial(self.arrays, state))
                returned = initial_learning_rate(on_begin(report), source)
                learning_rate = returned or learning_rate
            self._set_state(callback, callback_name(source))
        return learning_rate

    def _set_state(self, callback: Callback, name: str) -> None:
        """Pass the first saved state of a callback of this name to the callback."""
        i = next((i for i, saved in enumerate(self._saved_states) if saved[0] == name), None)
        if i is None:
            return
        _, state = self._saved_states.pop(i)
        set_state = getattr(callback, "set_state", None)
        if state is not None and set_state is not None:
            set_state(state)

    def __call__(self, state: State, report: Report) -> bool | float:
        """Measure, and call every callback. Any may stop training; the last learning rate that
        one returns counts.
        """
        arrays = partial(self.arrays, state)
        report = checked_report(report, arrays)
        if report.predictions is not None:
            report = report._replace(predictions=self.predictions(report.predictions))
        metrics = self.monitor.measure(state, report)
        monitored = report.monitored
        if report.score is not None and self.monitored is not None:
            monitored = self.monitored(report.score)
        report = report._replace(predictions=None, checkpoint=None, monitored=monitored)
        self.reports.append(report)  # without the weights of every epoch
        if not self.callbacks:
            return False
        report = report._replace(arrays=arrays, metrics=metrics)
        try:
            return combined([decision(call(report), source) for call, source in self.callbacks])
        except KeyboardInterrupt:  # the epoch is complete
            warnings.warn("Training interrupted by user.")
            self.interrupted = True
            return True

    def add_note(self, note: str) -> None:
        """Set the note of the last report, if it has none."""
        if self.reports and self.reports[-1].note is None:
            self.reports[-1] = self.reports[-1]._replace(note=note)

    def end(self, state: State) -> None:
        """Call every `on_end`, also after one that raises, and keep what the last one returned."""
        self._end(iter(self.callbacks), state)

    def _end(self, callbacks: Iterator[tuple[Any, Any]], state: State) -> None:
        for callback, source in callbacks:
            on_end = getattr(callback, "on_end", None)
            if on_end is None:
                continue
            last = self.reports[-1] if self.reports else Report(0, 0.0, None, 0.0, 0.0)
            try:
                returned = on_end(last._replace(arrays=partial(self.arrays, state)))
            except BaseException:
                self._end(callbacks, state)  # the others
                raise
            if returned is not None:
                self._returned = source, returned

    def final_weights(self, state: State) -> Arrays | None:
        """The weights that an `on_end` returned to replace those of the state, if any."""
        if self._returned is None:
            return None
        source, returned = self._returned
        return final_weights(returned, self.arrays(state), source)


def callback_name(source: Any) -> str:
    """The name of a callback that the user passed: itself, or that of the function or class."""
    if isinstance(source, str):
        return source
    return name_of(source if isroutine(source) else type(source))


def combined(answers: Iterable[bool | float]) -> bool | float:
    """True if any stops, else the last learning rate, else False.

    >>> combined([False, 0.1, False]), combined([0.1, True]), combined([])
    (0.1, True, False)
    """
    answers = list(answers)
    if any(answer is True for answer in answers):
        return True
    return next((a for a in reversed(answers) if a is not False), False)
