"""The score of early stopping: a criterion of the metrics of one set of rows."""

import math
from collections.abc import Callable, Collection

from mlpkit.messages import comma_separated
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.monitoring.criteria import Criterion
from mlpkit.monitoring.plan import MetricPlan
from mlpkit.plugin import State
from mlpkit.reports.report import NoEligibleGroup, PartitionReport


class CriterionScorer:
    """Scores the states of a fit by the criterion of a plan.

    Parameters
    ----------
    plan : MetricPlan
    criterion : Criterion
        That of the plan.
    measured : callable
        ``measured(state, split)``: the metrics of a set of rows.
    undefined : callable
        ``undefined(reason)`` is called if the criterion is undefined.
    """

    def __init__(
        self,
        plan: MetricPlan,
        criterion: Criterion,
        measured: Callable[[State, str], Accumulator],
        undefined: Callable[[str], None],
    ) -> None:
        self.plan, self.criterion = plan, criterion
        self.measured, self.undefined = measured, undefined

    @property
    def split(self) -> str:
        """The set of rows that the criterion is computed on."""
        return self.criterion.split

    def check(self, state: State, splits: Collection[str]) -> None:
        """Compute the criterion once; raise ValueError if that is impossible.

        ``splits`` are the names of the sets of rows.
        """
        criterion = self.criterion
        if criterion.split not in splits:
            raise ValueError(
                f"early_stopping_on: unknown set of rows {criterion.split!r}. The sets are:"
                f" {comma_separated(splits)}."
            )
        try:
            criterion.score(self._report(state))
        except NoEligibleGroup as error:
            report = self._report(state)
            is_function = callable(criterion.kind)
            entries = report if is_function else report.select(criterion.metric, criterion.by)
            if not any(e.n_rows >= criterion.min_rows for e in entries):
                raise ValueError(f"early_stopping_on: {error}") from error
        except Exception as error:
            raise ValueError(f"early_stopping_on: {type(error).__name__}: {error}") from error

    def score(self, state: State) -> float:
        """The score of a state; minus infinity if the criterion is undefined."""
        try:
            score = self.criterion.score(self._report(state))
        except Exception as error:
            self.undefined(f"early_stopping_on is undefined: {error}")
            return -math.inf
        return score if math.isfinite(score) else -math.inf

    def monitored(self, score: float) -> tuple[str, float]:
        """The criterion as text and its value; NaN if it is undefined."""
        defined = score if math.isfinite(score) else math.nan
        return self.criterion.text, self.criterion.value(defined, self.plan.metrics)

    def _report(self, state: State) -> PartitionReport:
        return self.plan.report(self.measured(state, self.criterion.split))
