"""Measures the training rows and the evaluation sets after every epoch of a fit."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from mlpkit.messages import escaped
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.grouping import Grouping
from mlpkit.monitoring.history import MetricHistory, Record
from mlpkit.monitoring.history_state import history_of, history_state
from mlpkit.monitoring.plan import MetricPlan, record
from mlpkit.monitoring.protocol import Predict, PredictSet
from mlpkit.monitoring.scorer import CriterionScorer
from mlpkit.plugin import Array, Dataset, Groups, Metric, MetricValue, Report, State


class EpochMonitor:
    """The metrics of one fit.

    No metric ends training: a value that is undefined, or whose metric raises, is NaN, and
    `warn` warns of the first one after training.

    Parameters
    ----------
    plan : MetricPlan
    sets : dict of Dataset
        The training rows as "train", and all evaluation sets, encoded and with their groups.
    running : bool
        Whether training rows are measured by the predictions of the forward pass, instead of
        predictions after each epoch.
    n_earlier : int
        Number of epochs before the fit.
    """

    stream = None

    def __init__(
        self, plan: MetricPlan, sets: dict[str, Dataset], running: bool, n_earlier: int
    ) -> None:
        self.plan, self.sets, self.running, self.n_earlier = plan, sets, running, n_earlier
        self.records: list[Record] = []
        self.problems: list[str] = []  # descriptions of undefined values
        self._groupings: dict[str, Grouping] = {}
        self._last: tuple[State, dict[str, Accumulator]] = (None, {})
        self._predict_validation: PredictSet | None = None
        self.scorer: CriterionScorer | None = None
        if plan.criterion is not None:
            self.scorer = CriterionScorer(plan, plan.criterion, self._measured, self._add_problem)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the plan."""
        return self.plan.metrics

    @property
    def resumable(self) -> Self:
        """The monitor itself: a checkpoint saves its records."""
        return self

    @property
    def with_predictions(self) -> bool:
        """Whether it uses predictions of the forward pass, which may omit rows of weight 0."""
        w = self.sets["train"].sample_weight
        return self.running and (w is None or bool((w > 0).all()))

    def hold_out(self, kept: Array, held: Array) -> None:
        """Use some training rows for validation."""
        train = self.sets["train"]
        others = {name: rows for name, rows in self.sets.items() if name != "train"}
        self.sets = {"train": train.take(kept), "validation": train.take(held), **others}

    def predict_validation(self, predict: PredictSet) -> None:
        """Use this function for the predictions of the validation rows."""
        self._predict_validation = predict

    def begin(self, predict: Predict, state: State) -> None:
        """Check the criterion with the state before training; raise ValueError if it fails."""
        self.predict = predict
        if self.scorer is not None:
            self.scorer.check(state, self.sets)

    def measure(self, state: State, report: Report) -> Callable[[], Iterable[MetricValue]]:
        """Measure the state after an epoch; the result returns its part of the history."""
        measured, predictions = {}, report.predictions
        others = [split for split in self.sets if split != "train" or predictions is None]
        if predictions is not None and len(predictions):  # else the epoch is incomplete
            measured["train"] = self._accumulated("train", predictions)
        measured |= {split: self._measured(state, split) for split in others}
        epoch = self.n_earlier + report.epoch
        records = tuple(record(epoch, split, of) for split, of in measured.items())
        self._check_defined(records, measured)
        self.records += records
        return partial(MetricHistory, records)

    def _measured(self, state: State, split: str) -> Accumulator:
        """The metrics of a set of rows for a state; those of the last state are kept."""
        if self._last[0] is not state:
            self._last = (state, {})
        measured = self._last[1]
        if split not in measured:
            measured[split] = self._accumulated(split, self._predictions(state, split))
        return measured[split]

    def _predictions(self, state: State, split: str) -> Array:
        if split == "validation" and self._predict_validation is not None:
            return self._predict_validation(state)
        return self.predict(state, self.sets[split].X)

    def _accumulated(self, split: str, outputs: Array) -> Accumulator:
        rows = self.sets[split]
        if split not in self._groupings:  # the same for all epochs
            self._groupings[split] = Grouping(rows.groups, len(rows.y), rows.sample_weight)
        predictions = self.plan.predictions(rows.y, outputs)
        return self.plan.accumulated(predictions, self._groupings[split])

    def _check_defined(self, records: tuple[Record, ...], measured: dict[str, Accumulator]) -> None:
        """Describe the first value that is undefined although its group has rows."""
        if self.problems:
            return
        for values in records:
            undefined = np.argwhere(np.isnan(values.values) & (values.n_rows > 0))
            if len(undefined):
                metric, group = undefined[0]
                name = values.metrics[metric]
                reason = measured[values.split].errors.get(name, "")
                partitioner, label = values.labels[group]
                self._add_problem(
                    f"{escaped(name)} is undefined for {escaped(partitioner)} {label!r} of the"
                    f" {escaped(values.split)} rows in epoch {values.epoch}"
                    f"{f' ({escaped(reason)})' if reason else ''}"
                )

    def _add_problem(self, text: str) -> None:
        if not self.problems:
            self.problems.append(text)

    @property
    def groups(self) -> dict[str, Mapping[str, Groups]]:
        """The groups of the rows of each set, by partitioner."""
        return {name: rows.groups for name, rows in self.sets.items()}

    def get_state(self) -> dict[str, Any]:
        """The records and the problems so far."""
        return {"history": history_state(MetricHistory(self.records)), "problems": self.problems}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue after the epochs of this state."""
        self.records = list(history_of(state["history"]).records)
        self.problems = list(state["problems"])

    def warn(self) -> None:
        """Warn of the first undefined value."""
        for text in self.problems:
            warnings.warn(
                f"{text}. Undefined values are NaN and are ignored by early stopping.",
                UndefinedMetricWarning,
            )

    def history(self, n_epochs: int) -> MetricHistory:
        """The values of the first epochs; after an interruption there may be more."""
        last = self.n_earlier + n_epochs
        return MetricHistory(record for record in self.records if record.epoch <= last)
