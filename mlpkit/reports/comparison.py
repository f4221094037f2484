"""Two reports side by side: two models, or two points in time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlpkit.messages import comma_separated
from mlpkit.metrics import intervals
from mlpkit.metrics.grouping import Label
from mlpkit.reports import text
from mlpkit.reports.entries import Change, Entry, frame, to_csv
from mlpkit.reports.resampling import Replicates


class Side(NamedTuple):
    """One report: its entries, and what resampled rows give, by metric and place of a label."""

    entries: Sequence[Entry]
    labels: Sequence[Label]
    replicates: Callable[[str], Replicates]
    confidence: float | None


class Comparison:
    """Differences by metric and group; iterating gives a `Change` for each."""

    def __init__(self, entries: tuple[Change, ...], confidence: float | None) -> None:
        self.entries, self.confidence = entries, confidence

    @classmethod
    def of(cls, one: Side, two: Side) -> "Comparison":
        """The values of one minus those of the other, where both have the metric and group."""
        there = {e[:3]: e for e in two.entries}
        pairs = [(e, there[e[:3]]) for e in one.entries if e[:3] in there]
        if not pairs:
            found = (
                comma_separated({f"{e.metric} by {e.partitioner}": None for e in side.entries})
                for side in (one, two)
            )
            raise ValueError(
                f"reports with {' and with '.join(found)} can't be compared: they have no metric"
                " and group in common. Evaluate both with the same metrics= and partitions=."
            )
        confidence = None if two.confidence is None else one.confidence
        return cls(tuple(_changes(one, two, pairs, confidence)), confidence)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def sure(self) -> list[Change]:
        """The changes that decide and whose interval leaves out 0."""
        return [c for c in self.entries if c.decides and (c.low > 0 or c.high < 0)]

    def to_frame(self) -> Any:
        """A tidy pandas frame: a row for each metric and group.

        Names of groups are raw, as they are in the data; `to_csv` neutralises them.
        """
        return frame(self.entries, Change._fields)

    def to_csv(self, path: Any = None) -> str | None:
        """Write what `to_frame` holds to a CSV file; without a path return its text.

        Text is neutralised: control characters are escaped, and an apostrophe precedes names
        that a spreadsheet would take for a formula (``=``, ``+``, ``-`` or ``@`` in front).
        Numbers stay numbers. For raw text use ``to_frame().to_csv(path)``.
        """
        return to_csv(self.entries, Change._fields, path)

    def __str__(self) -> str:
        return text.comparison(self.entries, self.confidence)


def _changes(
    one: Side,
    two: Side,
    pairs: list[tuple[Entry, Entry]],
    confidence: float | None,
) -> Iterator[Change]:
    places = [{label: i for i, label in enumerate(side.labels)} for side in (one, two)]
    for a, b in pairs:
        low = high = float("nan")
        gap = a.value - b.value
        if confidence is not None and np.isfinite(gap):
            kind, _ = one.replicates(a.metric)
            first, second = (
                side.replicates(a.metric).values[place[a.partitioner, a.partition]]
                for side, place in zip((one, two), places, strict=True)
            )
            if kind == "jackknife":
                low, high = intervals.jackknife(gap, first - second, confidence)
            elif first.shape == second.shape:
                ends = intervals.percentile((first - second)[None], confidence)
                low, high = float(ends[0][0]), float(ends[1][0])
        n_rows = min(a.n_rows, b.n_rows)
        yield Change(*a[:3], a.value, b.value, gap, low, high, n_rows, a.decides and b.decides)
