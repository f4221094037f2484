"""Callbacks that show how training goes; each is called with a `Report` after every epoch."""

import multiprocessing
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from mlpkit.messages import escaped
from mlpkit.plugin import Callback, Report


def _print(report: Report) -> None:
    print(f"Iteration {report.epoch:d}, loss = {report.loss:.8f}")
    if report.monitored is not None:
        print(f"Early stopping on {escaped(report.monitored[0])}: {report.monitored[1]:f}")
    elif report.score is not None:
        print(f"Validation score: {report.score:f}")
    splits: dict[str, list[str]] = {}
    for split, metric, value in _measured(report):
        splits.setdefault(split, []).append(f"{escaped(metric)} = {value:f}")
    for split, values in splits.items():
        print(f"Metrics of {escaped(split)}: {', '.join(values)}")
    if report.note is not None:
        print(report.note)


def printer() -> Callback:
    """Print what scikit-learn prints with ``verbose=True``, and metrics if there are any.

    >>> printer()(Report(1, 0.25, None, 0.001, 0.0))
    Iteration 1, loss = 0.25000000
    """
    return _print


def progress(max_iter: int | None = None) -> Callback:
    """Show the progress of a fit of at most ``max_iter`` epochs on the standard error stream.

    On a terminal and in a notebook this is a bar if tqdm is installed, else at most one line a
    second and one for the last epoch.
    """
    return ProgressDisplay(max_iter)


def shown_by_verbose(passes: int) -> str:
    """The name of the callback for ``verbose=True``: a bar needs a terminal of our own.

    ``passes`` is the number of epochs of a `partial_fit`, which prints as scikit-learn's does.
    """
    terminal = not passes and _is_terminal(sys.stdout) and _is_terminal(sys.stderr)
    return "progress" if terminal and _has_bar() else "print"


def _is_terminal(stream: Any) -> bool:
    isatty = getattr(stream, "isatty", None)  # streams of editors may lack it
    return isatty is not None and not getattr(stream, "closed", False) and isatty()


def _in_notebook() -> bool:
    """Whether tqdm finds a notebook to draw in."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in shell.config


def _has_bar() -> bool:
    """Whether there is tqdm, and nobody else who draws: workers share a terminal."""
    return multiprocessing.parent_process() is None and find_spec("tqdm") is not None


def _measured(report: Report) -> Iterator[tuple[str, str, float]]:
    """The metrics over all rows of each split."""
    for reading in report.metrics():
        if reading.partitioner == "all":
            yield reading.split, reading.metric, reading.value


class ProgressDisplay:
    """The callback "progress" of one fit."""

    INTERVAL = 1.0  # seconds between two lines
    REDRAW = 0.1  # seconds between two states of the bar

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.bar: Any = None
        self.pending: Report | None = None  # the last epoch, if it was not shown
        self.started = self.shown = time.monotonic()

    def on_begin(self, report: Report) -> None:
        """Open the bar, where there can be one."""
        self.started = self.shown = time.monotonic()
        if _has_bar() and (_is_terminal(sys.stderr) or _in_notebook()):
            from mlpkit.training.progress_bar import Bar  # tqdm is there

            self.bar = Bar(self.total, notebook=_in_notebook())

    def __call__(self, report: Report) -> None:
        """Show the epoch, unless the last one was shown just now."""
        self.pending = report
        if report.note is not None:
            print(report.note, file=sys.stderr)
        now = time.monotonic()
        if now - self.shown >= (self.INTERVAL if self.bar is None else self.REDRAW):
            self.shown = now
            self._show()

    def on_end(self, report: Report) -> None:
        """Show the last epoch and close the bar, also after an error."""
        try:
            self._show()
        finally:
            if self.bar is not None:
                self.bar.close()
                self.bar = None

    def _show(self) -> None:
        if self.pending is None:
            return
        report, self.pending = self.pending, None
        values = [f"loss={report.loss:.4g}"]
        shown = [("score", report.score)] if report.score is not None else []
        shown = [report.monitored] if report.monitored is not None else shown
        known = [f"validation {name}" for name, _ in shown]
        shown += [(f"{s} {m}", v) for s, m, v in _measured(report) if s != "train"]
        values += [f"{escaped(name)}={value:.4g}" for name, value in shown if name not in known]
        if self.bar is not None:
            self.bar.show(report.epoch, ", ".join(values))
            return
        total = "" if self.total is None else f"/{self.total}"
        seconds = f"{time.monotonic() - self.started:.1f} s"
        print(f"Epoch {report.epoch}{total}, {seconds}: {', '.join(values)}", file=sys.stderr)
