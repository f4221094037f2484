"""Predict the rows of a table with a model.

The table is a file (CSV, Parquet, Arrow), several files, a folder, or "-" for standard input. Its
columns may have any order; columns that the model does not need, such as the target, are ignored.
Rows are read, predicted and written in batches, so that the memory does not depend on their
number.
"""

import argparse

from mlpkit.commands.arguments import (
    add_data,
    add_model,
    add_quiet,
    add_reading,
    add_traceback,
    names,
)
from mlpkit.commands.running import run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_model(parser)
    add_data(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help='CSV, Parquet or Arrow by its suffix; "-" for CSV on standard output (default)',
    )
    parser.add_argument("--proba", action="store_true", help="add the probability of each class")
    parser.add_argument(
        "--keep", type=names, metavar="COLUMNS", help="columns to copy, separated by commas"
    )
    add_quiet(parser)
    add_reading(parser)
    add_traceback(parser)


def main(options: argparse.Namespace) -> int:
    """Write the predictions; return the exit code."""
    return run("mlpkit.commands.models.predict", options)
