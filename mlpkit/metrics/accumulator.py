"""Metrics of all groups over rows that arrive in parts, and the merging of such parts."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mlpkit.messages import comma_separated, exception_line
from mlpkit.metrics.group_sums import GroupSums
from mlpkit.metrics.grouping import Grouping, Label
from mlpkit.metrics.kept_rows import Kept, Part
from mlpkit.plugin import Array, CellCounts, Groups, Metric, Predictions, Task
from mlpkit.registry.labels import plugin_suffix

BLOCKS = 400  # of a group's rows, for intervals; halved until the sums fit
MEMORY = 2**24  # numbers that the sums may take
LITTLE = 2**20  # where only comparisons of reports resample
NEED_BLOCKS = ("normal", "bootstrap")  # intervals that are made from blocks


class Accumulator:
    """GroupSums, and rows where a metric needs them, of everything that was seen.

    ``balanced`` weighs classes within each group as `compute_sample_weight("balanced", y)`
    would; ``intervals`` shares rows among blocks for resampling. A metric that raises is a
    ValueError naming it, or, if not ``strict``, NaN from then on, with the reason in
    ``errors``.

    >>> from mlpkit.metrics.classification import accuracy
    >>> part = Scored("binary", np.array([0, 1]), np.array([0, 1, 1]), np.array([0, 0, 1]))
    >>> sex = {"sex": Groups(np.array([0, 0, 1]), ("f", "m"))}
    >>> seen = Accumulator([accuracy()])
    >>> seen.update(part, sex)
    >>> seen.labels, seen.values()[0].tolist()
    ([('sex', 'f'), ('sex', 'm')], [0.5, 1.0])
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        *,
        balanced: bool = False,
        intervals: bool = False,
        strict: bool = True,
    ) -> None:
        self.metrics, self.balanced = list(metrics), balanced
        self.intervals, self.strict = intervals, strict
        self.row_statistics = list(
            dict.fromkeys(m.row_statistics for m in metrics if m.row_statistics)
        )
        self.spreads = list(dict.fromkeys(m.deviations for m in metrics if m.deviations))
        self.labels: list[Label] = []
        self.sums: GroupSums | None = None
        self.kept = Kept(balanced=balanced)
        self.errors: dict[str, str] = {}
        self.widths: dict[object, int] = {}
        self.n_blocks = 1
        self.task: Task | None = None  # with the classes, of the first rows
        self.classes: Array | None = None

    def update(
        self, scored: Predictions, groups: Mapping[str, Groups], weight: Array | None = None
    ) -> None:
        """Add rows; their groups by partitioner, weights (n,) or None."""
        terms, spreads = self._columns(scored)
        n_labels = sum(len(g.names) for g in groups.values())
        strata = self._strata(scored)
        if self.intervals and self.sums is None:
            width = sum(self.widths.values()) * n_labels * (strata[1] if strata else 1)
            most = MEMORY
            if not any(m.interval in NEED_BLOCKS for m in self.metrics):
                most, width = LITTLE, width + n_labels  # the numbers of rows count too
            self.n_blocks = BLOCKS
            while self.n_blocks > BLOCKS // 16 and self.n_blocks * width > most:
                self.n_blocks //= 2
        seen = {}
        if self.intervals and self.sums is not None:
            seen = dict(zip(self.labels, self.sums.n_rows.tolist(), strict=True))
        n = len(scored.y_true)
        self._add(scored, Grouping(groups, n, weight, strata, self.n_blocks, seen), terms, spreads)

    def update_grouped(self, scored: Predictions, grouping: Grouping) -> None:
        """Add rows whose grouping was made before: once for all epochs. Without intervals."""
        self._add(scored, grouping, *self._columns(scored))

    def _add(
        self,
        scored: Predictions,
        grouping: Grouping,
        terms: list[Array | CellCounts],
        spreads: list[Array],
    ) -> None:
        sums = grouping.sums(terms, spreads)
        if any(m.exact for m in self.metrics):
            self.kept = self.kept.with_part(Part(scored, grouping.groups, grouping.weight))
        if self.sums is None:
            self.labels, self.sums = list(grouping.labels), sums
            self.task, self.classes = scored.task, scored.classes
        else:
            self._join(grouping.labels, sums)

    def grouping(
        self, scored: Predictions, groups: Mapping[str, Groups], w: Array | None
    ) -> Grouping:
        """What `update_grouped` takes, for rows that come again and again."""
        return Grouping(groups, len(scored.y_true), w, self._strata(scored))

    def _strata(self, scored: Predictions) -> tuple[Array, int] | None:
        if not self.balanced:
            return None
        if scored.task not in ("binary", "multiclass") or scored.classes is None:
            raise ValueError(
                f"'balanced' weights balance classes, but the task is {scored.task}. Give"
                " sample_weight an array, or None."
            )
        return scored.y_true, len(scored.classes)

    def _columns(self, scored: Predictions) -> tuple[list[Array | CellCounts], list[Array]]:
        """What each row adds, of all metrics."""
        terms: list[Array | CellCounts] = [self._column(f, scored) for f in self.row_statistics]
        spreads: list[Array] = [self._column(f, scored) for f in self.spreads]  # type: ignore[misc]
        return terms, spreads

    def _column(self, function: object, scored: Predictions) -> Array | CellCounts:
        names = [m.name for m in self.metrics if function in (m.row_statistics, m.deviations)]
        n, width = len(scored.y_true), self.widths.get(function, 1)
        if names[0] not in self.errors:
            try:
                column: Array | CellCounts = function(scored)  # type: ignore[operator]
                found = _cells(column, n) if isinstance(column, CellCounts) else _width(column, n)
                if self.widths.setdefault(function, found) == found:
                    return column
                raise ValueError(f"{found} columns after {self.widths[function]}")
            except Exception as error:
                if self.strict:
                    raise _failed(names[0], function, error) from error
                self.errors |= dict.fromkeys(names, f"{type(error).__name__}: {error}")
        return np.full((n, self.widths.setdefault(function, width)), np.nan)

    def __add__(self, other: "Accumulator") -> "Accumulator":
        """Both parts as one; neither is changed."""
        names, others = ([m.name for m in each.metrics] for each in (self, other))
        if names != others:
            raise ValueError(
                f"reports of the metrics {comma_separated(names)} and of"
                f" {comma_separated(others)} can't be merged: evaluate both with the"
                " same metrics=, in the same order."
            )
        if self.balanced != other.balanced:
            raise ValueError("balanced and other weights can't be merged.")
        if self.sums is None or other.sums is None:
            both = copy.copy(other if self.sums is None else self)
            both.errors = dict(both.errors)
            return both
        check_alike(self, other, "merged")
        if list(self.widths.values()) != list(other.widths.values()):
            raise ValueError("other classes or outputs can't be merged: name them in classes=.")
        both, sums = copy.copy(self), other.sums
        both.n_blocks = min(self.n_blocks, other.n_blocks)
        while both.sums is not None and both.sums.rows.shape[2] > both.n_blocks:
            both.sums = both.sums.folded()
        while sums.rows.shape[2] > both.n_blocks:
            sums = sums.folded()
        both.kept, both.errors = self.kept + other.kept, self.errors | other.errors
        both._join(other.labels, sums)
        return both

    def _join(self, labels: list[Label], sums: GroupSums) -> None:
        """Add sums of groups that may be others than those so far."""
        assert self.sums is not None
        if labels != self.labels:
            union = _union(self.labels, labels)
            place = {label: i for i, label in enumerate(union)}
            own = np.array([place[label] for label in self.labels], dtype=int)
            new = np.array([place[label] for label in labels], dtype=int)
            self.sums = self.sums.placed(own, len(union))
            sums = sums.placed(new, len(union))
            self.labels = union
        self.sums = self.sums + sums

    def columns(self, metric: Metric) -> list[int]:
        """The places of a metric's sums among `GroupSums.totals`."""
        found, start = [0], 1
        for functions, own in (
            (self.row_statistics, metric.row_statistics),
            (self.spreads, metric.deviations),
        ):
            for function in functions:
                width = self.widths.get(function, 1)
                if function is own or function == own:
                    found += range(start, start + width)
                start += width
        return found

    def parts(self, metric: Metric, n_groups: int) -> Iterator[GroupSums]:
        """The sums that a metric needs, without the others, of so many groups at a time."""
        assert self.sums is not None
        places = np.array(self.columns(metric)[1:], dtype=int) - 1
        k = self.sums.row_statistics.shape[-1]
        for i in range(0, len(self.labels), n_groups):
            some = slice(i, i + n_groups)
            yield self.sums.of(some, places[places < k], places[places >= k] - k)

    def values(self) -> list[Array]:
        """Of each metric the values by group, float64 (n_groups,); NaN where undefined."""
        if self.sums is None:
            return [np.zeros(0) for _ in self.metrics]
        totals, n_rows = self.sums.totals(self.balanced)[:, 0], self.sums.n_rows
        found = []
        for metric in self.metrics:
            if metric.exact is not None:
                value = np.array([self.exact(metric, label) for label in self.labels])
            else:
                value = self.value(metric, totals[:, self.columns(metric)])
            found.append(np.where(n_rows < metric.min_rows, np.nan, value))
        return found

    def value(self, metric: Metric, s: Array) -> Array:
        """A metric of its sums, (...,); NaN without weight."""
        try:
            return value_of(metric, s)
        except Exception as error:
            if self.strict and metric.name not in self.errors:
                raise _failed(metric.name, metric.ratio or metric.value, error) from error
            self.errors.setdefault(metric.name, f"{type(error).__name__}: {error}")
            return np.full(s.shape[:-1], np.nan)

    def exact(self, metric: Metric, label: Label, left_out: tuple[int, int] | None = None) -> float:
        """A metric of the kept rows of a group, as `Kept.value`; NaN where it raises."""
        try:
            return self.kept.value(metric, label, left_out)
        except Exception as error:  # one class in a group, say
            self.errors.setdefault(metric.name, f"{type(error).__name__}: {error}")
            return math.nan


def check_alike(one: Accumulator, other: Accumulator, what: str) -> None:
    """ValueError for rows of different tasks or classes, which can't be ``what``."""
    a, b = one.classes, other.classes
    if one.task == other.task and (a is b or np.array_equal(a, b)):  # type: ignore[arg-type]
        return
    if a is None or b is None or "multilabel" in (one.task, other.task):
        raise ValueError(
            f"a {one.task} and a {other.task} report can't be {what}: evaluate both on the same"
            " kind of targets, or say what they are with task=."
        )
    union = list(dict.fromkeys([*a.tolist(), *b.tolist()]))
    kinds = "" if one.task == other.task else f"a {one.task} and a {other.task} report: "
    raise ValueError(
        f"{kinds}reports over the classes {short(a.tolist())} and {short(b.tolist())} can't be"
        f" {what}. Evaluate both with classes={short(sorted(union, key=str))}."
    )


def short(values: list[object], most: int = 12) -> str:
    """A list for a message; the middle of a long one is left out.

    >>> short(list(range(9)), 4)
    '[0, 1, ..., 7, 8]'
    """
    texts = [repr(value) for value in values]
    if len(texts) > most:
        texts[most // 2 : -(most // 2)] = ["..."]
    return f"[{', '.join(texts)}]"


def value_of(metric: Metric, s: Array) -> Array:
    """A metric of its sums (..., 1 + k + q), (...,); NaN without weight, and for 0/0.

    >>> from mlpkit.metrics.classification import accuracy
    >>> value_of(accuracy(), np.array([[4.0, 3.0], [0.0, 0.0]])).tolist()
    [0.75, nan]
    """
    with np.errstate(all="ignore"):
        if metric.ratio is not None:
            above, below = metric.ratio(s)
            if above.shape != s.shape[:-1] or below.shape != s.shape[:-1]:
                raise ValueError(f"ratio returned shapes {above.shape} and {below.shape}")
            value = np.where(below != 0, above / below, np.nan)
        else:
            assert metric.value is not None
            value = np.asarray(metric.value(s), dtype=np.float64)
            if value.shape != s.shape[:-1]:
                raise ValueError(f"value returned {value.shape}; wanted {s.shape[:-1]}")
    return np.where(s[..., 0] > 0, value, np.nan)


def _failed(name: str, function: object, error: Exception) -> ValueError:
    return ValueError(f"metric {name!r}{plugin_suffix(function)} failed: {exception_line(error)}")


def _cells(tally: CellCounts, n: int) -> int:
    codes = np.asarray(tally.codes)
    if codes.dtype.kind not in "iub" or codes.ndim not in (1, 2) or len(codes) != n:
        raise ValueError(f"codes are {codes.dtype} {codes.shape}; wanted ints ({n},) or ({n}, j)")
    if codes.size and not -1 <= codes.min() <= codes.max() < tally.cells:
        raise ValueError(f"codes go from {codes.min()} to {codes.max()} in {tally.cells} cells")
    if tally.values is not None and np.shape(tally.values) != (n,):
        raise ValueError(f"values have the shape {np.shape(tally.values)}; wanted ({n},)")
    return tally.cells


def _width(column: Array, n: int) -> int:
    if not hasattr(column, "ndim"):
        raise TypeError(f"terms are {column!r}; wanted an array, ({n},) or ({n}, k)")
    if column.ndim not in (1, 2) or len(column) != n:
        raise ValueError(f"terms have the shape {column.shape}; wanted ({n},) or ({n}, k)")
    return 1 if column.ndim == 1 else column.shape[1]


def _union(one: list[Label], two: list[Label]) -> list[Label]:
    """All labels, each partitioner's together, its "other" and "missing" last."""
    labels = list(dict.fromkeys([*two, *one] if set(two) >= set(one) else [*one, *two]))
    order = {name: i for i, name in enumerate(dict.fromkeys(name for name, _ in labels))}
    last = ("other", "missing")
    return sorted(labels, key=lambda label: (order[label[0]], label[1] in last))
