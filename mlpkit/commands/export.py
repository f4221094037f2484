"""Write a model in the format of another program."""

import argparse

from mlpkit.commands.arguments import add_model, add_quiet, add_traceback
from mlpkit.commands.running import run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_model(parser)
    parser.add_argument("--onnx", metavar="FILE", required=True, help="ONNX, such as income.onnx")
    add_quiet(parser)
    add_traceback(parser)


def main(options: argparse.Namespace) -> int:
    """Write the file; return the exit code."""
    return run("mlpkit.commands.models.export", options, needs_extra=False)
