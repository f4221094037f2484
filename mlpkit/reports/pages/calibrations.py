"""The section on calibration: diagrams and tables of predictions against targets, by group."""

import math
from collections.abc import Sequence
from typing import Protocol

from mlpkit.metrics.grouping import GroupLabel
from mlpkit.plugin import Task
from mlpkit.reports.entries import CalibrationBin
from mlpkit.reports.pages import figures, markup
from mlpkit.reports.pages.columns import ALL, Cell, Column, column
from mlpkit.reports.pages.group_tables import group_tables
from mlpkit.reports.pages.reliability import (
    SIZE,
    SMALL,
    Words,
    axis_of,
    bins_table,
    coverage_plot,
    diagram,
    words_of,
)
from mlpkit.reports.printing import distinct_short

TITLE_WIDTH = 24  # characters in the title of the diagram of a group
MAX_TARGETS = 12  # number of targets that are shown
MAX_GROUPS = 6  # number of diagrams for one partitioner
MIN_BINS = 5  # number of bins that a diagram requires


class ShownCalibration(Protocol):
    """The part of a calibration that is shown."""

    task: Task
    coverage: float | None

    @property
    def targets(self) -> list[str]:
        """Names of the targets."""

    @property
    def entries(self) -> tuple[CalibrationBin, ...]:
        """The bins of all targets and groups."""

    @property
    def means(self) -> tuple[CalibrationBin, ...]:
        """One bin for each target and group."""


def calibration_section(calibration: ShownCalibration | None, min_rows: int) -> str:
    """The diagrams and tables of each target, the table of groups with large differences first."""
    if calibration is None:
        return ""
    parts = []
    targets = calibration.targets
    for target in targets[:MAX_TARGETS]:
        words = words_of(calibration.task, target)
        bins = [b for b in calibration.entries if b.target == target]
        means = [b for b in calibration.means if b.target == target]
        if not means:
            continue
        if len(targets) > 1:
            parts.append(f"<h3>{markup.name(target)}</h3>")
        shown = [b for b in bins if (b.partitioner, b.partition) == ALL]
        parts.append(_whole(shown, words, calibration.coverage))
        by_group = _by_group(bins, means, words, min_rows, "h4" if len(targets) > 1 else "h3")
        if by_group and len(targets) > 1:
            by_group = f"<details><summary>by group</summary>{by_group}</details>"
        parts.append(by_group)
    if more := len(targets) - MAX_TARGETS:
        parts.append(f'<p class="remark">{more} more targets.</p>' if more > 0 else "")
    return "".join(parts)


def _whole(bins: Sequence[CalibrationBin], words: Words, coverage: float | None) -> str:
    """The diagram of all rows beside the table of its bins."""
    if not bins:
        return ""
    scale = axis_of(bins)
    caption = (
        f"{markup.name(words.title)}, in bins with about equal numbers of rows, which the bars"
        " show. On the dashed line, both are equal."
    )
    shown = figures.figure([diagram(bins, "all rows", words, scale, SIZE)], caption)
    shown += bins_table(bins, words, coverage is not None)
    if coverage is not None:
        caption = f"The dashed line is the requested coverage, {coverage:.4g}."
        shown += figures.figure([coverage_plot(bins, coverage, words)], caption)
    return f'<div class="cards beside">{shown}</div>'


def _by_group(
    bins: Sequence[CalibrationBin],
    means: Sequence[CalibrationBin],
    words: Words,
    min_rows: int,
    heading: str,
) -> str:
    """For each partitioner, a table of groups and the diagrams of some."""
    columns = _columns(means, words, min_rows)
    by_label: dict[GroupLabel, list[CalibrationBin]] = {}
    for b in bins:
        by_label.setdefault((b.partitioner, b.partition), []).append(b)
    scale = axis_of([b for own in by_label.values() if len(own) >= MIN_BINS for b in own])
    parts = []
    partitioners = dict.fromkeys(m.partitioner for m in means if m.partitioner != "all")
    for partitioner in partitioners:
        groups = [(m.partitioner, m.partition) for m in means if m.partitioner == partitioner]
        ordered = _largest_first(columns[-1], groups)
        names = markup.names(g[1] for g in groups)
        title = markup.name(partitioner)
        caption = f"{markup.name(words.title)} and {title}"
        caption += ", the largest difference first" if len(groups) > 1 else ""
        shown = group_tables(columns, ordered, {g: names[g[1]] for g in groups}, caption)
        parts.append(f"<{heading}>{title}</{heading}>{shown}")
        drawn = [g for g in ordered if len(by_label.get(g, ())) >= MIN_BINS][:MAX_GROUPS]
        if drawn:
            short = distinct_short((g[1] for g in drawn), TITLE_WIDTH)
            panels = [
                diagram(by_label[g], short[g[1]], words, scale, SMALL) for g in groups if g in drawn
            ]
            some = "" if len(drawn) == len(groups) else f" for {len(drawn)} of the groups"
            parts.append(figures.figure(panels, f"{markup.name(words.title)}{some}.", small=True))
    return "".join(parts)


def _columns(means: Sequence[CalibrationBin], words: Words, min_rows: int) -> list[Column]:
    """The means of predictions and targets, and their difference."""
    cells: list[dict[GroupLabel, Cell]] = [{}, {}, {}]
    for m in means:
        label, eligible = (m.partitioner, m.partition), m.n_rows >= min_rows
        p = m.predicted
        values = (
            (p, math.nan, math.nan),
            (m.observed, m.low, m.high),
            (m.observed - p, m.low - p, m.high - p),
        )
        for own, value in zip(cells, values, strict=True):
            own[label] = Cell(*value, m.n_rows, eligible)
    names = (words.predicted, words.observed)
    whole = [own[ALL].value if ALL in own else math.nan for own in cells[:2]]
    plain = [
        column(name, None, value, own)._replace(plotted=False)
        for name, value, own in zip(names, whole, cells, strict=False)
    ]
    difference = column("observed minus predicted", None, 0.0, cells[2], signed=True)
    digits = plain[0].digits
    return [*plain, difference._replace(digits=digits, only_reference_is_good=True)]


def _largest_first(difference: Column, groups: Sequence[GroupLabel]) -> list[GroupLabel]:
    """The groups with the largest differences first, and last those that are not eligible."""
    return sorted(
        groups,
        key=lambda g: (not difference.cells[g].eligible, -abs(difference.cells[g].value)),
    )
