"""Write a model in the format of another program."""

import argparse

from mlpkit.commands.arguments import add_traceback
from mlpkit.commands.running import run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("model", metavar="MODEL", help="the file that fit has written")
    parser.add_argument("--onnx", metavar="FILE", required=True, help="ONNX, such as income.onnx")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    add_traceback(parser)


def main(options: argparse.Namespace) -> int:
    """Write the file; return the exit code."""
    return run("mlpkit.commands.models.export", options, needs_extra=False)
