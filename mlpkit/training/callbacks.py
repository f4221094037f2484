"""Listeners to training; each takes a `Report` after every epoch."""

from mlpkit.plugin import Callback, Report


def _print(report: Report) -> None:
    print(f"Iteration {report.epoch:d}, loss = {report.loss:.8f}")
    if report.score is not None:
        print(f"Validation score: {report.score:f}")
    if report.note is not None:
        print(report.note)


def printer() -> Callback:
    """Print what scikit-learn prints with ``verbose=True``.

    >>> printer()(Report(1, 0.25, None, 0.001, 0.0))
    Iteration 1, loss = 0.25000000
    """
    return _print
