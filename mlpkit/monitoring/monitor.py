"""Measures every epoch: the training rows as they were met, and the rows beside them."""

import math
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from mlpkit.messages import comma_separated, escaped
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.grouping import Grouping
from mlpkit.monitoring.history import MetricHistory, Record
from mlpkit.monitoring.plan import Plan, Rows, record
from mlpkit.plugin import Array, MetricValue, Report, State
from mlpkit.reports.report import NoEligibleGroup

Predict = Callable[[State, Any], Array]  # activated outputs (n, n_outputs) of X


class Asked(NamedTuple):
    """What a fit is asked to measure, and after how many epochs of earlier calls."""

    plan: Plan
    train: Rows
    sets: tuple[Rows, ...]
    running: bool  # training rows as their steps met them, instead of a pass behind each epoch
    epochs: int = 0

    def monitor(self, predict: Predict) -> "Monitor":
        """Who measures it."""
        return Monitor(self, predict)

    def split(self, kept: Array, held: Array) -> "Asked":
        """With some training rows held out for validation."""
        validation = self.train.part("validation", held)
        return self._replace(train=self.train.part("train", kept), sets=(validation, *self.sets))


class Monitor:
    """The metrics of one fit.

    Nothing that a metric does ends the training: what raises or is undefined is NaN, and
    `tell` says so once, behind the fit.
    """

    def __init__(self, asked: Asked, predict: Predict) -> None:
        self.plan, self.train, self.epochs = asked.plan, asked.train, asked.epochs
        self.sets = {rows.split: rows for rows in asked.sets}
        self.running, self.predict = asked.running, predict
        self.records: list[Record] = []
        self.complaints: list[str] = []
        self._groupings: dict[str, Grouping] = {}
        self._last: tuple[State, dict[str, Accumulator]] = (None, {})

    @property
    def with_predictions(self) -> bool:
        """Whether it makes use of what steps predict; they may leave out rows of weight 0."""
        return self.running and (self.train.w is None or bool((self.train.w > 0).all()))

    def begin(self, state: State) -> None:
        """Try what early stopping looks at: ValueError if it can't be had."""
        goal = self.plan.goal
        if goal is None:
            return
        known = ["train", *self.sets]
        if goal.split not in known:
            raise ValueError(
                f"early_stopping_on: there is no split {goal.split!r}; there are:"
                f" {comma_separated(known)}."
            )
        try:
            goal.score(self.plan.report(self._of(state, goal.split)))
        except NoEligibleGroup as error:
            report = self.plan.report(self._of(state, goal.split))
            groups = report if callable(goal.kind) else report.select(goal.metric, goal.by)
            if not any(e.n_rows >= goal.min_rows for e in groups):
                raise ValueError(f"early_stopping_on: {error}") from error
        except Exception as error:
            raise ValueError(f"early_stopping_on: {type(error).__name__}: {error}") from error

    def score(self, state: State) -> float:
        """What early stopping looks at; minus infinity where it is undefined."""
        goal = self.plan.goal
        assert goal is not None
        try:
            score = goal.score(self.plan.report(self._of(state, goal.split)))
        except Exception as error:
            self._complain(f"early_stopping_on has no value: {error}")
            return -math.inf
        return score if math.isfinite(score) else -math.inf

    def monitored(self, score: float) -> tuple[str, float] | None:
        """What early stopping looks at, by its name, and its value; NaN where undefined."""
        goal = self.plan.goal
        if goal is None:
            return None
        defined = score if math.isfinite(score) else math.nan
        return goal.text, goal.value(defined, self.plan.metrics)

    def measure(self, state: State, report: Report) -> Callable[[], Iterable[MetricValue]]:
        """Measure the state after an epoch; what comes back makes its part of the history."""
        found = {}
        if report.predictions is not None:
            found["train"] = self._seen(self.train, report.predictions)
        else:
            found["train"] = self._of(state, "train")
        found |= {split: self._of(state, split) for split in self.sets}
        epoch = self.epochs + report.epoch
        made = tuple(record(epoch, split, seen) for split, seen in found.items())
        self._look_through(made, found)
        self.records += made
        return partial(MetricHistory, made)

    def _of(self, state: State, split: str) -> Accumulator:
        """The metrics of a split at a state; those of the last state are kept."""
        if self._last[0] is not state:
            self._last = (state, {})
        seen = self._last[1]
        if split not in seen:
            rows = self.train if split == "train" else self.sets[split]
            seen[split] = self._seen(rows, self.predict(state, rows.X))
        return seen[split]

    def _seen(self, rows: Rows, p: Array) -> Accumulator:
        scored = self.plan.scored(rows.y, p)
        if rows.split not in self._groupings:  # made once for all epochs
            self._groupings[rows.split] = Grouping(rows.groups, len(rows.y), rows.w)
        return self.plan.seen(scored, self._groupings[rows.split])

    def _look_through(self, made: tuple[Record, ...], found: dict[str, Accumulator]) -> None:
        """Note the first value that is undefined although its group has rows."""
        if self.complaints:
            return
        for each in made:
            undefined = np.argwhere(np.isnan(each.values) & (each.n_rows > 0))
            if len(undefined):
                m, at = undefined[0]
                why = found[each.split].errors.get(each.metrics[m], "")
                part, group = each.labels[at]
                self._complain(
                    f"{escaped(each.metrics[m])} is undefined for {escaped(part)} {group!r} of the"
                    f" {escaped(each.split)} rows in epoch {each.epoch}"
                    f"{f' ({escaped(why)})' if why else ''}"
                )

    def _complain(self, text: str) -> None:
        if not self.complaints:
            self.complaints.append(text)

    def tell(self) -> None:
        """One warning for all that was undefined."""
        for text in self.complaints:
            warnings.warn(f"{text}: NaN, which decides nothing.", UndefinedMetricWarning)

    def history(self, epochs: int) -> MetricHistory:
        """The values of the first epochs of the fit; of an interrupted one there may be more."""
        last = self.epochs + epochs
        return MetricHistory(record for record in self.records if record.epoch <= last)
