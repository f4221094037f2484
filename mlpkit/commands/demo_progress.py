"""Where a command is, on standard error, and nothing else there."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from mlpkit.plugin import Report

SECONDS, FIT_SECONDS = 20, 3  # of all fits, and of the epochs of one, where they are limited


class Progress:
    """A line that updates on a terminal, plain lines elsewhere."""

    def __init__(self, stream: TextIO, limited: bool = False) -> None:
        self.limited, self.end, self.started = limited, time.monotonic() + SECONDS, 0.0
        self.stream, self.live = stream, stream.isatty()
        self.what, self.shown = "", 0.0

    def begin(self, what: str) -> None:
        """Say what starts now."""
        self.what = what
        self._write(f"{what} ...")

    def __call__(self, report: Report) -> None:
        """Show an epoch; a callback of the estimators. TimeoutError if the time is over."""
        now = time.monotonic()
        if report.epoch == 1:
            self.started = now
        if self.limited and now - self.started > FIT_SECONDS:
            raise TimeoutError(f"its epochs took more than {FIT_SECONDS} s")
        if self.limited and now > self.end:
            raise TimeoutError(f"{SECONDS} s were over")
        if self.live and time.monotonic() - self.shown > 0.1:
            self._write(f"{self.what}: epoch {report.epoch}, loss {report.loss:.4f}")

    def clear(self) -> None:
        """Leave the line empty."""
        if self.live:
            self._write("")

    def _write(self, text: str) -> None:
        self.shown = time.monotonic()
        self.stream.write(f"\r{text:79.79}\r" if self.live else f"{text}\n")
        self.stream.flush()


@contextmanager
def silent() -> Iterator[TextIO]:
    """Inside, what libraries write to the process's standard error goes nowhere; the stream that
    is given still leads there.
    """
    sys.stderr.flush()
    try:
        real = sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):  # a stream of Python's alone
        real = False
    if not real:
        yield sys.stderr
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with open(kept, "w", encoding=sys.stderr.encoding, closefd=False) as stream:
            yield stream
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
