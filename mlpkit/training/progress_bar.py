"""A tqdm progress bar on a terminal or in a notebook. Other output is printed above it."""

import sys
from importlib import import_module
from threading import RLock
from typing import Any

_LOCK = RLock()
_bars: list[Any] = []  # the open bars on the terminal


class Bar:
    """A progress bar over epochs.

    Parameters
    ----------
    total : int or None
        Maximum number of epochs, if known.
    notebook : bool, default=False
        Whether to draw in a notebook.
    """

    def __init__(self, total: int | None, notebook: bool = False) -> None:
        bar_class = import_module("tqdm.auto" if notebook else "tqdm").tqdm
        # do not start the monitor thread of tqdm, which outlives the bars
        bar_class = type("Epochs", (bar_class,), {"monitor_interval": 0})
        with _LOCK:
            stream = sys.stderr.stream if isinstance(sys.stderr, _AboveBars) else sys.stderr
            self.bar = bar_class(
                total=total, desc="Training", unit="epoch", dynamic_ncols=True, file=stream
            )
            self.notebook = notebook
            if not notebook:
                _bars.append(self.bar)
                if len(_bars) == 1:
                    sys.stdout, sys.stderr = _AboveBars(sys.stdout), _AboveBars(sys.stderr)

    def show(self, epoch: int, text: str) -> None:
        """Draw the bar after an epoch, followed by a text."""
        with _LOCK:
            self.bar.n = epoch
            self.bar.set_postfix_str(text)

    def close(self) -> None:
        """Close the bar and leave its last state on a separate line."""
        if self.notebook:
            self.bar.close()
            return
        with _LOCK:
            _bars.remove(self.bar)
            self.bar.close()
            if not _bars:
                _restore()


class _AboveBars:
    """Wrap a terminal stream so that complete lines are written above the bars."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.pending = stream, ""

    def write(self, text: str) -> int:
        """Write the complete lines, and keep the rest until it is completed or flushed."""
        with _LOCK:
            lines, newline, rest = (self.pending + text).rpartition("\n")
            self.pending = rest
            self._write_above(lines + newline)
        return len(text)

    def flush(self) -> None:
        """Write an incomplete line as well, for example the prompt of `input`."""
        with _LOCK:
            text, self.pending = self.pending, ""
            self._write_above(text)
            self.stream.flush()

    def _write_above(self, text: str) -> None:
        if not text:
            return
        for bar in _bars:
            bar.clear(nolock=True)
        self.stream.write(text)
        self.stream.flush()
        if text.endswith("\n"):
            for bar in _bars:
                bar.refresh(nolock=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _restore() -> None:
    """Restore the original streams, unless other code has replaced them in the meantime."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, _AboveBars):
            stream.flush()
            setattr(sys, name, stream.stream)
