"""The command line: ``mlpkit fit``, ``predict``, ``report``, ``inspect``, ``export`` and others.

``python -m mlpkit`` runs the same commands, also if the folder of scripts is not on the PATH.
"""

import sys

TYPE_CHECKING = False  # imports as little as possible, since Ctrl-C is not handled before `main`
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run one command and return the exit code, which is 130 after Ctrl-C."""
    try:
        from mlpkit.commands import program

        return program.main(arguments)
    except KeyboardInterrupt:  # also while that was imported
        sys.stderr.write("mlpkit: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
