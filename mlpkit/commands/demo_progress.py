"""The progress of ``mlpkit demo`` on stderr, with a time limit."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from mlpkit.plugin import Report

SECONDS, FIT_SECONDS = 20, 3  # limits of all fits together, and of the epochs of a fit


class DemoProgress:
    """A line that is updated on a terminal, and a line for each fit elsewhere."""

    def __init__(self, stream: TextIO, limited: bool = False) -> None:
        self.limited, self.end, self.started = limited, time.monotonic() + SECONDS, 0.0
        self.stream, self.is_terminal = stream, stream.isatty()
        self.title, self.last_write = "", 0.0

    def begin(self, title: str) -> None:
        """Show that a fit begins."""
        self.title = title
        self._write(f"{title} ...")

    def __call__(self, report: Report) -> None:
        """Show an epoch, as a callback of the estimators; raise TimeoutError after the limit."""
        now = time.monotonic()
        if report.epoch == 1:
            self.started = now
        if self.limited and now - self.started > FIT_SECONDS:
            raise TimeoutError(f"its epochs took more than {FIT_SECONDS} s")
        if self.limited and now > self.end:
            raise TimeoutError(f"the time limit of {SECONDS} s was reached")
        if self.is_terminal and time.monotonic() - self.last_write > 0.1:
            self._write(f"{self.title}: epoch {report.epoch}, loss {report.loss:.4f}")

    def clear(self) -> None:
        """Clear the line on a terminal."""
        if self.is_terminal:
            self._write("")

    def _write(self, text: str) -> None:
        self.last_write = time.monotonic()
        self.stream.write(f"\r{text:79.79}\r" if self.is_terminal else f"{text}\n")
        self.stream.flush()


@contextmanager
def silent() -> Iterator[TextIO]:
    """Discard what libraries write to stderr, and yield a stream that still writes to it."""
    sys.stderr.flush()
    try:
        is_descriptor = sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):  # a stream without a descriptor
        is_descriptor = False
    if not is_descriptor:
        yield sys.stderr
        return
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        with open(stderr, "w", encoding=sys.stderr.encoding, closefd=False) as stream:
            yield stream
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
