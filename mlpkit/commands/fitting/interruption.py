"""Ctrl-C during training: the first one ends training after the epoch."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from mlpkit.commands.interrupts import print_unbuffered


class Interruption:
    """Inside, Ctrl-C sets ``requested``; a second one raises KeyboardInterrupt.

    Parameters
    ----------
    announce : callable
        ``announce()`` is called at the first Ctrl-C.
    """

    def __init__(self, announce: Callable[[], object]) -> None:
        self.requested = False
        self._announce = announce
        self._previous: Any = None  # the handler of signals outside
        self._is_training = True

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def end_training(self) -> None:
        """From here on, Ctrl-C is ignored: the model is being written."""
        self._is_training = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested and self._is_training:
            raise KeyboardInterrupt
        is_first, self.requested = not self.requested, True
        if is_first and self._is_training:
            self._announce()


def print_announcement() -> None:
    """Print what happens next."""
    print_unbuffered(
        "Interrupted: training ends after this epoch, and the model is written. Press Ctrl-C again"
        " to end the epoch at once.\n"
    )
