"""Evaluate a model on a table, by group, and check limits.

The report is text on standard output, or a file: a page of HTML that needs nothing else, JSON, CSV
or text. Each violated limit is a line, and the exit code is then 1.
"""

import argparse

from mlpkit.commands.arguments import (
    add_data,
    add_model,
    add_quiet,
    add_reading,
    add_traceback,
    add_weight,
    names,
)
from mlpkit.commands.running import run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_model(parser)
    add_data(parser)
    parser.add_argument("--by", type=names, metavar="COLUMNS", help="groups by values of columns")
    parser.add_argument(
        "--by-quantile",
        action="append",
        metavar="COLUMN:N",
        help="N groups at the quantiles of a numeric column, such as age:4; may be repeated",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the report: .html, .json, .csv or .txt"
    )
    parser.add_argument("--format", choices=("text", "json", "csv", "html"))
    parser.add_argument("--title", metavar="TEXT", help="title of the page of HTML")
    parser.add_argument("--metrics", type=names, metavar="NAMES", help="default: those of the task")
    parser.add_argument(
        "--target", type=names, metavar="COLUMN", help="default: the target of the fit"
    )
    add_weight(parser)
    parser.add_argument(
        "--confidence",
        type=float,
        default=0.95,
        metavar="P",
        help="confidence of the intervals (default: 0.95); 0 computes none",
    )
    parser.add_argument(
        "--min-rows",
        type=int,
        default=20,
        metavar="N",
        help="smaller groups are shown but not checked (default: 20)",
    )
    _add_limits(parser)
    add_quiet(parser, "errors and failures")
    add_reading(parser)
    add_traceback(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the limits of metrics."""
    limits = parser.add_argument_group("limits", "may be repeated; the exit code is 1 if violated")
    for name, text in (
        ("--min", "smallest value, of all rows and of each group, such as accuracy=0.8"),
        ("--max", "largest value, such as log_loss=0.4"),
        ("--max-difference", "largest difference between groups, such as recall=0.1"),
        ("--min-ratio", "smallest ratio of two groups, such as selection_rate=0.8"),
    ):
        limits.add_argument(name, action="append", default=[], metavar="METRIC=X", help=text)
    limits.add_argument(
        "--significant",
        action="store_true",
        help="a value violates --min or --max only if its whole confidence interval does",
    )


def main(options: argparse.Namespace) -> int:
    """Write the report and check the limits; return the exit code."""
    return run("mlpkit.commands.models.report", options)
