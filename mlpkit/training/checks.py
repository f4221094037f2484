"""Checks of the results of callbacks, trainers and backends in a fit.

They raise `InvalidResult` if a result violates the contract, and add no work to a training step.
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
    Solver,
    Spec,
    State,
    Steps,
    StepSums,
)


def decision(returned: Any, callback: Any) -> bool | float:
    """The decision of a callback: False to continue, True to stop, or a new learning rate.

    Raises InvalidResult unless it returned None, a bool or a positive finite float.

    >>> decision(None, print), decision(np.True_, print), decision(np.float32(0.5), print)
    (False, True, 0.5)
    """
    if returned is None:
        return False
    if isinstance(returned, (bool, np.bool_)):
        return bool(returned)
    if isinstance(returned, (float, np.floating)) and 0 < returned < math.inf:
        return float(returned)
    raise InvalidResult(
        f"it returned {_shown(returned)}. A callback must return None or False to continue, True"
        " to stop, or a positive finite float as the new learning rate.",
        "callback",
        callback,
    )


def initial_learning_rate(returned: Any, callback: Any) -> float | None:
    """The learning rate that `on_begin` returned, or None to keep that of the estimator.

    Raises InvalidResult unless it returned None, False or a positive finite float.
    """
    learning_rate = decision(returned, callback)
    if learning_rate is True:
        raise InvalidResult(
            "its on_begin returned True, but training cannot be stopped before the first epoch."
            " Return None, or a positive finite float as the initial learning rate.",
            "callback",
            callback,
        )
    return learning_rate or None


def final_weights(returned: Any, current: Arrays, callback: Any) -> Arrays:
    """The weights that `on_end` returned, cast to the dtypes of the current ones.

    Raises InvalidResult unless they are finite and have the names and shapes of the current ones.
    """

    def invalid(description: str) -> InvalidResult:
        return InvalidResult(
            f"its on_end returned {description}. It must return None to keep the weights of the"
            " last epoch, or a dict of all weights, which are finite and have their original"
            f" shapes: {', '.join(current)}.",
            "callback",
            callback,
        )

    if not isinstance(returned, dict):
        raise invalid(_shown(returned))
    if returned.keys() != current.keys():
        raise invalid(f"weights named {', '.join(map(str, returned)) or '(none)'}")
    weights = {}
    for name, own in current.items():
        array = np.asarray(returned[name])
        if array.shape != own.shape or not np.can_cast(array.dtype, own.dtype, "same_kind"):
            raise invalid(
                f"{name!r} of shape {array.shape} and dtype {array.dtype} instead of"
                f" {own.shape} and {own.dtype}"
            )
        weights[name] = array.astype(own.dtype)
        if not np.isfinite(weights[name]).all():
            raise invalid(f"non-finite values in {name!r}")
    return weights


def checked_report(report: Any, arrays: Callable[[], Arrays]) -> Report:
    """The report of an epoch.

    Raises InvalidResult unless it is a `Report`. Also raises it if the loss is NaN although all
    weights are finite: training has not diverged, so a component computes incorrectly.
    """
    if not isinstance(report, Report):
        raise InvalidResult(
            f"it passed {_shown(report)} to the observer; expected an mlpkit.plugin.Report.",
            "trainer",
        )
    if report.loss != report.loss and all(np.isfinite(a).all() for a in arrays().values()):
        raise InvalidResult(
            f"the loss of epoch {report.epoch} is NaN, although all weights are finite.", "fit"
        )
    return report


def checked_training(returned: Any) -> tuple[State, Progress]:
    """The state and the progress that a trainer returned.

    Raises InvalidResult unless it returned such a pair with valid counts and learning rate.
    """
    is_pair = isinstance(returned, tuple) and len(returned) == 2
    if not is_pair or not isinstance(returned[1], Progress):
        raise InvalidResult(
            f"it returned {_shown(returned)}; expected (state, progress) with a"
            " mlpkit.plugin.Progress.",
            "trainer",
        )
    state, progress = returned
    for name in ("epoch", "samples", "step", "no_improvement_count"):
        count = getattr(progress, name)
        if not isinstance(count, (int, np.integer)) or count < 0:
            raise InvalidResult(
                f"it returned a Progress with {name}={count!r}; expected a non-negative integer.",
                "trainer",
            )
    learning_rate = progress.learning_rate
    numbers = (int, float, np.integer, np.floating)  # learning_rate_init may be an int
    if (
        isinstance(learning_rate, bool)
        or not isinstance(learning_rate, numbers)
        or not 0 <= learning_rate < math.inf
    ):
        raise InvalidResult(
            f"it returned a Progress with learning_rate={learning_rate!r}; expected a"
            " non-negative finite number.",
            "trainer",
        )
    return state, progress


def checked_outputs(returned: Any, n: int, n_outputs: int) -> Array:
    """The result of `Steps.outputs` for n rows.

    Raises InvalidResult unless it has the shape (n, n_outputs), or (n, n_members, n_outputs).
    """
    shape = getattr(returned, "shape", ())
    if (shape[:1], shape[-1:]) != ((n,), (n_outputs,)) or len(shape) not in (2, 3):
        raise _wrong_shape("the result of `outputs`", returned, (n, n_outputs))
    return returned


def checked_steps(steps: Steps, spec: Spec, solver: Solver) -> Steps:
    """The steps with checks of the results of `epoch` and `gradient`.

    These raise InvalidResult for an array whose shape does not match the steps or the weights.
    `epoch` also raises it for a solver without steps.
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def epoch(state: State, rows: Rows, batches: Batches) -> tuple[State, StepSums]:
        if not solver.has_steps:
            raise InvalidResult(
                "it requires a solver that works in steps, such as 'adam'; this one minimizes one"
                " function of all rows. Choose another solver, or set trainer=None.",
                "trainer",
            )
        state, sums = _pair("`epoch`", steps.epoch(state, rows, batches))
        expected: tuple[int, ...] = (len(batches.order),)
        for name in ("loss", "weight", "penalty"):
            if getattr(getattr(sums, name), "shape", None) != expected:
                raise _wrong_shape(f"StepSums.{name} of `epoch`", getattr(sums, name), expected)
        if sums.predictions is not None:
            expected = (*batches.order.shape, spec.n_outputs)
            if getattr(sums.predictions, "shape", None) != expected:
                raise _wrong_shape("StepSums.predictions of `epoch`", sums.predictions, expected)
        return state, sums

    def gradient(
        state: State, rows: Rows, indices: Array | None, seed: int, dropout_factor: float = 1.0
    ) -> tuple[StepSums, Arrays]:
        sums, gradients = steps.gradient(state, rows, indices, seed, dropout_factor)
        _pair("`gradient`", (gradients, sums))
        if not shapes:
            shapes.update({name: a.shape for name, a in steps.arrays(state).items()})
        if gradients.keys() != shapes.keys():
            raise InvalidResult(
                f"`gradient` returned arrays named {sorted(gradients)}; expected {sorted(shapes)}.",
                "backend",
            )
        for name, g in gradients.items():
            if g.shape != shapes[name]:
                raise _wrong_shape(f"the gradient of {name!r}", g, shapes[name])
        return sums, gradients

    return steps._replace(epoch=epoch, gradient=gradient)


def _pair(function: str, returned: Any) -> tuple[Any, StepSums]:
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], StepSums):
        return returned
    raise InvalidResult(
        f"{function} returned {_shown(returned)}; expected a pair with an mlpkit.plugin.StepSums.",
        "backend",
    )


def _wrong_shape(name: str, value: Any, shape: tuple[int, ...]) -> InvalidResult:
    got = f"an array of shape {value.shape}" if hasattr(value, "shape") else _shown(value)
    return InvalidResult(f"{name} must be an array of shape {shape}, got {got}.", "backend")


def _shown(value: Any) -> str:
    """The shortened repr of a value, and its type."""
    return f"{reprlib.repr(value)} ({type(value).__name__})"
