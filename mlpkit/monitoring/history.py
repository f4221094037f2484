"""The metrics of every epoch, as a table."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mlpkit.messages import comma_separated
from mlpkit.plugin import Array, MetricValue
from mlpkit.reports.entries import to_csv, to_frame


class Record(NamedTuple):
    """All that was measured on one split in one epoch."""

    epoch: int
    split: str
    metrics: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]  # partitioner and group
    values: Array  # float64 (n_metrics, n_labels)
    n_rows: Array  # (n_labels,)
    weight: Array  # (n_labels,)

    def readings(self) -> Iterator[MetricValue]:
        """A row of the table for each metric and group."""
        sizes = list(zip(self.labels, self.n_rows.tolist(), self.weight.tolist(), strict=True))
        for metric, values in zip(self.metrics, self.values.tolist(), strict=True):
            for value, (label, n_rows, weight) in zip(values, sizes, strict=True):
                yield MetricValue(
                    self.epoch, self.split, metric, *label, value, int(n_rows), weight
                )


class MetricHistory:
    """Metrics by epoch, split and group; the whole is the group "all" of "all".

    Iterating gives a `mlpkit.plugin.MetricValue` for each row, ``history["value"]`` a column.

    >>> one = np.array([[0.5]])
    >>> history = MetricHistory([Record(1, "train", ("accuracy",), (("all", "all"),), one,
    ...                                 np.array([4]), np.array([4.0]))])
    >>> len(history), history["value"].tolist(), history.select(split="validation")
    (1, [0.5], [])
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records = tuple(records)

    def __iter__(self) -> Iterator[MetricValue]:
        for record in self.records:
            yield from record.readings()

    def __len__(self) -> int:
        return sum(record.values.size for record in self.records)

    def __add__(self, other: "MetricHistory") -> "MetricHistory":
        """What came after it, behind it."""
        return MetricHistory(self.records + other.records)

    def __getitem__(self, column: str) -> Array:
        """A column, one of the fields of `mlpkit.plugin.MetricValue`."""
        if column not in MetricValue._fields:
            raise KeyError(f"no column {column!r}; columns: {', '.join(MetricValue._fields)}")
        return np.array([getattr(reading, column) for reading in self])

    def select(
        self,
        metric: str | None = None,
        *,
        split: str | None = None,
        by: str | None = None,
        partition: str | None = None,
    ) -> list[MetricValue]:
        """The rows of a metric, a split, a partitioner, a group."""
        wanted = {"metric": metric, "split": split, "partitioner": by, "partition": partition}
        asked = {name: value for name, value in wanted.items() if value is not None}
        return [r for r in self if all(getattr(r, name) == value for name, value in asked.items())]

    def to_frame(self) -> Any:
        """A tidy pandas frame: epoch, split, metric, partitioner, partition, value, n_rows,
        weight. Names of groups are raw, as they are in the data; `to_csv` neutralises them.
        """
        return to_frame(self, MetricValue._fields)

    def to_csv(self, path: Any = None) -> str | None:
        """Write what `to_frame` holds to a CSV file; without a path return its text.

        Text is neutralised: control characters are escaped, and an apostrophe precedes names
        that a spreadsheet would take for a formula (``=``, ``+``, ``-`` or ``@`` in front).
        Numbers stay numbers. For raw text use ``to_frame().to_csv(path)``.
        """
        return to_csv(self, MetricValue._fields, path)

    def plot(self, metric: str, by: str = "all", *, ax: Any = None) -> Any:
        """A line for each group, an axes for each split; returns the axes."""
        from mlpkit.reports import plots  # needs matplotlib

        return plots.lines(
            {name: self[name].tolist() for name in MetricValue._fields}, metric, by, ax
        )

    def __repr__(self) -> str:
        epochs = sorted({record.epoch for record in self.records})
        names = dict.fromkeys(name for record in self.records for name in record.metrics)
        splits = dict.fromkeys(record.split for record in self.records)
        if not epochs:
            return "<MetricHistory: nothing was measured>"
        return (
            f"<MetricHistory of {comma_separated(names)} on {comma_separated(splits)}:"
            f" epochs {epochs[0]} to {epochs[-1]}>"
        )
