"""The sections of the page of a report, from the most urgent to the details."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from mlpkit.metrics.grouping import GroupLabel
from mlpkit.reports.calibration import Calibration
from mlpkit.reports.entries import Entry
from mlpkit.reports.estimates import ReportOptions
from mlpkit.reports.importance import FeatureImportance
from mlpkit.reports.limits import Failure
from mlpkit.reports.pages import columns as of
from mlpkit.reports.pages import curves, markup
from mlpkit.reports.pages.columns import ALL, Column
from mlpkit.reports.pages.group_tables import direction, group_tables, table

N_WORST = 5  # groups of each metric, if there is one partitioner, at most half of them
N_SHORT = 10  # groups of each partitioner in a notebook
N_FAILURES = 10  # that are shown at once


class ShownReport(Protocol):
    """The part of a report that its page shows."""

    options: ReportOptions
    importance: FeatureImportance | None
    calibration: Calibration | None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries."""

    @property
    def notes(self) -> list[str]:
        """Remarks about metrics, and their errors."""

    def higher_is_better(self, metric: str) -> bool | None:
        """Whether higher values of a metric are better."""


def limits(failures: Sequence[Failure] | None) -> str:
    """The violated limits; None if none were checked."""
    if failures is None:
        return ""
    if not failures:
        return '<p class="verdict">All limits hold.</p>'
    count = markup.plural(len(failures), "limit is", "limits are")
    items = [f"<li>{markup.text(failure)}</li>" for failure in failures]
    shown = f"<ul>{''.join(items[:N_FAILURES])}</ul>"
    if rest := items[N_FAILURES:]:
        summary = markup.plural(len(rest), "more limit")
        shown += f"<details><summary>{summary}</summary><ul>{''.join(rest)}</ul></details>"
    return f'<p class="verdict worse">{count} violated:</p>{shown}'


def overall(
    columns: Sequence[Column], confidence: float | None, weight: float | None = None
) -> str:
    """The values over all rows, whose total weight is mentioned unless it is their number."""
    items = []
    for c in columns:
        if ALL in c.cells:
            cell = c.cells[ALL]
            items.append(
                f"<div><dt>{markup.name(c.name)}</dt>"
                f"<dd><strong>{markup.fixed(cell.value, c.digits, c.signed)}</strong>"
                f" {markup.interval(cell.low, cell.high, c.digits, c.signed)}{direction(c)}"
                "</dd></div>"
            )
    n_rows = columns[0].cells[ALL].n_rows if columns and ALL in columns[0].cells else 0
    remark = f"Over {markup.plural(n_rows, 'row')}"
    if weight is not None and not math.isclose(weight, n_rows):
        remark += f" with a total weight of {weight:,.6g}"
    remark += "."
    if confidence is not None:
        kind = "difference" if any(c.signed for c in columns) else "value"
        remark += f" In brackets: {100 * confidence:.4g}% confidence interval of each {kind} alone."
    return f'<dl class="values">{"".join(items)}</dl><p class="remark">{remark}</p>'


def worst(columns: Sequence[Column]) -> str:
    """For each metric, the worst group of each partitioner, or those of the only one."""
    tables = []
    members = of.groups_of(columns)
    names = full_names(g for groups in members.values() for g in groups)
    if len(members) == 1:
        names = _names([g for groups in members.values() for g in groups])
    for c in columns:
        if c.higher_is_better is None:
            continue
        ranked = {p: c.ranked(groups) for p, groups in members.items()}
        if len(members) > 1:
            shown = c.ranked(groups[0] for groups in ranked.values() if groups)
        else:
            shown = [g for groups in ranked.values() for g in groups[: _half(len(groups))]]
        if shown:
            caption = f"{markup.name(c.name)}: {markup.fixed(c.reference, c.digits)} over all rows"
            tables.append(table([c.among(shown)], shown, names, caption))
    if not tables:
        return ""
    if len(members) > 1:
        what = "The worst group of each partitioner"
    else:
        what = f"The worst groups by {' and '.join(map(markup.name, members))}"
    remark = f"{what}, for each metric."
    return f'<p class="remark">{remark}</p><div class="cards">{"".join(tables)}</div>'


def _half(n_groups: int) -> int:
    """The number of groups that are the worst ones.

    >>> _half(1), _half(4), _half(100)
    (1, 2, 5)
    """
    return min(math.ceil(n_groups / 2), N_WORST)


def full_names(groups: Iterable[GroupLabel]) -> dict[GroupLabel, str]:
    """The markup of groups of several partitioners."""
    texts = {g: f"{g[0]}: {g[1]}" for g in groups}
    short = markup.names(texts.values())
    return {g: short[full] for g, full in texts.items()}


def partitioners(columns: Sequence[Column]) -> str:
    """The tables of all partitioners, with the worst group first."""
    parts = []
    for partitioner, groups in of.groups_of(columns).items():
        title = markup.name(partitioner)
        tables = group_tables(
            columns, _ordered(columns, groups), _names(groups), _caption(columns, groups)
        )
        parts.append(f"<h3>{title}</h3>{tables}")
    return "".join(parts)


def short(columns: Sequence[Column]) -> str:
    """The tables of all partitioners with their first groups."""
    parts = []
    for groups in of.groups_of(columns).values():
        caption = _caption(columns, groups)
        if len(groups) > N_SHORT:
            caption += f": {N_SHORT} of {len(groups):,} groups"
        first = _ordered(columns, groups)[:N_SHORT]
        parts.append(group_tables(columns, first, _names(groups), caption))
    return "".join(parts)


def _leading(columns: Sequence[Column]) -> Column | None:
    """The metric that determines the order of groups: the first with a better direction."""
    return next((c for c in columns if c.higher_is_better is not None), None)


def _ordered(columns: Sequence[Column], groups: Sequence[GroupLabel]) -> Sequence[GroupLabel]:
    leading = _leading(columns)
    return groups if leading is None else leading.worst_first(groups)


def _names(groups: Sequence[GroupLabel]) -> dict[GroupLabel, str]:
    """The markup of the groups of one partitioner."""
    texts = markup.names(g[1] for g in groups)
    return {g: texts[g[1]] for g in groups}


def _caption(columns: Sequence[Column], groups: Sequence[GroupLabel]) -> str:
    caption, leading = f"Groups by {markup.name(groups[0][0])}", _leading(columns)
    if leading is not None and len(groups) > 1:
        change = "change of " if leading.signed else ""
        caption += f", the worst {change}{markup.name(leading.name)} first"
    return caption


def legend(columns: Sequence[Column], options: ReportOptions) -> str:
    """What the marks of the tables mean."""
    sentences = ["The dashed line marks the value over all rows."]
    marked = {c.standing(cell) for c in columns for g, cell in c.cells.items() if g != ALL}
    if marked & {"worse", "better"}:
        sentences.append(
            'Coloured: the whole interval is <b class="worse">worse</b> or'
            ' <b class="better">better</b> than this value.'
        )
    if any(not cell.eligible for c in columns for cell in c.cells.values()):
        sentences.append(
            f"In parentheses and hollow: fewer than {options.min_rows} rows or undefined; such"
            " groups are ignored when groups are compared."
        )
    if options.confidence is not None:
        sentences.append(
            "Each interval is for one metric and group alone: of many intervals, some miss the"
            " true value by chance."
        )
    return f'<p class="remark">{" ".join(sentences)}</p>'


def training(estimator: Any) -> str:
    """The loss curve and the metric history of a fitted estimator, as far as it has them."""
    steps = getattr(estimator, "steps", None)  # of a pipeline
    model = steps[-1][1] if steps else estimator
    losses = getattr(model, "loss_curve_", None)
    parts = curves.loss_curves(
        [] if losses is None else losses, getattr(model, "validation_scores_", None)
    )
    history = getattr(model, "metric_history_", None)
    if history is not None:
        parts += "".join(curves.history_figures(history, history.directions))
    return parts


def notes(report: ShownReport, columns: Sequence[Column]) -> str:
    """Remarks about metrics, and groups that are not eligible, in words."""
    items = [markup.text(note) for note in report.notes]
    items += list(_ineligible(columns, report.options.min_rows))
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if items else ""


def _ineligible(columns: Sequence[Column], min_rows: int) -> Iterator[str]:
    """Why groups are ignored."""
    n_rows = of.n_rows_of(columns)
    for partitioner, groups in of.groups_of(columns).items():
        small = sum(n_rows[g] < min_rows for g in groups)
        if small:
            yield (
                f"{markup.plural(small, 'group')} of {markup.name(partitioner)}"
                f" {'has' if small == 1 else 'have'} fewer than {min_rows} rows."
            )
        for c in columns:
            undefined = sum(
                g in c.cells and math.isnan(c.cells[g].value) and n_rows[g] >= min_rows
                for g in groups
            )
            if undefined:
                yield (
                    f"{markup.name(c.name)} is undefined for {markup.plural(undefined, 'group')}"
                    f" of {markup.name(partitioner)}."
                )
