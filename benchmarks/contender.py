"""Protocols of contenders, which have the methods of the questions that they answer."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from benchmarks.cases import Case

Timed = Callable[[], Any]
Contender = object


@runtime_checkable
class Fits(Protocol):
    """A contender that trains networks."""

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        """Return a function that fits a new model."""


@runtime_checkable
class Streams(Protocol):
    """A contender that learns from chunks of rows."""

    def stream(self, X: Any, y: Any, sizes: Any) -> Timed:
        """Return a function that calls `partial_fit` of a new model with chunks of these sizes."""


@runtime_checkable
class Predicts(Protocol):
    """A contender that predicts class probabilities."""

    def predict(self, X: Any, y: Any, rows: Any) -> Timed:
        """Return a function that predicts the rows with a model that was fitted to X and y."""


@runtime_checkable
class Starts(Protocol):
    """A contender whose start is measured as a whole process."""

    def start(self, what: str) -> Timed:
        """Return a function that runs a new process, with imports alone or also a default fit.

        For the "second time", the process runs after another one on the same machine.
        """
