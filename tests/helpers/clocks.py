"""A clock that stands still unless something advances it, and a backend that does."""

from collections.abc import Callable
from typing import Any

import pytest

from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import Batches, Steps
from mlpkit.training import time_limit


class Clock:
    """Seconds."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        """The present time."""
        return self.time

    def replace(self, patch: pytest.MonkeyPatch) -> "Clock":
        """Use this clock for time limits."""
        patch.setattr(time_limit, "now", self)
        return self


def slow_backend(
    clock: Clock, step: float, compilation: float = 0.0, outputs: float = 0.0
) -> Callable[..., Steps]:
    """A backend that takes so many seconds for a step or a gradient, for the first of these, and
    for a prediction.
    """

    def backend(network: Any, spec: Any, recipe: Any) -> Steps:
        steps = numpy_backend.backend(network, spec, recipe)
        pending = [compilation]

        def epoch(state: Any, rows: Any, batches: Batches) -> Any:
            clock.time += step * len(batches.order) + (pending.pop() if pending else 0.0)
            return steps.epoch(state, rows, batches)

        def gradient(*args: Any) -> Any:
            clock.time += step + (pending.pop() if pending else 0.0)
            return steps.gradient(*args)

        def predict(*args: Any) -> Any:
            clock.time += outputs
            return steps.outputs(*args)

        return steps._replace(epoch=epoch, gradient=gradient, outputs=predict)

    return backend
