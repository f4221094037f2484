"""A bar on the terminal or in a notebook, by tqdm; what others print goes above it."""

import sys
from importlib import import_module
from threading import RLock
from typing import Any

_LOCK = RLock()
_bars: list[Any] = []  # those that are open on the terminal


class Bar:
    """A bar of epochs."""

    def __init__(self, total: int | None, notebook: bool = False) -> None:
        kind = import_module("tqdm.auto" if notebook else "tqdm").tqdm
        # without the thread by which tqdm looks after slow bars, and which outlives them
        kind = type("Epochs", (kind,), {"monitor_interval": 0})
        with _LOCK:
            stream = sys.stderr.stream if isinstance(sys.stderr, _Above) else sys.stderr
            self.bar = kind(
                total=total, desc="Training", unit="epoch", dynamic_ncols=True, file=stream
            )
            self.notebook = notebook
            if not notebook:
                _bars.append(self.bar)
                if len(_bars) == 1:
                    sys.stdout, sys.stderr = _Above(sys.stdout), _Above(sys.stderr)

    def show(self, epoch: int, text: str) -> None:
        """Draw the state after an epoch."""
        with _LOCK:
            self.bar.n = epoch
            self.bar.set_postfix_str(text)

    def close(self) -> None:
        """Leave the last state on a line of its own."""
        if self.notebook:
            self.bar.close()
            return
        with _LOCK:
            _bars.remove(self.bar)
            self.bar.close()
            if not _bars:
                _restore()


class _Above:
    """A stream of the terminal: whole lines are written above the bars."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.begun = stream, ""

    def write(self, text: str) -> int:
        """Write the whole lines and keep the rest."""
        with _LOCK:
            lines, newline, rest = (self.begun + text).rpartition("\n")
            self.begun = rest
            self._put(lines + newline)
        return len(text)

    def flush(self) -> None:
        """Write what there is, a question for the user for example."""
        with _LOCK:
            text, self.begun = self.begun, ""
            self._put(text)
            self.stream.flush()

    def _put(self, text: str) -> None:
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
    """Put the streams back, unless somebody else has put others there meanwhile."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, _Above):
            stream.flush()
            setattr(sys, name, stream.stream)
