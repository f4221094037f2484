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
