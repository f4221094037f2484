"""Checks of what callbacks, trainers and backends answer in a fit: once an epoch, on numbers
that are there anyway. A wrong answer is one `InvalidResult`; nothing is guessed from it.
"""

import math
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    InvalidResult,
    Progress,
    Report,
    Rows,
    Spec,
    State,
    Steps,
    StepSums,
)


def decision(answer: Any, callback: Any) -> bool | float:
    """What a callback wants: False to continue, True to stop, or a learning rate.

    Raises InvalidResult for anything but None, a bool and a positive finite float.

    >>> decision(None, print), decision(np.True_, print), decision(np.float32(0.5), print)
    (False, True, 0.5)
    """
    if answer is None:
        return False
    if isinstance(answer, bool | np.bool_):
        return bool(answer)
    if isinstance(answer, float | np.floating) and 0 < answer < math.inf:
        return float(answer)
    raise InvalidResult(
        f"it returned {_shown(answer)}. A callback returns None or False to continue, True to"
        " stop, or a positive finite float, the learning rate from there on.",
        "callback",
        callback,
    )


def initial_learning_rate(answer: Any, callback: Any) -> float | None:
    """The learning rate that `on_begin` returned, or None to keep the estimator's."""
    learning_rate = decision(answer, callback)
    if learning_rate is True:
        raise InvalidResult(
            "its on_begin returned True. There is no epoch to stop after yet: return None, or a"
            " positive finite float, the learning rate to begin with.",
            "callback",
            callback,
        )
    return learning_rate or None


def final_weights(returned: Any, present: Arrays, callback: Any) -> Arrays:
    """The weights that `on_end` returned; InvalidResult unless they are all of them by name,
    finite and of the shapes of the present ones.
    """

    def wrong(what: str) -> InvalidResult:
        return InvalidResult(
            f"its on_end returned {what}. It returns None to keep the last weights, or all"
            f" weights by name, finite and with their shapes: {', '.join(present)}.",
            "callback",
            callback,
        )

    if not isinstance(returned, dict):
        raise wrong(_shown(returned))
    if returned.keys() != present.keys():
        raise wrong(f"weights named {', '.join(map(str, returned)) or '(none)'}")
    found = {}
    for name, own in present.items():
        array = np.asarray(returned[name])
        if array.shape != own.shape or not np.can_cast(array.dtype, own.dtype, "same_kind"):
            raise wrong(
                f"{name!r} of shape {array.shape} and dtype {array.dtype}, where"
                f" {own.shape} and {own.dtype} are expected"
            )
        found[name] = array.astype(own.dtype)
        if not np.isfinite(found[name]).all():
            raise wrong(f"values in {name!r} that are not finite")
    return found


def reported(report: Any, arrays: Callable[[], Arrays]) -> Report:
    """The report of an epoch. InvalidResult if it is none, or if the loss is NaN although all
    weights are finite: then not training has diverged, but a component computes wrongly.
    """
    if not isinstance(report, Report):
        raise InvalidResult(
            f"it reported {_shown(report)} after an epoch; expected a mlpkit.plugin.Report.",
            "trainer",
        )
    if report.loss != report.loss and all(np.isfinite(a).all() for a in arrays().values()):
        raise InvalidResult(
            f"the loss of epoch {report.epoch} is NaN, although all weights are finite.", "fit"
        )
    return report


def trained(returned: Any) -> tuple[State, Progress]:
    """The state and the progress that a trainer returned; InvalidResult if they are not."""
    pair = isinstance(returned, tuple) and len(returned) == 2
    if not pair or not isinstance(returned[1], Progress):
        raise InvalidResult(
            f"it returned {_shown(returned)}; expected (state, progress) with a"
            " mlpkit.plugin.Progress.",
            "trainer",
        )
    state, progress = returned
    for name in ("epoch", "samples", "step", "no_improvement_count"):
        count = getattr(progress, name)
        if not isinstance(count, int | np.integer) or count < 0:
            raise InvalidResult(
                f"it returned a progress with {name}={count!r}; expected a number of them.",
                "trainer",
            )
    learning_rate = progress.learning_rate
    numbers = int | float | np.integer | np.floating  # learning_rate_init may be an int
    if (
        isinstance(learning_rate, bool)
        or not isinstance(learning_rate, numbers)
        or not 0 <= learning_rate < math.inf
    ):
        raise InvalidResult(
            f"it returned a progress with learning_rate={learning_rate!r}; expected a"
            " finite number that is not negative.",
            "trainer",
        )
    return state, progress


def outputs(found: Any, n: int, n_outputs: int) -> Array:
    """What `Steps.outputs` returned for n rows; InvalidResult for any shape but (n, n_outputs)."""
    if getattr(found, "shape", None) != (n, n_outputs):
        raise _of_backend("`outputs`", found, (n, n_outputs))
    return found  # type: ignore[no-any-return]


def checked(steps: Steps, spec: Spec) -> Steps:
    """The steps for a trainer, whose `epoch` and `gradient` raise InvalidResult where the
    backend's numbers do not belong to the steps or the weights.
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def epoch(state: State, rows: Rows, batches: Batches) -> tuple[State, StepSums]:
        after, sums = _pair("`epoch`", steps.epoch(state, rows, batches))
        expected = (len(batches.order),)
        for name in ("loss", "weight", "penalty"):
            if getattr(getattr(sums, name), "shape", None) != expected:
                raise _of_backend(f"`epoch`: StepSums.{name}", getattr(sums, name), expected)
        if sums.predictions is not None:
            each = (*batches.order.shape, spec.n_outputs)
            if getattr(sums.predictions, "shape", None) != each:
                raise _of_backend("`epoch`: StepSums.predictions", sums.predictions, each)
        return after, sums

    def gradient(
        state: State, rows: Rows, indices: Array | None, seed: int
    ) -> tuple[StepSums, Arrays]:
        sums, found = steps.gradient(state, rows, indices, seed)
        _pair("`gradient`", (found, sums))
        if not shapes:
            shapes.update({name: a.shape for name, a in steps.arrays(state).items()})
        if found.keys() != shapes.keys():
            raise InvalidResult(
                f"`gradient` returned {sorted(found)}; expected {sorted(shapes)}.", "backend"
            )
        for name, g in found.items():
            if g.shape != shapes[name]:
                raise _of_backend(f"`gradient`: {name!r}", g, shapes[name])
        return sums, found

    return steps._replace(epoch=epoch, gradient=gradient)


def _pair(what: str, returned: Any) -> tuple[Any, StepSums]:
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], StepSums):
        return returned
    raise InvalidResult(
        f"{what} returned {_shown(returned)}; expected a pair with a mlpkit.plugin.StepSums.",
        "backend",
    )


def _of_backend(what: str, found: Any, shape: tuple[int, ...]) -> InvalidResult:
    given = f"the shape {found.shape}" if hasattr(found, "shape") else _shown(found)
    return InvalidResult(f"{what} has {given}; expected an array of shape {shape}.", "backend")


def _shown(value: Any) -> str:
    """A value and its type, shortened."""
    return f"{reprlib.repr(value)} ({type(value).__name__})"
