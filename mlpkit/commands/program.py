"""The program ``mlpkit``: its commands, and the exit code of the one that runs."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from mlpkit import __version__
from mlpkit.commands.interrupts import Interrupts
from mlpkit.commands.parser import Parser
from mlpkit.commands.program_name import program_name
from mlpkit.messages import did_you_mean

COMMANDS = {  # the module of each, in this folder, has add_arguments(parser) and main(args)
    "fit": "fit a model to a table",
    "predict": "predict the rows of a table with a model",
    "report": "evaluate a model on a table, by group, and check limits",
    "inspect": "print what a model is",
    "export": "write a model in the format of another program",
    "plugins": "list the installed plugins and what is unavailable",
    "check": "run the conformance tests of an installed plugin",
    "new-plugin": "write a new, working plugin",
    "demo": "compare the installed backends with scikit-learn on real data",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    with Interrupts() as interrupts:
        try:
            return run(given, interrupts)
        except Exception as error:
            if interrupts.pressed:
                raise KeyboardInterrupt from error
            raise


def run(arguments: Sequence[str], interrupts: Interrupts) -> int:
    """Run one command and return the exit code."""
    parser = parser_of(arguments)
    command = arguments[0] if arguments else "fit"
    if command not in COMMANDS and not command.startswith("-"):
        parts = (f"unknown command {command!r}.", did_you_mean(command, COMMANDS))
        known = f"The commands are: {', '.join(COMMANDS)}."
        parser.error(" ".join(part for part in (*parts, known) if part))
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        options.parser.reject(unknown)
    options.interrupts = interrupts
    try:
        code = int(options.main(options))
        sys.stdout.flush()  # raises BrokenPipeError here, not at exit
        return code
    except BrokenPipeError:  # a reader such as head has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser_of(arguments: Sequence[str]) -> Parser:
    """Return the parser of the program, with the options of the command among the arguments.

    The modules of other commands are not imported, so that the program starts at once.
    """
    parser = Parser(prog=program_name())
    parser.add_argument("--version", action="version", version=f"mlpkit {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary)
        if name in arguments:
            command = import_module(f"mlpkit.commands.{name.replace('-', '_')}")
            subparser.description = command.__doc__
            command.add_arguments(subparser)
            subparser.set_defaults(main=command.main, parser=subparser)
    return parser
