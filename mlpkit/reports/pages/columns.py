"""What a table of groups shows of one metric: values, their axis, and a reference."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mlpkit.metrics.grouping import GroupLabel
from mlpkit.reports.entries import Change, Entry
from mlpkit.reports.pages import markup
from mlpkit.reports.pages.scales import Scale, scale_of

ALL: GroupLabel = ("all", "all")


class Cell(NamedTuple):
    """The value of one metric in one group."""

    value: float
    low: float
    high: float
    n_rows: int
    eligible: bool


class Column(NamedTuple):
    """One metric of a table of groups.

    Parameters
    ----------
    name : str
        Name of the metric.
    higher_is_better : bool or None
        None if neither direction is better.
    reference : float
        What the groups are compared with: the value over all rows, or 0 for differences.
    cells : dict of Cell
        By group.
    scale : Scale
        The axis of the plot.
    digits : int
        Number of decimals.
    signed : bool, default=False
        Whether the values are differences.
    only_reference_is_good : bool, default=False
        Whether both higher and lower values than the reference are worse.
    plotted : bool, default=True
        Whether the table has a plot beside the values.
    """

    name: str
    higher_is_better: bool | None
    reference: float
    cells: Mapping[GroupLabel, Cell]
    scale: Scale
    digits: int
    signed: bool = False
    only_reference_is_good: bool = False
    plotted: bool = True

    def standing(self, cell: Cell) -> str:
        """Whether the whole interval is "worse" or "better" than the reference, else ""."""
        if not cell.eligible or math.isnan(cell.low) or math.isnan(self.reference):
            return ""
        rounding = 1e-9 * abs(self.reference)
        below, above = cell.high < self.reference - rounding, cell.low > self.reference + rounding
        if self.only_reference_is_good:
            return "worse" if below or above else ""
        if self.higher_is_better is None or not (below or above):
            return ""
        return "better" if above == self.higher_is_better else "worse"

    def among(self, groups: Iterable[GroupLabel]) -> "Column":
        """The same column with an axis for the intervals of the eligible ones of these groups."""
        own = [self.cells[g] for g in groups if g in self.cells]
        shown = [c for c in own if c.eligible] or own
        ends = [end for c in shown for end in (c.value, c.low, c.high)]
        return self._replace(scale=scale_of([self.reference, *ends]))

    def ranked(self, groups: Iterable[GroupLabel]) -> list[GroupLabel]:
        """The eligible groups, the worst first; in their order if neither direction is better."""
        own = [g for g in groups if g in self.cells and self.cells[g].eligible]
        if self.higher_is_better is None:
            return own
        sign = 1 if self.higher_is_better else -1
        return sorted(own, key=lambda g: sign * self.cells[g].value)

    def worst_first(self, groups: Sequence[GroupLabel]) -> list[GroupLabel]:
        """All groups, the worst first, and last those that are not eligible."""
        ranked = self.ranked(groups)
        chosen = set(ranked)
        return ranked + [g for g in groups if g not in chosen]


def column(
    name: str,
    higher_is_better: bool | None,
    reference: float,
    cells: Mapping[GroupLabel, Cell],
    *,
    digits: int | None = None,
    signed: bool = False,
) -> Column:
    """A column with an axis for all groups, and decimals for their values by default."""
    if digits is None:
        digits = markup.decimals(c.value for c in cells.values())
    whole = Column(name, higher_is_better, reference, cells, Scale(0.0, 1.0), digits, signed)
    return whole.among(cells)


def of_report(entries: Sequence[Entry], directions: Mapping[str, bool | None]) -> list[Column]:
    """A column for each metric of a report."""
    by_metric: dict[str, dict[GroupLabel, Cell]] = {}
    for e in entries:
        cell = Cell(e.value, e.low, e.high, e.n_rows, e.eligible)
        by_metric.setdefault(e.metric, {})[e.partitioner, e.partition] = cell
    return [
        column(metric, directions[metric], cells[ALL].value if ALL in cells else math.nan, cells)
        for metric, cells in by_metric.items()
    ]


def of_comparison(entries: Sequence[Change], directions: Mapping[str, bool | None]) -> list[Column]:
    """A column for each metric of a comparison; the reference is 0."""
    by_metric: dict[str, dict[GroupLabel, Cell]] = {}
    digits = {
        metric: markup.decimals(c.value for c in entries if c.metric == metric)
        for metric in dict.fromkeys(c.metric for c in entries)
    }
    for c in entries:
        cell = Cell(c.difference, c.low, c.high, c.n_rows, c.eligible)
        by_metric.setdefault(c.metric, {})[c.partitioner, c.partition] = cell
    return [
        column(metric, directions[metric], 0.0, cells, digits=digits[metric], signed=True)
        for metric, cells in by_metric.items()
    ]


def groups_of(columns: Iterable[Column]) -> dict[str, list[GroupLabel]]:
    """The groups of each partitioner, without all rows."""
    groups: dict[str, list[GroupLabel]] = {}
    for label in dict.fromkeys(label for c in columns for label in c.cells if label != ALL):
        groups.setdefault(label[0], []).append(label)
    return groups


def n_rows_of(columns: Iterable[Column]) -> dict[GroupLabel, int]:
    """The number of rows of each group."""
    return {label: cell.n_rows for c in columns for label, cell in c.cells.items()}
