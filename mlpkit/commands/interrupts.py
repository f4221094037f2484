"""Ctrl-C while a command runs."""

import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn, Self


class Interrupted(KeyboardInterrupt):
    """Ctrl-C was pressed.

    The interpreter would end by a signal, with another exit code, if the class itself were raised
    inside some imports.
    """


class Interrupts:
    """Within this context, Ctrl-C raises `Interrupted` and sets ``pressed``.

    A module that is imported at that moment may raise another error instead, so a command that
    fails reads ``pressed`` to find the cause. If Ctrl-C is ignored, as in a job in the
    background, it remains ignored.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._is_installed = False

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._is_installed = True
        return self

    def __exit__(self, *error: Any) -> None:
        if self._is_installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> NoReturn:
        self.pressed = True
        raise Interrupted


def print_unbuffered(text: str) -> None:
    """Print to stderr in a handler of signals.

    The handler may run inside a call of `print`, so the text is written past the buffer of stderr.
    """
    with suppress(OSError, ValueError):  # stderr is closed, or not a file
        os.write(sys.stderr.fileno(), text.encode())
