"""Pruning of trials by Optuna."""

import math
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Self

from mlpkit.plugin import Metric, MetricValue, Recipe, Report, Spec
from mlpkit_loggers.fit_callback import FitCallback
from mlpkit_loggers.libraries import imported


@dataclass
class OptunaPruning(FitCallback):
    """Callback that reports a value of each epoch to a trial, and stops the fit if it is pruned.

    A fit that is pruned raises `optuna.TrialPruned`, which Optuna expects, and leaves the estimator
    unchanged. Several fits of one trial, as in a cross-validation, report to different steps: the
    steps of a fit begin at a multiple of `max_iter`, so that a step means the same in each trial.

    Parameters
    ----------
    trial : optuna.Trial
        The trial, which is passed to the objective function.
    metric : str or None, default=None
        Name of the metric that is reported. None means what early stopping uses, the value of
        `early_stopping_on` or the validation score, and without early stopping the training loss.
    split : str, default="validation"
        The rows on which the metric is measured: "train", "validation" or the name of an evaluation
        set.
    by : str or None, default=None
        Name of the partitioner of the group. None means all rows.
    group : str or None, default=None
        Name of the group of which the metric is reported.

    Notes
    -----
    A pruner compares values in the direction of the study. If lower is better and the study
    maximizes, or the other way around, the value is reported with the opposite sign. Undefined
    metrics, which are NaN, are not reported.

    Examples
    --------
    >>> from optuna.trial import FixedTrial
    >>> OptunaPruning(FixedTrial({}), "recall", by="sex", group="female").split
    'validation'
    """

    trial: Any = None
    metric: str | None = None
    split: str = "validation"
    by: str | None = None
    group: str | None = None

    _max_iter: int = field(default=1, init=False, repr=False, compare=False)
    _metrics: tuple[Metric, ...] = field(default=(), init=False, repr=False, compare=False)
    _first: int | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not callable(getattr(self.trial, "should_prune", None)):
            raise ValueError(
                f"callbacks: OptunaPruning requires a trial of Optuna, got {self.trial!r}. Write"
                " callbacks=OptunaPruning(trial) in the objective function."
            )
        if (self.by is None) != (self.group is None) or (self.by and self.metric is None):
            raise ValueError(
                f"OptunaPruning requires metric, by and group for the metric of a group, got"
                f" metric={self.metric!r}, by={self.by!r} and group={self.group!r}."
            )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy with the same trial, since `sklearn.base.clone` copies parameters."""
        return copy(self)

    def _prepare(self, spec: Spec, recipe: Recipe, metrics: tuple[Metric, ...]) -> None:
        self._max_iter, self._metrics = recipe.max_iter, metrics

    def __call__(self, report: Report) -> None:
        """Report the value of an epoch; raise `optuna.TrialPruned` if the trial is pruned."""
        optuna = imported("optuna", "optuna", type(self).__name__)
        if self._first is None:
            self._first = self._first_step()
        value = self._value(report)
        if not math.isnan(value):
            self.trial.report(value, self._first + report.epoch - 1)
            if self.trial.should_prune():
                raise optuna.TrialPruned(f"The trial was pruned after epoch {report.epoch}.")

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed fit needs to report to the same steps.

        Returns
        -------
        state : dict
            The number of the trial, and the first step of the fit.
        """
        return {"trial": self.trial.number, "first": self._first}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Report to the steps of an interrupted fit, if it belongs to the same trial.

        Parameters
        ----------
        state : dict
            What `get_state` returned.
        """
        if state["trial"] == self.trial.number:
            self._first = state["first"]

    def _first_step(self) -> int:
        """The first step of this fit: after all fits before, and a multiple of `max_iter`."""
        study = getattr(self.trial, "study", None)
        if study is None:  # a trial without a study, such as a FixedTrial
            return 0
        frozen = next(t for t in study.get_trials(deepcopy=False) if t.number == self.trial.number)
        n_steps = 1 + max(frozen.intermediate_values, default=-1)
        return -(-n_steps // self._max_iter) * self._max_iter

    def _value(self, report: Report) -> float:
        """The value of an epoch, in the direction of the study."""
        if self.metric is not None:
            value, higher_is_better = self._metric_value(report)
        elif report.score is not None:
            value, higher_is_better = report.score, True
        else:
            value, higher_is_better = report.loss, False
        study = getattr(self.trial, "study", None)
        if study is None:
            return value
        maximizes = study.direction.name == "MAXIMIZE"
        return value if maximizes == higher_is_better else -value

    def _metric_value(self, report: Report) -> tuple[float, bool]:
        """The value of the metric, and whether higher is better."""
        by, group = (self.by, self.group) if self.by is not None else ("all", None)
        records = [
            value
            for value in report.metrics()
            if (value.metric, value.split, value.partitioner) == (self.metric, self.split, by)
            and group in (None, value.partition)
        ]
        if not records:
            raise ValueError(self._not_measured(report.metrics()))
        (higher_is_better,) = {m.higher_is_better for m in self._metrics if m.name == self.metric}
        if higher_is_better is None:
            raise ValueError(
                f"OptunaPruning: neither high nor low values of {self.metric!r} are better."
                " Choose another metric."
            )
        return records[0].value, higher_is_better

    def _not_measured(self, values: Iterable[MetricValue]) -> str:
        measured = {
            f"{v.metric!r} on {v.split!r}"
            + ("" if v.partitioner == "all" else f" by {v.partitioner!r} of {v.partition!r}")
            for v in values
        }
        group = "" if self.by is None else f" by {self.by!r} of {self.group!r}"
        return (
            f"OptunaPruning: {self.metric!r} on {self.split!r}{group} is not measured. The fit"
            f" measures {', '.join(sorted(measured)) or 'no metrics'}. Set metrics= and partitions="
            " of the estimator, and pass X_val and y_val to fit."
        )
