"""What early stopping looks at: a metric, its worst group, or a function of the report."""

import ast
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mlpkit.messages import comma_separated, did_you_mean
from mlpkit.plugin import Metric
from mlpkit.reports.report import PartitionReport

KINDS = ("value", "worst", "difference", "ratio")
FORMS = (
    '"recall", "worst(recall, by=\'region\')", "difference(recall, by=\'region\')",'
    " \"ratio(selection_rate, by='region')\", each with split='name' and min_rows=20 if you"
    " like, or a function of the report"
)
MIN_ROWS = 20
LONGEST = 500  # characters of an expression: deep nesting exhausts Python's parser


class Goal(NamedTuple):
    """A number of the report on one split; higher is better.

    ``kind`` is one of `KINDS`, or the user's function of the report, whose result it is.
    """

    kind: str | Callable[[PartitionReport], float]
    metric: str = ""
    by: str | None = None
    split: str = "validation"
    min_rows: int = MIN_ROWS

    @property
    def text(self) -> str:
        """The goal as the user would write it, or the name of the function.

        >>> goal_of("worst(recall, by='region')").text, goal_of("log_loss").text
        ("worst(recall, by='region')", 'log_loss')
        """
        if callable(self.kind):
            return str(getattr(self.kind, "__name__", type(self.kind).__name__))
        options = {"by": self.by, "split": self.split if self.split != "validation" else None}
        inside = [self.metric, *(f"{k}={v!r}" for k, v in options.items() if v is not None)]
        if self.kind == "value" and len(inside) == 1:
            return self.metric
        return f"{self.kind}({', '.join(inside)})"

    def value(self, score: float, metrics: Sequence[Metric]) -> float:
        """The number itself, from the score in which higher is better."""
        negated = self.kind == "difference"
        if self.kind in ("value", "worst"):
            (metric,) = (m for m in metrics if m.name == self.metric)
            negated = not metric.higher_is_better
        return -score if negated else score

    def score(self, report: PartitionReport) -> float:
        """The number; that of a metric where lower is better is negated."""
        if callable(self.kind):
            return float(self.kind(report))
        if self.kind == "ratio":
            return report.ratio(self.metric, self.by)
        if self.kind == "difference":
            return -report.difference(self.metric, self.by)
        whole = self.kind == "value"
        value = report[self.metric] if whole else report.worst(self.metric, self.by).value
        return value if report.higher_is_better(self.metric) else -value

    def check(self, metrics: Sequence[Metric], partitioners: Sequence[str]) -> None:
        """ValueError for a metric without direction, or a partitioner that is not there."""
        if callable(self.kind):
            return
        (metric,) = (m for m in metrics if m.name == self.metric)
        if self.kind in ("value", "worst") and metric.higher_is_better is None:
            raise ValueError(
                f"early_stopping_on: neither high nor low {self.metric!r} is better; possible:"
                f' "difference({self.metric})" and "ratio({self.metric})" between groups.'
            )
        if self.kind != "value" and not partitioners:
            raise ValueError(
                f"early_stopping_on: {self.kind}({self.metric}) needs groups: give partitions=."
            )
        if self.by is not None and self.by not in partitioners:
            raise ValueError(
                f"early_stopping_on: there is no partitioner {self.by!r}; partitions:"
                f" {comma_separated(partitioners)}."
                f" {did_you_mean(self.by, list(partitioners))}".rstrip()
            )


def goal_of(given: Any) -> Goal:
    """A goal from an expression or a function; ValueError with the possible forms.

    >>> goal_of("worst(recall, by='region')")[:3]
    ('worst', 'recall', 'region')
    """
    if callable(given):
        return Goal(given)
    if len(given) > LONGEST:
        raise ValueError(
            f"early_stopping_on has {len(given):,} characters; an expression has at most"
            f" {LONGEST}. For more than one metric give a function of the report."
        )
    try:
        node = ast.parse(given, mode="eval").body
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            kind, what, options = node.func.id, node.args[0], node.keywords
        else:
            kind, what, options = "value", node, []
        more = {str(option.arg): ast.literal_eval(option.value) for option in options}
        metric = what.id if isinstance(what, ast.Name) else ast.literal_eval(what)
        goal = Goal(kind, metric, **more)
        texts = isinstance(metric, str) and isinstance(goal.by, str | None)
        if kind not in KINDS or not texts or not isinstance(goal.split, str):
            raise ValueError(given)
        if type(goal.min_rows) is not int:
            raise ValueError(given)
        return goal
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"early_stopping_on={given!r}; possible: {FORMS}.") from error
