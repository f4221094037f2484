"""Callbacks that show the progress of training."""

import multiprocessing
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from mlpkit.messages import escaped
from mlpkit.plugin import Callback, Report


class Printer:
    """The callback "print". There is one, so that estimators with it have equal parameters."""

    only_observes = True

    def __reduce__(self) -> str:
        return "PRINTER"

    def __call__(self, report: Report) -> None:
        """Print the loss and the metrics of an epoch."""
        print(f"Iteration {report.epoch:d}, loss = {report.loss:.8f}")
        if report.monitored is not None:
            print(f"Early stopping on {escaped(report.monitored[0])}: {report.monitored[1]:f}")
        elif report.score is not None:
            print(f"Validation score: {report.score:f}")
        splits: dict[str, list[str]] = {}
        for split, metric, value in _overall_metrics(report):
            splits.setdefault(split, []).append(f"{escaped(metric)} = {value:f}")
        for split, values in splits.items():
            print(f"Metrics of {escaped(split)}: {', '.join(values)}")
        if report.note is not None:
            print(report.note)


PRINTER = Printer()


def printer() -> Callback:
    """Print the loss and the metrics of each epoch.

    The format is that of scikit-learn with ``verbose=True``.

    Returns
    -------
    callback : callable
        Prints a `Report`.

    Examples
    --------
    >>> printer()(Report(1, 0.25, None, 0.001, 0.0))
    Iteration 1, loss = 0.25000000
    """
    return PRINTER


def progress(max_iter: int | None = None) -> Callback:
    """Show the progress of a fit on the standard error stream.

    Draws a progress bar on a terminal or in a notebook if tqdm is installed. Otherwise prints at
    most one line per second, and one for the last epoch.

    Parameters
    ----------
    max_iter : int or None, default=None
        Maximum number of epochs, if known.

    Returns
    -------
    callback : ProgressDisplay
        Shows the progress of one fit.

    Examples
    --------
    >>> progress(max_iter=20).total
    20
    """
    return ProgressDisplay(max_iter)


def verbose_callback(passes: int) -> str:
    """The callback for ``verbose=True``: "progress" if a bar can be drawn, else "print".

    ``passes`` is the number of epochs of a `partial_fit`, or 0 for `fit`. `partial_fit` always
    prints, as in scikit-learn.
    """
    on_terminal = not passes and _is_terminal(sys.stdout) and _is_terminal(sys.stderr)
    return "progress" if on_terminal and _can_draw() else "print"


def _is_terminal(stream: Any) -> bool:
    isatty = getattr(stream, "isatty", None)  # the streams of some editors have no isatty
    return isatty is not None and not getattr(stream, "closed", False) and isatty()


def _in_notebook() -> bool:
    """Whether IPython runs a kernel, by the test that tqdm uses."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in shell.config


def _can_draw() -> bool:
    """Whether tqdm is installed and this is the main process: workers share a terminal."""
    return multiprocessing.parent_process() is None and find_spec("tqdm") is not None


def _overall_metrics(report: Report) -> Iterator[tuple[str, str, float]]:
    """The split, the name and the value of each metric over all rows."""
    for value in report.metrics():
        if value.partitioner == "all":
            yield value.split, value.metric, value.value


class ProgressDisplay:
    """The callback "progress" of one fit.

    Parameters
    ----------
    total : int or None
        Maximum number of epochs, if known.
    """

    only_observes = True
    LINE_INTERVAL = 1.0  # seconds
    BAR_INTERVAL = 0.1  # seconds

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.bar: Any = None
        self.pending: Report | None = None  # the last epoch, if it is not shown yet
        self.started = self.last_shown = time.monotonic()

    def on_begin(self, report: Report) -> None:
        """Start the clock, and create a bar if one can be drawn."""
        self.started = self.last_shown = time.monotonic()
        if _can_draw() and (_is_terminal(sys.stderr) or _in_notebook()):
            from mlpkit.training.progress_bar import Bar  # needs tqdm

            self.bar = Bar(self.total, notebook=_in_notebook())

    def __call__(self, report: Report) -> None:
        """Show the epoch if enough time has passed since the previous display."""
        self.pending = report
        if report.note is not None:
            print(report.note, file=sys.stderr)
        now = time.monotonic()
        if now - self.last_shown >= (self.LINE_INTERVAL if self.bar is None else self.BAR_INTERVAL):
            self.last_shown = now
            self._show()

    def on_end(self, report: Report) -> None:
        """Show the last epoch and close the bar; called even if the fit failed."""
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
        scores = [("score", report.score)] if report.score is not None else []
        scores = [report.monitored] if report.monitored is not None else scores
        repeated = [f"validation {name}" for name, _ in scores]
        scores += [(f"{s} {m}", v) for s, m, v in _overall_metrics(report) if s != "train"]
        values += [f"{escaped(name)}={value:.4g}" for name, value in scores if name not in repeated]
        if self.bar is not None:
            self.bar.show(report.epoch, ", ".join(values))
            return
        total = "" if self.total is None else f"/{self.total}"
        seconds = f"{time.monotonic() - self.started:.1f} s"
        print(f"Epoch {report.epoch}{total}, {seconds}: {', '.join(values)}", file=sys.stderr)
