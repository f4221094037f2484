"""The page of a comparison, and its short form in a notebook."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mlpkit.messages import comma_separated
from mlpkit.reports.entries import Change
from mlpkit.reports.pages import columns as of
from mlpkit.reports.pages import markup, sections
from mlpkit.reports.pages.columns import Column
from mlpkit.reports.pages.documents import document, part

N_CHANGES = 10  # number of differences beyond chance that are shown at once


class ShownComparison(Protocol):
    """The part of a comparison that its page shows."""

    confidence: float | None
    directions: Mapping[str, bool | None]

    @property
    def entries(self) -> tuple[Change, ...]:
        """The changes, metric by metric."""


def comparison_page(
    comparison: ShownComparison, title: str | None, details: Mapping[str, Any]
) -> str:
    """The document of `Comparison.to_html`."""
    columns = of.of_comparison(comparison.entries, comparison.directions)
    groups = sections.partitioners(columns)
    contents = {
        ("overall", "All rows"): sections.overall(columns, comparison.confidence),
        ("significant", "Changes beyond chance"): _significant(comparison, columns),
        ("groups", "Groups"): groups and _legend(comparison.confidence) + groups,
    }
    contents = {names: content for names, content in contents.items() if content}
    heading = title or f"Differences of {comma_separated(c.name for c in columns)}"
    facts = markup.description_list(details) + markup.navigation(contents)
    parts = (markup.section(*names, content) for names, content in contents.items())
    return document(heading, facts, "".join(parts))


def comparison_part(comparison: ShownComparison) -> str:
    """All rows, and the first groups of each partitioner, the worst first."""
    columns = of.of_comparison(comparison.entries, comparison.directions)
    return part(sections.overall(columns, comparison.confidence) + sections.short(columns))


def _significant(comparison: ShownComparison, columns: Sequence[Column]) -> str:
    """The changes whose interval does not contain 0, those for the worse first."""
    if comparison.confidence is None:
        return ""
    by_name = {c.name: c for c in columns}
    changes = [c for c in comparison.entries if c.significant]
    kinds = {c: _kind(c, by_name[c.metric]) for c in changes}
    changes.sort(key=lambda c: ("worse", "changed", "better").index(kinds[c]))
    items = [_sentence(c, by_name[c.metric], kinds[c]) for c in changes]
    if not items:
        return "<p>No interval excludes 0.</p>"
    shown = f"<ul>{''.join(items[:N_CHANGES])}</ul>"
    if rest := items[N_CHANGES:]:
        summary = markup.plural(len(rest), "more change")
        shown += f"<details><summary>{summary}</summary><ul>{''.join(rest)}</ul></details>"
    return shown


def _kind(change: Change, column: Column) -> str:
    """Whether a change is for the better, in words."""
    if column.higher_is_better is None:
        return "changed"
    return "better" if (change.difference > 0) == column.higher_is_better else "worse"


def _sentence(change: Change, column: Column, kind: str) -> str:
    """A change with both values."""
    group = "all rows"
    if change.partitioner != "all":
        group = f"{markup.name(change.partitioner)} {markup.name(change.partition)}"
    digits = column.digits
    return (
        f'<li>{markup.name(change.metric)} is <b class="{kind}">{kind}</b> for {group}:'
        f" {markup.fixed(change.value, digits)} instead of {markup.fixed(change.other, digits)},"
        f" {markup.fixed(change.difference, digits, sign=True)}"
        f" {markup.interval(change.low, change.high, digits, sign=True)}</li>"
    )


def _legend(confidence: float | None) -> str:
    """What the marks of the tables mean."""
    text = "The dashed line marks no difference. In parentheses and hollow: not eligible in both."
    if confidence is not None:
        text += (
            ' Coloured: the whole interval is on the <b class="worse">worse</b> or on the'
            ' <b class="better">better</b> side of this line.'
        )
    return f'<p class="remark">{text}</p>'
