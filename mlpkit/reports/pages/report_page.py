"""The page of a report, and its short form in a notebook."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlpkit.messages import comma_separated
from mlpkit.reports.limits import Failure
from mlpkit.reports.pages import columns as of
from mlpkit.reports.pages import markup, sections
from mlpkit.reports.pages.calibrations import calibration_section
from mlpkit.reports.pages.differences import differences_table
from mlpkit.reports.pages.documents import document, part
from mlpkit.reports.pages.group_tables import group_tables
from mlpkit.reports.pages.importances import importance_table

N_GROUPS = 10  # of each partitioner in a notebook


def report_page(
    report: sections.ShownReport,
    title: str | None,
    estimator: Any,
    failures: Sequence[Failure] | None,
    details: Mapping[str, Any],
) -> str:
    """The document of `PartitionReport.to_html`."""
    directions = directions_of(report)
    columns = of.of_report(report.entries, directions)
    members = of.groups_of(columns)
    groups = sections.partitioners(columns)
    contents = {
        ("overall", "All rows"): sections.overall(columns, report.options.confidence),
        ("worst", "Worst groups"): sections.worst(columns),
        ("differences", "Differences between groups"): differences_table(columns, members),
        ("groups", "Groups"): groups and sections.legend(columns, report.options) + groups,
        ("calibration", "Calibration"): calibration_section(
            report.calibration, report.options.min_rows
        ),
        ("importance", "Importance of features"): importance_table(report.importance),
        ("training", "Training"): sections.training(estimator, directions),
        ("notes", "Notes"): sections.notes(report, columns),
    }
    contents = {names: content for names, content in contents.items() if content}
    heading = title or f"Report of {comma_separated(directions)}"
    facts = markup.description_list(details) + sections.limits(failures)
    parts = (markup.section(*names, content) for names, content in contents.items())
    return document(heading, facts + markup.navigation(contents), "".join(parts))


def report_part(report: sections.ShownReport) -> str:
    """All rows, and the first groups of each partitioner, the worst first."""
    columns = of.of_report(report.entries, directions_of(report))
    shown = sections.overall(columns, report.options.confidence)
    leading = next((c for c in columns if c.higher_is_better is not None), None)
    for partitioner, groups in of.groups_of(columns).items():
        ordered = groups if leading is None else leading.worst_first(groups)
        names = markup.names(g[1] for g in groups)
        caption = markup.name(partitioner)
        if more := len(ordered) - N_GROUPS:
            caption += f", {N_GROUPS} of {len(ordered):,} groups" if more > 0 else ""
        shown += group_tables(
            columns, ordered[:N_GROUPS], {g: names[g[1]] for g in groups}, caption
        )
    return part(shown)


def directions_of(report: sections.ShownReport) -> dict[str, bool | None]:
    """Which direction of each metric is better."""
    names = dict.fromkeys(e.metric for e in report.entries)
    return {name: report.higher_is_better(name) for name in names}
