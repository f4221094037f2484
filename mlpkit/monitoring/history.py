"""The metrics of every epoch, as a table."""

import html
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mlpkit.messages import comma_separated
from mlpkit.plugin import Array, MetricValue
from mlpkit.reports.tables import Table


class Record(NamedTuple):
    """The metrics of one split in one epoch.

    Parameters
    ----------
    epoch : int
        Number of the epoch.
    split : str
        Name of the split, such as "train" or "validation".
    metrics : tuple of str
        Names of the metrics.
    higher_is_better : tuple of bool or None
        Whether higher values of each metric are better; None if neither direction is.
    labels : tuple of (str, str)
        Partitioner and name of each group.
    values : ndarray of shape (n_metrics, n_groups), float64
        Values of the metrics.
    n_rows : ndarray of shape (n_groups,)
        Number of rows of each group.
    weight : ndarray of shape (n_groups,)
        Sum of the row weights of each group.
    """

    epoch: int
    split: str
    metrics: tuple[str, ...]
    higher_is_better: tuple[bool | None, ...]
    labels: tuple[tuple[str, str], ...]
    values: Array
    n_rows: Array
    weight: Array

    def metric_values(self) -> Iterator[MetricValue]:
        """Yield the value of each metric in each group."""
        sizes = list(zip(self.labels, self.n_rows.tolist(), self.weight.tolist(), strict=True))
        for metric, values in zip(self.metrics, self.values.tolist(), strict=True):
            for value, (label, n_rows, weight) in zip(values, sizes, strict=True):
                yield MetricValue(
                    self.epoch, self.split, metric, *label, value, int(n_rows), weight
                )


class MetricHistory(Table):
    """Metrics by epoch, split and group.

    Iterating yields an `mlpkit.plugin.MetricValue` for each row of the table, and
    ``history["value"]`` is a column. All rows of a split are the group "all" of the partitioner
    "all".

    Parameters
    ----------
    records : iterable of Record, default=()
        Metrics of each epoch and split, in order.

    Examples
    --------
    >>> one = np.array([[0.5]])
    >>> history = MetricHistory([Record(1, "train", ("accuracy",), (True,), (("all", "all"),),
    ...                                 one, np.array([4]), np.array([4.0]))])
    >>> len(history), history["value"].tolist(), history.select(split="validation")
    (1, [0.5], [])
    """

    _columns = MetricValue._fields

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records = tuple(records)

    def __iter__(self) -> Iterator[MetricValue]:
        for record in self.records:
            yield from record.metric_values()

    def __len__(self) -> int:
        return sum(record.values.size for record in self.records)

    def __add__(self, other: "MetricHistory") -> "MetricHistory":
        """Append a later history."""
        return MetricHistory(self.records + other.records)

    def __getitem__(self, column: str) -> Array:
        """A column, one of the fields of `mlpkit.plugin.MetricValue`."""
        if column not in MetricValue._fields:
            raise KeyError(
                f"Unknown column {column!r}. The columns are: {', '.join(MetricValue._fields)}"
            )
        return np.array([getattr(value, column) for value in self])

    @property
    def directions(self) -> dict[str, bool | None]:
        """Whether higher values of each metric are better; None if neither direction is."""
        return {
            name: better
            for record in self.records
            for name, better in zip(record.metrics, record.higher_is_better, strict=True)
        }

    def select(
        self,
        metric: str | None = None,
        *,
        split: str | None = None,
        by: str | None = None,
        partition: str | None = None,
    ) -> list[MetricValue]:
        """Select rows of the table.

        Parameters
        ----------
        metric, split, by, partition : str or None, default=None
            Names of the metric, the split, the partitioner and the group. None selects all.

        Returns
        -------
        rows : list of `mlpkit.plugin.MetricValue`
        """
        names = {"metric": metric, "split": split, "partitioner": by, "partition": partition}
        names = {field: name for field, name in names.items() if name is not None}
        return [r for r in self if all(getattr(r, field) == name for field, name in names.items())]

    def plot(self, metric: str, by: str = "all", *, ax: Any = None) -> Any:
        """Plot a metric over the epochs, with axes for each split and a line for each group.

        Parameters
        ----------
        metric : str
            Name of the metric.
        by : str, default="all"
            Name of the partitioner.
        ax : matplotlib Axes, array of Axes or None, default=None
            Where to plot. None creates a figure.

        Returns
        -------
        ax : matplotlib Axes or ndarray of Axes
            An array if there are several splits.
        """
        from mlpkit.reports import plots  # needs matplotlib

        return plots.lines(
            {name: self[name].tolist() for name in MetricValue._fields}, metric, by, ax
        )

    def _repr_html_(self) -> str:
        from mlpkit.reports.pages.curves import history_figures  # a fit does not need them
        from mlpkit.reports.pages.documents import part

        return part("".join(history_figures(self, self.directions)) or html.escape(repr(self)))

    def __repr__(self) -> str:
        epochs = sorted({record.epoch for record in self.records})
        names = dict.fromkeys(name for record in self.records for name in record.metrics)
        splits = dict.fromkeys(record.split for record in self.records)
        if not epochs:
            return "<MetricHistory: empty>"
        return (
            f"<MetricHistory of {comma_separated(names)} on {comma_separated(splits)}:"
            f" epochs {epochs[0]} to {epochs[-1]}>"
        )
