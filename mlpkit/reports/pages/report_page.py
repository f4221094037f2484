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
from mlpkit.reports.pages.importances import importance_table


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
        ("overall", "All rows"): sections.overall(
            columns, report.options.confidence, report.entries[0].weight
        ),
        ("worst", "Worst groups"): sections.worst(columns),
        ("differences", "Differences between groups"): differences_table(columns, members),
        ("groups", "Groups"): groups and sections.legend(columns, report.options) + groups,
        ("calibration", "Calibration"): calibration_section(
            report.calibration, report.options.min_rows
        ),
        ("importance", "Importance of features"): importance_table(report.importance),
        ("training", "Training"): sections.training(estimator),
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
    shown = sections.overall(columns, report.options.confidence) + sections.short(columns)
    return part(shown + importance_table(report.importance))


def directions_of(report: sections.ShownReport) -> dict[str, bool | None]:
    """Which direction of each metric is better."""
    names = dict.fromkeys(e.metric for e in report.entries)
    return {name: report.higher_is_better(name) for name in names}
