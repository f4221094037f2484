"""Criteria of early stopping: a metric, a comparison of groups, or a function of a report."""

import ast
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mlpkit.messages import comma_separated, did_you_mean
from mlpkit.plugin import Metric
from mlpkit.reports.report import PartitionReport

COMPARISONS = ("value", "worst", "difference", "ratio")
FORMS = (
    '"recall", "worst(recall, by=\'region\')", "difference(recall, by=\'region\')",'
    " \"ratio(selection_rate, by='region')\", each with optional split='name' and"
    " min_rows=20, or a function of the report"
)
MIN_ROWS = 20
LONGEST = 500  # characters of an expression: deep nesting exhausts Python's parser


class Criterion(NamedTuple):
    """A number that is computed from the report of one set of rows.

    ``kind`` is one of `COMPARISONS`, or a function that computes the number from the report.
    """

    kind: str | Callable[[PartitionReport], float]
    metric: str = ""
    by: str | None = None
    split: str = "validation"
    min_rows: int = MIN_ROWS

    @property
    def text(self) -> str:
        """The criterion as an expression, or the name of the function.

        >>> criterion_of("worst(recall, by='region')").text, criterion_of("log_loss").text
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
        """The number for a score, in which higher is better."""
        negated = self.kind == "difference"
        if self.kind in ("value", "worst"):
            (metric,) = (m for m in metrics if m.name == self.metric)
            negated = not metric.higher_is_better
        return -score if negated else score

    def score(self, report: PartitionReport) -> float:
        """The score; the value of a metric is negated if lower is better."""
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
        """Raise ValueError for a metric without direction or an unknown partitioner."""
        if callable(self.kind):
            return
        (metric,) = (m for m in metrics if m.name == self.metric)
        if self.kind in ("value", "worst") and metric.higher_is_better is None:
            raise ValueError(
                f"early_stopping_on: neither high nor low values of {self.metric!r} are better."
                f' Use "difference({self.metric})" or "ratio({self.metric})" between groups.'
            )
        if self.kind != "value" and not partitioners:
            raise ValueError(
                f"early_stopping_on: {self.kind}({self.metric}) requires groups: set partitions=."
            )
        if self.by is not None and self.by not in partitioners:
            raise ValueError(
                f"early_stopping_on: unknown partitioner {self.by!r}. The partitioners are:"
                f" {comma_separated(partitioners)}."
                f" {did_you_mean(self.by, list(partitioners))}".rstrip()
            )


def criterion_of(value: Any) -> Criterion:
    """The criterion of an expression or a function.

    Raises ValueError, with the accepted forms, for any other value.

    >>> criterion_of("worst(recall, by='region')")[:3]
    ('worst', 'recall', 'region')
    """
    if callable(value):
        return Criterion(value)
    if len(value) > LONGEST:
        raise ValueError(
            f"early_stopping_on has {len(value):,} characters; an expression has at most"
            f" {LONGEST}. To combine metrics, pass a function of the report."
        )
    try:
        node = ast.parse(value, mode="eval").body
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            kind, what, options = node.func.id, node.args[0], node.keywords
        else:
            kind, what, options = "value", node, []
        more = {str(option.arg): ast.literal_eval(option.value) for option in options}
        metric = what.id if isinstance(what, ast.Name) else ast.literal_eval(what)
        criterion = Criterion(kind, metric, **more)
        texts = isinstance(metric, str) and isinstance(criterion.by, str | None)
        if kind not in COMPARISONS or not texts or not isinstance(criterion.split, str):
            raise ValueError(value)
        if type(criterion.min_rows) is not int:
            raise ValueError(value)
        return criterion
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"early_stopping_on must be one of {FORMS}; got {value!r}.") from error
