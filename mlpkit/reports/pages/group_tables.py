"""Tables of groups whose rows contain a plot: a dot and an interval on the axis of the column."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from mlpkit.metrics.grouping import GroupLabel
from mlpkit.reports.pages import markup
from mlpkit.reports.pages.columns import Cell, Column, n_rows_of
from mlpkit.reports.printing import short

MAX_COLUMNS, MAX_DIFFERENCES = 3, 2  # metrics side by side; differences have longer intervals
MAX_ROWS = 20  # rows of a table that shows all groups
N_WORST, N_BEST = 10, 5  # rows of a longer table; the groups between are folded
MAX_FOLDED = 500  # number of folded groups
MARGIN = 0.04  # margin on both sides of a plot, as a share of its range
WIDE, NARROW, DIGIT = 110, 72, 6.5  # pixels of a plot at least, and of a character of an axis


def group_tables(
    columns: Sequence[Column],
    groups: Sequence[GroupLabel],
    names: Mapping[GroupLabel, str],
    caption: str,
) -> str:
    """Tables with a few metrics side by side, and a row for each group in this order.

    Most groups of a long list are in an element that the reader opens. ``names`` and ``caption``
    are markup.
    """
    tables = []
    for block in blocks([c.among(groups) for c in columns]):
        if len(groups) <= MAX_ROWS:
            tables.append(table(block, groups, names, caption))
            continue
        tables.append(table(block, groups[:N_WORST], names, f"{caption}: the first {N_WORST}"))
        tables.append(_folded(block, groups[N_WORST:-N_BEST], names, caption))
        tables.append(table(block, groups[-N_BEST:], names, f"{caption}: the last {N_BEST}"))
    return "".join(tables)


def _folded(
    columns: Sequence[Column],
    groups: Sequence[GroupLabel],
    names: Mapping[GroupLabel, str],
    caption: str,
) -> str:
    """An element with the groups that the reader opens."""
    shown = table(columns, groups[:MAX_FOLDED], names, caption)
    if more := len(groups[MAX_FOLDED:]):
        shown += f'<p class="remark">{more:,} more groups are not on this page.</p>'
    summary = f"The {len(groups):,} groups between these"
    return f"<details><summary>{summary}</summary>{shown}</details>"


def blocks(columns: Sequence[Column]) -> list[Sequence[Column]]:
    """Columns in blocks of equal size."""
    most = MAX_DIFFERENCES if all(c.signed for c in columns) else MAX_COLUMNS
    n_blocks = math.ceil(len(columns) / most)
    size = math.ceil(len(columns) / n_blocks) if n_blocks else 1
    return [columns[i : i + size] for i in range(0, len(columns), size)]


def table(
    columns: Sequence[Column],
    groups: Sequence[GroupLabel],
    names: Mapping[GroupLabel, str],
    caption: str,
) -> str:
    """A table with the given groups."""
    headings = "".join(_headings(c) for c in columns)
    width = WIDE if sum(c.plotted for c in columns) < MAX_COLUMNS else NARROW
    axes = "".join(f'<th scope="col">{_kind(c)}</th>{_axis(c, width)}' for c in columns)
    n_rows = n_rows_of(columns)
    rows = "".join(
        f'<tr><th scope="row">{names[g]}</th><td class="rows">{n_rows[g]:,}</td>'
        + "".join(_cells(c, c.cells.get(g)) for c in columns)
        + "</tr>"
        for g in groups
    )
    return (
        f'<div class="scroll"><table class="groups"><caption>{caption}</caption><thead>'
        f'<tr><th scope="col" rowspan="2">group</th><th scope="col" rowspan="2">rows</th>'
        f"{headings}</tr><tr>{axes}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _headings(column: Column) -> str:
    """The name of a metric, over its values and its plot."""
    scope = 'scope="colgroup" colspan="2"' if column.plotted else 'scope="col"'
    return f"<th {scope}>{markup.name(column.name)}{direction(column)}</th>"


def direction(column: Column) -> str:
    """Which direction of a metric is better, in words."""
    if column.higher_is_better is None:
        return ""
    words = "higher is better" if column.higher_is_better else "lower is better"
    return f' <span class="direction">{words}</span>'


def _kind(column: Column) -> str:
    return "difference" if column.signed else "value"


def value_text(column: Column, cell: Cell) -> str:
    """The value with its interval; in parentheses if the group is not eligible."""
    if not cell.n_rows:
        return "no rows"
    shown = markup.fixed(cell.value, column.digits, column.signed)
    if column.standing(cell):
        shown = f"<b>{shown}</b>"
    ends = markup.interval(cell.low, cell.high, column.digits, column.signed)
    content = f"{shown} {ends}".rstrip()
    return content if cell.eligible else f"({content})"


def _cells(column: Column, cell: Cell | None) -> str:
    """The cell with the text and the cell with the plot."""
    if cell is None:
        return "<td></td><td></td>" if column.plotted else "<td></td>"
    kind = column.standing(cell) if cell.eligible else "ineligible"
    style = f"value {kind}".rstrip()
    plot = f'<td class="plot">{_dot(column, cell, kind)}</td>' if column.plotted else ""
    metric = markup.text(short(column.name))
    return f'<td class="{style}" data-metric="{metric}">{value_text(column, cell)}</td>{plot}'


def _dot(column: Column, cell: Cell, kind: str) -> str:
    """The plot of one group, for sighted readers of a table that has the same numbers."""
    at = _position(column, column.reference)
    marks = f'<line x1="{at}" x2="{at}" y2="100%"/>' if at else ""
    if not math.isnan(cell.low) and not math.isnan(cell.high):
        low, high = (_place(column, end) for end in (cell.low, cell.high))
        marks += f'<rect x="{_percent(low)}" width="{_percent(high - low)}"/>'
    at = _position(column, cell.value)
    if at:
        marks += f'<circle cx="{at}"/>'
    elif not math.isnan(cell.value):  # beyond the axis, which eligible groups determine
        below = cell.value < column.scale.low
        x, anchor, arrow = ("0", "start", "‹") if below else ("100%", "end", "›")
        marks += f'<text x="{x}" y="65%" text-anchor="{anchor}">{arrow}</text>'
    style = f' class="{kind}"' if kind else ""
    return f'<svg{style} aria-hidden="true">{marks}</svg>'


def _position(column: Column, value: float) -> str:
    """The place of a value; "" if it is not on the axis."""
    at = column.scale.at(value) if math.isfinite(value) else math.nan
    return _percent(_place(column, value)) if 0 <= at <= 1 else ""


def _place(column: Column, value: float) -> float:
    """The share of the width at which a value is, or the edge of the plot.

    An axis takes the width without margins.
    """
    at = column.scale.at(value)
    return 0.0 if at < 0 else 1.0 if at > 1 else MARGIN + (1 - 2 * MARGIN) * at


def _percent(share: float) -> str:
    """A share of the width.

    >>> _percent(0.0), _percent(0.12345)
    ('0%', '12.3%')
    """
    return f"{round(100 * share, 1):g}%"


def _axis(column: Column, width: int) -> str:
    """The axis of a plot in the head of the table, which has at least so many pixels."""
    if not column.plotted:
        return ""
    marks = "".join(
        f'<text x="{at}" y="11" text-anchor="middle">{_tick(tick, column.signed)}</text>'
        f'<line x1="{at}" x2="{at}" y1="14" y2="18"/>'
        for tick, at in ((t, _position(column, t)) for t in _ticks(column, width))
    )
    return (
        '<th scope="col" class="plot"><span class="hidden">plot</span>'
        f'<svg class="axis" aria-hidden="true">{marks}</svg></th>'
    )


def _ticks(column: Column, width: int) -> list[float]:
    """At most four ticks whose labels neither overlap nor are beyond the plot and its margin."""
    spans: list[tuple[float, float, float]] = []
    for most in (4, 3, 2):
        spans = [
            (tick, at - half, at + half)
            for tick in column.scale.ticks(most)
            for at in [width * _place(column, tick)]
            for half in [DIGIT * len(_tick(tick, column.signed)) / 2]
            if at - half >= 0 and at + half <= width + 2 * DIGIT
        ]
        if all(one[2] + DIGIT <= other[1] for one, other in pairwise(spans)):
            return [tick for tick, _, _ in spans]
    return [tick for tick, _, _ in spans[:1]]


def _tick(value: float, signed: bool) -> str:
    """The label of a tick.

    >>> _tick(-0.05, False), _tick(2000.0, False), _tick(0.5, True)
    ('−0.05', '2,000', '+0.5')
    """
    plain = f"{abs(value):,.10g}" if abs(value) < 1e7 else f"{abs(value):.3g}"
    return f"{'−' if value < 0 else '+' if signed and value else ''}{plain}"
