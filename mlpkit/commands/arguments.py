"""Arguments that several commands have."""

import argparse
import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlpkit.sources.csv_files import CsvOptions


def names(text: str) -> list[str]:
    """Return the names in a list that is separated by commas; quotation marks keep a comma.

    >>> names('sex,race'), names('"a,b",c')
    (['sex', 'race'], ['a,b', 'c'])
    """
    return [name for name in next(csv.reader([text], skipinitialspace=True), []) if name]


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the model that a command reads."""
    parser.add_argument("model", metavar="MODEL", help="the file that fit has written")


def add_data(parser: argparse.ArgumentParser, is_required: bool = True) -> None:
    """Add the table that a command reads."""
    parser.add_argument(
        "data",
        nargs="+" if is_required else "*",
        metavar="DATA",
        help='files, folders, patterns such as "2024-*.csv", or "-" for standard input',
    )


def add_weight(group: "argparse._ActionsContainer") -> None:
    """Add the option --weight to a parser or to a group of its options."""
    group.add_argument("--weight", metavar="COLUMN", help="weights of the rows")


def add_quiet(group: "argparse._ActionsContainer", printed: str = "errors") -> None:
    """Add the option --quiet to a parser or to a group of its options."""
    group.add_argument("-q", "--quiet", action="store_true", help=f"print {printed} only")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options of how CSV is read."""
    reading = parser.add_argument_group("reading CSV")
    reading.add_argument("--delimiter", metavar="CHARACTER", help="default: found in the header")
    reading.add_argument("--encoding", metavar="NAME", help="default: utf-8")
    reading.add_argument(
        "--missing",
        action="append",
        metavar="TEXT",
        help='a further spelling of missing values, such as "?"; may be repeated',
    )


def add_traceback(parser: argparse.ArgumentParser) -> None:
    """Add the option --traceback."""
    parser.add_argument(
        "--traceback", action="store_true", help="show where an error was raised, for bug reports"
    )


def csv_options(options: argparse.Namespace) -> "CsvOptions":
    """Return how CSV is read."""
    from mlpkit.sources.csv_files import CsvOptions  # needs pyarrow

    delimiter = {"tab": "\t", "\\t": "\t"}.get(options.delimiter, options.delimiter)
    if delimiter is not None and len(delimiter) != 1:
        raise ValueError(f"--delimiter must be one character or 'tab', got {delimiter!r}")
    return CsvOptions(delimiter, options.encoding or "utf-8", tuple(options.missing or ()))
