"""Print what a model is, without loading its weights."""

import argparse

from mlpkit.commands.arguments import add_model, add_traceback
from mlpkit.commands.running import run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_traceback(parser)


def main(options: argparse.Namespace) -> int:
    """Print the description; return the exit code."""
    return run("mlpkit.commands.models.inspect", options, needs_extra=False)
