"""The interface of a contender."""

from collections.abc import Callable
from typing import Any

from benchmarks.cases import Case

Timed = Callable[[], Any]


class Contender:
    """The interface of a contender; unsupported methods raise NotImplementedError."""

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        """Return a function that fits a new model."""
        raise NotImplementedError

    def stream(self, X: Any, y: Any, sizes: Any) -> Timed:
        """Return a function that calls `partial_fit` of a new model with chunks of these sizes."""
        raise NotImplementedError

    def predict(self, X: Any, y: Any, rows: Any) -> Timed:
        """Return a function that predicts the class probabilities with a fitted model."""
        raise NotImplementedError

    def process(self, again: bool) -> Timed:
        """Return a function that runs a new process with imports and a default fit on digits.

        If ``again``, the process runs after another one on the same machine.
        """
        raise NotImplementedError

    def counts(self, case: Case, X: Any, y: Any) -> dict[str, int | None]:
        """Return the counts of `benchmarks.counters`."""
        raise NotImplementedError
