"""The interface of a contender."""

from collections.abc import Callable
from typing import Any

from benchmarks.cases import Case

Timed = Callable[[], Any]


class Contender:
    """The interface: what a contender can't do raises NotImplementedError."""

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        """A whole fit."""
        raise NotImplementedError

    def stream(self, X: Any, y: Any, sizes: Any) -> Timed:
        """A new model, and one partial_fit for each size."""
        raise NotImplementedError

    def predict(self, X: Any, y: Any, rows: Any) -> Timed:
        """Class probabilities of the rows, by a model that was fitted before."""
        raise NotImplementedError

    def process(self, again: bool) -> Timed:
        """A whole fresh process: imports, a default fit on digits; if ``again``, one after
        another on the same machine.
        """
        raise NotImplementedError

    def counts(self, case: Case, X: Any, y: Any) -> dict[str, int | None]:
        """What `benchmarks.counters` counts."""
        raise NotImplementedError
