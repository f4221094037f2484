"""The largest differences between the groups of each partitioner, as a table."""

import math
from collections.abc import Mapping, Sequence

from mlpkit.metrics.grouping import GroupLabel
from mlpkit.reports.pages import markup
from mlpkit.reports.pages.columns import Column

CAPTION = (
    "The highest minus the lowest value of groups with enough rows, and the lowest divided by the"
    " highest"
)


def differences_table(
    columns: Sequence[Column], members: Mapping[str, Sequence[GroupLabel]]
) -> str:
    """The difference and the ratio of the extreme values of eligible groups, by partitioner.

    Nothing if no partitioner has two eligible groups.
    """
    rows = []
    for partitioner, groups in members.items():
        cells = [_extremes(c, groups) for c in columns]
        if any(cells):
            content = "".join(
                f'<td class="value">{cell[0]}</td><td class="value">{cell[1]}</td>'
                if cell
                else "<td></td><td></td>"
                for cell in cells
            )
            rows.append(f'<tr><th scope="row">{markup.name(partitioner)}</th>{content}</tr>')
    if not rows:
        return ""
    headings = "".join(
        f'<th scope="colgroup" colspan="2">{markup.name(c.name)}</th>' for c in columns
    )
    kinds = '<th scope="col">difference</th><th scope="col">ratio</th>' * len(columns)
    return (
        f'<div class="scroll"><table class="numbers"><caption><span>{CAPTION}</span></caption>'
        f'<thead><tr><th scope="col" rowspan="2">groups by</th>{headings}</tr><tr>{kinds}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _extremes(column: Column, groups: Sequence[GroupLabel]) -> tuple[str, str] | None:
    """The difference and the ratio as text; None for less than two groups."""
    cells = [column.cells[g] for g in groups if g in column.cells]
    values = [cell.value for cell in cells if cell.eligible]
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    ratio = low / high if low >= 0 < high else math.nan
    return (
        markup.fixed(high - low, column.digits),
        "" if math.isnan(ratio) else markup.fixed(ratio, 2),
    )
