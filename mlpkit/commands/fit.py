"""Fit a model to a table, and write it to a file.

The table is a file (CSV, Parquet, Arrow), several files, a folder, or "-" for standard input.
The task follows from the target: text, categories, booleans and up to 20 different whole numbers
are classes. Ctrl-C ends training after the epoch and writes the best model so far; the exit code
is then 130.
"""

import argparse

from mlpkit.commands.arguments import (
    add_data,
    add_quiet,
    add_reading,
    add_traceback,
    add_weight,
    names,
)
from mlpkit.commands.running import run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_data(parser, is_required=False)
    parser.add_argument("--target", type=names, metavar="COLUMN", help="the column to predict")
    parser.add_argument("-o", "--output", metavar="FILE", help="the model, such as income.mlpkit")
    parser.add_argument(
        "--task", choices=("classification", "regression"), help="default: inferred from the target"
    )
    _add_columns(parser)
    _add_model(parser)
    _add_training(parser)
    _add_large_data(parser)
    add_reading(parser)
    add_traceback(parser)


def _add_columns(parser: argparse.ArgumentParser) -> None:
    """Add the options of what the columns mean."""
    columns = parser.add_argument_group("columns", "separated by commas")
    columns.add_argument("--drop", type=names, metavar="COLUMNS", help="leave columns out")
    columns.add_argument(
        "--categorical", type=names, metavar="COLUMNS", help="numbers that are categories"
    )
    add_weight(columns)
    columns.add_argument(
        "--group", type=names, metavar="COLUMNS", help="measure metrics by group in each epoch"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options of the estimator and its parameters."""
    model = parser.add_argument_group("model")
    model.add_argument("--estimator", metavar="NAME", help="such as MLPClassifier")
    model.add_argument("--backend", metavar="NAME", help="such as numpy")
    model.add_argument("--seed", type=int, metavar="N", help="random seed (default: 0)")
    model.add_argument(
        "--valid",
        metavar="FILE|FRACTION|COLUMN",
        help="validation rows: a file, a fraction such as 0.2, or a column that marks them",
    )
    model.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of the estimator, such as max_iter=50; may be repeated",
    )
    model.add_argument("--config", metavar="FILE", help="settings in a TOML file")
    model.add_argument(
        "--print-config", action="store_true", help="print all settings as TOML, and stop"
    )


def _add_training(parser: argparse.ArgumentParser) -> None:
    """Add the options of checkpoints, the time limit and progress."""
    training = parser.add_argument_group("training")
    training.add_argument("--checkpoint", metavar="FILE", help="save the progress in a file")
    training.add_argument(
        "--resume", action="store_true", help="continue from the checkpoint, if there is one"
    )
    training.add_argument("--time-limit", metavar="DURATION", help="such as 90s, 10m or 1.5h")
    training.add_argument(
        "--log",
        choices=("auto", "text", "json", "none"),
        default="auto",
        help="a line for each epoch: on a terminal (auto), always (text), as JSON on stdout, or"
        " never",
    )
    add_quiet(training)


def _add_large_data(parser: argparse.ArgumentParser) -> None:
    """Add the options of tables that do not fit into memory."""
    large = parser.add_argument_group("tables larger than memory")
    large.add_argument(
        "--memory",
        metavar="SIZE",
        help="read the table in parts, with at most so much memory, such as 1GiB, for its rows",
    )
    large.add_argument(
        "--cache", metavar="FOLDER", help="keep the encoded rows for the next fit; implies --memory"
    )


def main(options: argparse.Namespace) -> int:
    """Fit the model and write it; return the exit code."""
    return run("mlpkit.commands.fitting.fit", options)
