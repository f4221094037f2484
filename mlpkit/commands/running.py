"""Running a command: every expected error is one line, and an exit code."""

import argparse
import importlib
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from mlpkit.commands.program_name import program_name
from mlpkit.messages import escaped

FAILED, INVALID, INTERRUPTED = 1, 2, 130  # exit codes, besides 0
NEEDED = ("pyarrow", "tomli_w")  # modules of the extra mlpkit[cli]
LONGEST = 1000  # characters of a message


def run(module: str, options: argparse.Namespace, needs_extra: bool = True) -> int:
    """Call ``main(options)`` of a module, and return the exit code.

    The module is imported here, so that the start of the program stays fast. ``needs_extra`` is
    whether it needs the modules of the extra mlpkit[cli].
    """
    command = module.rpartition(".")[2]
    with short_warnings():
        try:
            if needs_extra:
                check_extra()
            return int(importlib.import_module(module).main(options))
        except BrokenPipeError:
            raise  # `main` ends quietly
        except Exception as error:
            if options.interrupts.pressed:
                raise KeyboardInterrupt from error  # it is not the cause
            if options.traceback:
                traceback.print_exc()
            print(f"{program_name()} {command}: error: {message_of(error)}", file=sys.stderr)
            return INVALID


def check_extra() -> None:
    """Raise ImportError, with the command that installs them, if modules are missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        from mlpkit.registry.distributions import install_hint  # later, as it imports NumPy

        raise ImportError(
            f"this command needs {' and '.join(missing)}. Try: {install_hint('mlpkit[cli]')}."
        )


def message_of(error: BaseException) -> str:
    r"""Return the message of an exception on one line.

    >>> message_of(ValueError("two\n lines")), message_of(KeyError("a")), message_of(MemoryError())
    ('two lines', "KeyError: 'a'", 'MemoryError')
    """
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        text = f"{error.filename}: {error.strerror}"
    text = escaped(" ".join(text.split()))
    if not text or not isinstance(error, ValueError | OSError | ImportError):
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


@contextmanager
def short_warnings() -> Iterator[None]:
    """Inside, a warning is one line on stderr, and the same warning is shown once."""
    shown: set[str] = set()

    def show(message: Warning | str, *where: Any, **options: Any) -> None:
        text = message_of(ValueError(str(message)))
        if text not in shown:
            shown.add(text)
            print(f"warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield
