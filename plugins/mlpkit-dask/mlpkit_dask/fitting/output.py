"""Warnings and printed text of rank 0, which appear where the user called `fit`."""

import pickle
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

WARNING, TEXT = "warning", "text"  # kinds of messages
MAX_WARNINGS = 100  # number of different warnings of a fit

Send = Callable[[Any], None]


class _Recording:
    """Replaces ``warnings.showwarning`` while ranks run, for their threads alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: dict[int, Callable[[Any], None]] = {}
        self._stack = ExitStack()

    @contextmanager
    def of_this_thread(self, receive: Callable[[Any], None]) -> Iterator[None]:
        """Pass the warnings of this thread to a function."""
        with self._lock:
            if not self._threads:
                self._replace()
            self._threads[threading.get_ident()] = receive
        try:
            yield
        finally:
            with self._lock:
                del self._threads[threading.get_ident()]
                if not self._threads:
                    self._stack.close()

    def _replace(self) -> None:
        self._stack.enter_context(warnings.catch_warnings())
        show = warnings.showwarning

        def show_or_receive(
            message: Any, category: Any, filename: str, lineno: int, *rest: Any, **options: Any
        ) -> None:
            receive = self._threads.get(threading.get_ident())
            if receive is None:
                show(message, category, filename, lineno, *rest, **options)
            else:
                receive((message, category, filename, lineno))

        warnings.showwarning = show_or_receive
        warnings.simplefilter("always")


_RECORDING = _Recording()


class _Lines:
    """A text stream that sends the complete lines of this thread; others write as before."""

    def __init__(self, name: str, stream: TextIO, send: Send) -> None:
        self._name, self._stream, self._send = name, stream, send
        self._thread, self._pending = threading.get_ident(), ""

    def write(self, text: str) -> int:
        """Write text."""
        if threading.get_ident() != self._thread:
            return self._stream.write(text)
        lines, newline, self._pending = (self._pending + text).rpartition("\n")
        if newline:
            self._send((TEXT, [self._name, lines + newline]))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def sent_output(rank: int, send: Send) -> Iterator[None]:
    """Send the warnings and the printed lines of rank 0, and drop those of other ranks."""
    seen: set[tuple[str, str, int]] = set()

    def receive(warning: tuple[Any, Any, str, int]) -> None:
        message, category, filename, lineno = warning
        key = (str(message), category.__name__, lineno)
        if rank == 0 and key not in seen and len(seen) < MAX_WARNINGS:
            seen.add(key)
            send((WARNING, _pickled(message, filename, lineno)))

    with ExitStack() as stack:
        stack.enter_context(_RECORDING.of_this_thread(receive))
        if rank == 0:
            out: Any = _Lines("stdout", sys.stdout, send)
            error: Any = _Lines("stderr", sys.stderr, send)
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(error))
        yield


def _pickled(message: Any, filename: str, lineno: int) -> bytes:
    try:
        pickled = pickle.dumps((message, filename, lineno))
        pickle.loads(pickled)
    except Exception:
        pickled = pickle.dumps((UserWarning(str(message)), filename, lineno))
    return pickled


def show(message: Any) -> None:
    """Print text, or warn, as a message of rank 0 says; runs where the user called `fit`."""
    kind, content = message
    if kind == TEXT:
        name, text = content
        getattr(sys, name).write(text)
        getattr(sys, name).flush()
    elif kind == WARNING:
        warning, filename, lineno = pickle.loads(content)
        warnings.warn_explicit(warning, type(warning), filename, lineno)
