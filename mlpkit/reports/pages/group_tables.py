"""Tables of groups whose rows contain a plot: a dot and an interval on the axis of the column."""

import math
from collections.abc import Mapping, Sequence

from mlpkit.metrics.grouping import GroupLabel
from mlpkit.reports.pages import markup
from mlpkit.reports.pages.columns import Cell, Column, n_rows_of

MAX_COLUMNS = 3  # metrics side by side
MAX_ROWS = 20  # of a table that shows all groups
N_WORST, N_BEST = 10, 5  # of a longer one; the groups between are folded
MARGIN = 0.04  # of a plot, on both sides


def group_tables(
    columns: Sequence[Column],
    groups: Sequence[GroupLabel],
    names: Mapping[GroupLabel, str],
    caption: str,
) -> str:
    """Tables with at most three metrics side by side, and a row for each group in this order.

    Most groups of a long list are in an element that the reader opens. ``names`` and ``caption``
    are markup.
    """
    tables = []
    for block in blocks([c.among(groups) for c in columns]):
        if len(groups) <= MAX_ROWS:
            tables.append(table(block, groups, names, caption))
            continue
        first, last = groups[:N_WORST], groups[-N_BEST:]
        rest = groups[N_WORST:-N_BEST]
        summary = f"The {len(rest):,} groups between these"
        tables.append(table(block, first, names, f"{caption}: the first {N_WORST}"))
        tables.append(
            f"<details><summary>{summary}</summary>{table(block, rest, names, caption)}</details>"
        )
        tables.append(table(block, last, names, f"{caption}: the last {N_BEST}"))
    return "".join(tables)


def blocks(columns: Sequence[Column]) -> list[Sequence[Column]]:
    """Columns in blocks of equal size."""
    n_blocks = math.ceil(len(columns) / MAX_COLUMNS)
    size = math.ceil(len(columns) / n_blocks) if n_blocks else 1
    return [columns[i : i + size] for i in range(0, len(columns), size)]


def table(
    columns: Sequence[Column],
    groups: Sequence[GroupLabel],
    names: Mapping[GroupLabel, str],
    caption: str,
) -> str:
    """A table with the given groups."""
    headings = "".join(
        f'<th scope="colgroup" colspan="2">{markup.name(c.name)}{direction(c)}</th>'
        for c in columns
    )
    axes = "".join(
        f'<th scope="col">{_kind(c)}</th><th scope="col">{_axis(c)}</th>' for c in columns
    )
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
    shown = markup.data(cell.value, column.digits, column.signed)
    ends = markup.interval(cell.low, cell.high, column.digits, column.signed)
    content = f"{shown} {ends}".rstrip()
    return content if cell.eligible else f"({content})"


def _cells(column: Column, cell: Cell | None) -> str:
    """The cell with the text and the cell with the plot."""
    if cell is None:
        return "<td></td><td></td>"
    kind = "ineligible" if not cell.eligible else column.standing(cell)
    style = f"value {kind}".rstrip()
    return (
        f'<td class="{style}" data-metric="{markup.text(column.name)}">'
        f'{value_text(column, cell)}</td><td class="plot">{_dot(column, cell, kind)}</td>'
    )


def _dot(column: Column, cell: Cell, kind: str) -> str:
    """The plot of one group, for sighted readers of a table that has the same numbers."""
    at = _position(column, column.reference)
    marks = f'<line class="reference" x1="{at}" x2="{at}" y2="100%"/>' if at else ""
    if not math.isnan(cell.low) and not math.isnan(cell.high):
        low, high = (_clamped(column, end) for end in (cell.low, cell.high))
        marks += f'<line x1="{low}" x2="{high}" y1="50%" y2="50%"/>'
    at = _position(column, cell.value)
    if at:
        marks += f'<circle cx="{at}" cy="50%" r="4"/>'
    elif not math.isnan(cell.value):  # beyond the axis, which eligible groups determine
        below = cell.value < column.scale.low
        x, anchor, arrow = ("0", "start", "‹") if below else ("100%", "end", "›")
        marks += f'<text x="{x}" y="65%" text-anchor="{anchor}">{arrow}</text>'
    style = f' class="{kind}"' if kind else ""
    return f'<svg{style} aria-hidden="true">{marks}</svg>'


def _position(column: Column, value: float) -> str:
    """The position of a value in percent of the width; "" if it is not on the axis."""
    at = column.scale.at(value) if math.isfinite(value) else math.nan
    return _percent(at) if 0 <= at <= 1 else ""


def _clamped(column: Column, value: float) -> str:
    """The position of a value, or the edge of the plot."""
    at = column.scale.at(value)
    return "0" if at < 0 else "100%" if at > 1 else _percent(at)


def _percent(at: float) -> str:
    """The place of a position from 0 to 1 within the margins.

    >>> _percent(0.0), _percent(0.5)
    ('4%', '50%')
    """
    return f"{round(100 * (MARGIN + (1 - 2 * MARGIN) * at), 1):g}%"


def _axis(column: Column) -> str:
    """The axis of a plot in the head of the table."""
    marks = "".join(
        f'<text x="{_position(column, tick)}" y="11" text-anchor="middle">'
        f"{_tick(tick, column.signed)}</text>"
        f'<line x1="{_position(column, tick)}" x2="{_position(column, tick)}" y1="14" y2="18"/>'
        for tick in column.scale.ticks(4)
        if 0.08 <= column.scale.at(tick) <= 0.92
    )
    return f'<span class="hidden">plot</span><svg class="axis" aria-hidden="true">{marks}</svg>'


def _tick(value: float, signed: bool) -> str:
    """The label of a tick.

    >>> _tick(-0.05, False), _tick(2000.0, False), _tick(0.5, True)
    ('−0.05', '2,000', '+0.5')
    """
    plain = f"{abs(value):,.10g}" if abs(value) < 1e7 else f"{abs(value):.3g}"
    return f"{'−' if value < 0 else '+' if signed and value else ''}{plain}"
