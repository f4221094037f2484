"""The command line: ``mlpkit fit``, ``predict``, ``report``, ``inspect``, ``export`` and others.

``python -m mlpkit`` runs the same commands, also if the folder of scripts is not on the PATH.
"""

import os
import sys
from collections.abc import Sequence

from mlpkit import __version__
from mlpkit.commands import check, demo, export, fit, inspect, new_plugin, plugins, predict, report
from mlpkit.commands.parser import Parser
from mlpkit.commands.program_name import program_name

COMMANDS = {  # each has SUMMARY, add_arguments(parser), main(args)
    "fit": fit,
    "predict": predict,
    "report": report,
    "inspect": inspect,
    "export": export,
    "plugins": plugins,
    "check": check,
    "new-plugin": new_plugin,
    "demo": demo,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = Parser(prog=program_name())
    parser.add_argument("--version", action="version", version=f"mlpkit {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.SUMMARY, description=command.__doc__)
        command.add_arguments(subparser)
        subparser.set_defaults(main=command.main, parser=subparser)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        options.parser.reject(unknown)
    try:
        code = int(options.main(options))
        sys.stdout.flush()  # raises BrokenPipeError here, not at exit
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # a reader such as head has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
