"""The differences between two reports: of two models, or of two points in time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlpkit.messages import comma_separated
from mlpkit.metrics import intervals
from mlpkit.metrics.grouping import GroupLabel
from mlpkit.reports import printing
from mlpkit.reports.entries import Change, Entry
from mlpkit.reports.pages.comparison_page import comparison_page, comparison_part
from mlpkit.reports.pages.documents import written
from mlpkit.reports.resampling import Replicates
from mlpkit.reports.tables import Table


class Side(NamedTuple):
    """One of two reports: entries, labels of groups, replicates and directions by metric."""

    entries: Sequence[Entry]
    labels: Sequence[GroupLabel]
    replicates: Callable[[str], Replicates]
    confidence: float | None
    directions: Mapping[str, bool | None]


class Comparison(Table):
    """Differences by metric and group. Iterating over it yields a `Change` for each.

    Parameters
    ----------
    entries : tuple of Change
        The changes, metric by metric.
    confidence : float or None
        Confidence of the intervals.
    directions : dict of bool or None
        Whether higher values of each metric are better; None if neither direction is.
    """

    _columns = Change._fields

    def __init__(
        self,
        entries: tuple[Change, ...],
        confidence: float | None,
        directions: Mapping[str, bool | None],
    ) -> None:
        self.entries, self.confidence, self.directions = entries, confidence, directions

    @classmethod
    def of(cls, one: Side, other: Side) -> "Comparison":
        """The values of one report minus those of the other, for common metrics and groups."""
        others = {e[:3]: e for e in other.entries}
        pairs = [(e, others[e[:3]]) for e in one.entries if e[:3] in others]
        if not pairs:
            contents = (
                comma_separated(
                    dict.fromkeys(f"{e.metric} by {e.partitioner}" for e in side.entries)
                )
                for side in (one, other)
            )
            raise ValueError(
                f"Reports with {' and with '.join(contents)} cannot be compared, since they have no"
                " metric and group in common. Evaluate both with the same metrics= and partitions=."
            )
        confidence = None if other.confidence is None else one.confidence
        changes = tuple(_changes(one, other, pairs, confidence))
        return cls(changes, confidence, one.directions)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def significant(self) -> list[Change]:
        """The changes of eligible groups whose confidence interval does not contain 0.

        Returns
        -------
        list of Change
            Empty unless ``confidence=`` was passed.
        """
        return [change for change in self.entries if change.significant]

    def to_html(
        self,
        path: Any = None,
        *,
        title: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Write a page of HTML: differences over all rows, beyond chance, and by group.

        The page has the properties of `PartitionReport.to_html`.

        Parameters
        ----------
        path : str, path or file, default=None
            Where to write the page.
        title : str or None, default=None
            Title of the page. None names the metrics.
        details : dict or None, default=None
            Facts that are shown below the title, such as the names of the models and of the data.

        Returns
        -------
        str or None
            The page, if `path` is None.
        """
        return written(comparison_page(self, title, details or {}), path)

    def _repr_html_(self) -> str:
        return comparison_part(self)

    def __str__(self) -> str:
        return printing.comparison(self.entries, self.confidence)


def _changes(
    one: Side,
    other: Side,
    pairs: list[tuple[Entry, Entry]],
    confidence: float | None,
) -> Iterator[Change]:
    indices = [{label: i for i, label in enumerate(side.labels)} for side in (one, other)]
    for a, b in pairs:
        low = high = float("nan")
        difference = a.value - b.value
        if confidence is not None and np.isfinite(difference):
            method, _ = one.replicates(a.metric)
            first, second = (
                side.replicates(a.metric).values[index[a.partitioner, a.partition]]
                for side, index in zip((one, other), indices, strict=True)
            )
            if method == "jackknife":
                low, high = intervals.jackknife(difference, first - second, confidence)
            elif first.shape == second.shape:
                ends = intervals.percentile((first - second)[None], confidence)
                low, high = float(ends[0][0]), float(ends[1][0])
        n_rows, eligible = min(a.n_rows, b.n_rows), a.eligible and b.eligible
        yield Change(*a[:3], a.value, b.value, difference, low, high, n_rows, eligible)
