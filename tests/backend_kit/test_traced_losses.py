"""Tests of losses as programs, which NumPy evaluates."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpkit.backend_kit import evaluate, expanded, trace_loss
from mlpkit.numpy_backend import namespace as numpy_namespace
from mlpkit.objectives import losses
from mlpkit.objectives.quantiles import quantiles
from mlpkit.plugin import InvalidResult, Loss, Unsupported
from mlpkit.testing import components

pytestmark = pytest.mark.once

DTYPES = ["float32", "float64"]


def weighted(xp: Any, error: Any) -> Any:
    """The example of the user guide: a prediction that is too low counts three times."""
    return xp.where(error > 0, 3.0 * error, error)


ASYMMETRIC = Loss(
    "asymmetric",
    "identity",
    lambda xp, y, p: xp.sum(weighted(xp, y - p) * (y - p), axis=1) / 2,
    lambda xp, y, p: -weighted(xp, y - p),
)


def contrast_rows(xp: Any, y: Any, p: Any) -> Any:
    """Use reductions with and without axes, indices, slices and shapes."""
    n, k = p.shape[0], y.shape[1]
    centered = p - xp.mean(p, axis=1, keepdims=True)
    wide = xp.max(xp.abs(centered), axis=-1) - xp.min(y, axis=(1,))
    weights = xp.asarray(np.linspace(1, 2, k), p.dtype)
    ends = p[:, 0] * y[:, -1] + xp.sum(p[:, 1::2], axis=1) + xp.sum(p[..., ::-1] * y, axis=1)
    padded = xp.concat([y[:, :1], xp.ones((n, 2), p.dtype), p[:, None, 0]], axis=1)
    flat = xp.reshape(p[:, :1], (-1,)) + xp.reshape(ends, (n, 1))[:, 0]
    softmax = xp.sum(xp.softmax(p) * weights, axis=1)
    taken = xp.mean(xp.take(padded, [0, -1], axis=1), axis=1)
    steps = xp.sum(xp.cumulative_sum(y, axis=1) * xp.astype(xp.arange(k), p.dtype), axis=1)
    product = xp.sum(xp.matmul(p, np.ones((k, 2), p.dtype)), axis=1)
    rows = xp.sum(xp.broadcast_to(xp.expand_dims(ends, axis=1), (n, 3)), axis=1)
    return wide + flat + softmax + taken + steps + product + rows + xp.sum(xp.ones_like(p), axis=1)


def contrast_delta(xp: Any, y: Any, p: Any) -> Any:
    """Write the columns one by one."""
    columns = [xp.tanh(p[:, j]) / (1 + j) for j in range(p.shape[1])]
    columns[0] = columns[0] + xp.sum(xp.astype(y > p, p.dtype), axis=1)
    return xp.stack(columns, axis=1) * xp.max(y, axis=1, keepdims=True)


LOSSES = {
    **losses.LOSSES,
    "smoothed log_loss": losses.log_loss(0.1),
    "smoothed binary_log_loss": losses.binary_log_loss(0.1),
    "huber with an option": losses.huber(0.3),
    "quantile with an option": losses.quantile(0.9),
    "quantiles with an option": quantiles((0.1, 0.2, 0.5, 0.8, 0.9)),
    "pseudo-Huber": components.HUBER,
    "asymmetric": ASYMMETRIC,
    "contrast": Loss("contrast", "identity", contrast_rows, contrast_delta),
}


def n_outputs_of(loss: Loss) -> tuple[int, ...]:
    """The numbers of outputs that a loss is tested with."""
    fitted = getattr(loss.rows, "quantiles", None)
    if loss.name == "contrast":  # without empty slices
        return (2, 5)
    return (len(fitted),) if fitted else (1, 2, 5)


def rows(n_outputs: int, dtype: str, n: int = 23) -> tuple[np.ndarray, np.ndarray]:
    """Targets and outputs that all losses accept."""
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=(n, n_outputs)).astype(dtype)
    p = rng.uniform(0.05, 0.95, (n, n_outputs)).astype(dtype)
    p[:2] = [[0.0], [1.0]]
    return y, p


def assert_same(loss: Loss, y: np.ndarray, p: np.ndarray) -> None:
    """The programs return what the loss returns."""
    trace = trace_loss(loss, p.dtype, p.shape[1])
    tolerance = 1e-12 if p.dtype == np.float64 else 1e-5
    assert loss.delta is not None
    with np.errstate(all="ignore"):
        expected = (loss.rows(numpy_namespace, y, p), loss.delta(numpy_namespace, y, p))
    for program, array in zip((trace.rows, trace.delta), expected, strict=True):
        for equivalent in (program, expanded(program)):
            (actual,) = evaluate(equivalent, {"y": y, "p": p})
            assert actual.dtype == p.dtype
            np.testing.assert_allclose(actual.reshape(array.shape), array, tolerance, tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOSSES)
def test_a_program_does_what_its_loss_does(name: str, dtype: str) -> None:
    """Programs of built-in and custom losses return the values and derivatives of the losses."""
    for n_outputs in n_outputs_of(LOSSES[name]):
        assert_same(LOSSES[name], *rows(n_outputs, dtype))


CONSTANT = np.array([[0.5], [1.5], [-2.0]])
OF_CONSTANTS = {
    "sum": lambda xp: xp.sum(CONSTANT, axis=0),
    "sum over an axis of length 1": lambda xp: xp.sum(CONSTANT, axis=1),
    "mean": lambda xp: xp.mean(CONSTANT, axis=(0, 1)),
    "mean over an axis of length 1": lambda xp: xp.mean(CONSTANT, axis=1),
    "max": lambda xp: xp.max(CONSTANT),
    "softmax": lambda xp: xp.softmax(CONSTANT[:, 0]),
    "softmax along an axis of length 1": lambda xp: xp.softmax(CONSTANT, axis=1),
    "take": lambda xp: xp.take(CONSTANT[:, 0], np.array([2, 0]), axis=0),
    "cumulative_sum": lambda xp: xp.cumulative_sum(CONSTANT[:, 0], axis=0),
    "expand_dims": lambda xp: xp.expand_dims(CONSTANT[:, 0], axis=0),
}


@pytest.mark.parametrize("name", OF_CONSTANTS)
def test_functions_of_constants(name: str) -> None:
    """NumPy arrays that do not depend on the rows, such as thresholds, are accepted."""

    def rows_of(xp: Any, y: Any, p: Any) -> Any:
        row = xp.reshape(xp.asarray(OF_CONSTANTS[name](xp)), (1, -1))
        return xp.sum(row * xp.asarray(np.arange(1.0, 1 + row.shape[1])), axis=1) + p[:, 0]

    assert_same(Loss("constants", "identity", rows_of, contrast_delta), *rows(2, "float64"))


@pytest.mark.parametrize("name", LOSSES)
def test_infinite_values_and_nan_are_not_hidden(name: str) -> None:
    """Programs return NaN and infinite values where the losses do."""
    for n_outputs in n_outputs_of(LOSSES[name]):
        y, p = rows(n_outputs, "float64")
        p[:3, 0] = [np.nan, np.inf, -np.inf]
        assert_same(LOSSES[name], y, p)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from("abcdefg"), max_size=6), st.sampled_from([1, 2, 3, 6]))
def test_drawn_losses(steps: list[str], n_outputs: int) -> None:
    """Compositions of reductions, slices and joins are traced."""

    def value(xp: Any, y: Any, p: Any) -> Any:
        x = p - y
        for step in steps:
            x = {
                "a": lambda x: x - xp.max(x, axis=1, keepdims=True),
                "b": lambda x: x[:, ::-1] * x,
                "c": lambda x: xp.concat([x[:, :1], xp.tanh(x)], axis=1)[:, :-1],
                "d": lambda x: xp.where(x > 0, x, -0.5 * x[:, :1]),
                "e": lambda x: xp.stack([x[:, j] + j for j in range(x.shape[1])], axis=1),
                "f": lambda x: x / x.shape[1] + xp.mean(x * x, axis=1)[:, None],
                "g": lambda x: x * xp.ones_like(x) + xp.min(x, axis=1, keepdims=True),
            }[step](x)
        return x

    loss = Loss("drawn", "identity", lambda xp, y, p: xp.sum(value(xp, y, p), axis=1), value)
    assert_same(loss, *rows(n_outputs, "float64", n=4))


def test_expanded_programs_have_no_vectors() -> None:
    """The operations of an expanded program have one number for each row, but for its ends."""
    for program in trace_loss(LOSSES["contrast"], "float64", 3)[:2]:
        vectors = {op.name for op in expanded(program).operations if op.length is not None}
        assert vectors <= {"input", "join"}


def test_equal_losses_have_equal_programs() -> None:
    """A program depends on what the loss does, and on neither its name nor its identity."""
    first = trace_loss(ASYMMETRIC, "float32", 3)
    other = Loss(
        "other",
        "identity",
        lambda xp, y, p: xp.sum(xp.where(y - p > 0, 3.0 * (y - p), y - p) * (y - p), axis=1) / 2,
        lambda xp, y, p: -weighted(xp, y - p),
    )
    assert first == trace_loss(other, "float32", 3)
    assert hash(first) == hash(trace_loss(other, "float32", 3))
    different = [trace_loss(losses.huber(d), "float32", 3) for d in (0.5, 1.5)]
    assert different[0] != different[1]
    assert first != trace_loss(ASYMMETRIC, "float64", 3) != trace_loss(ASYMMETRIC, "float64", 2)


def test_many_outputs_need_no_more_operations() -> None:
    """A program of vectors has as many operations for 1000 outputs as for 10."""
    few, many = (trace_loss(losses.LOSSES["log_loss"], "float32", k) for k in (10, 1000))
    assert len(few.rows.operations) == len(many.rows.operations) < 15


REJECTED = {
    "xp.sum over the rows.*use axis=1": lambda xp, y, p: xp.sum(p, axis=0),
    "xp.mean over the rows": lambda xp, y, p: xp.mean((p - y) ** 2),
    "length of the first axis as a number.*on that row": lambda xp, y, p: p[:, 0] / p.shape[0],
    "xp.sort, which cannot be traced": lambda xp, y, p: xp.sort(p)[:, 0],
    "used the value of an array in Python.*xp.where": lambda xp, y, p: p if p[:, 0] > 0 else y,
    r"at most one other axis": lambda xp, y, p: p[:, :, None] - p[:, None, :],
    "joined rows by xp.concat": lambda xp, y, p: xp.concat([y, p]),
    "The axis of rows has to remain": lambda xp, y, p: xp.reshape(p, (-1,)),
    "index 7 for an axis of length 3": lambda xp, y, p: p[:, 7],
    "too many indices": lambda xp, y, p: p[:, 0, 0],
    "indexed an array by": lambda xp, y, p: p[:, [0, 1]],
    "assigned to elements": lambda xp, y, p: p.__setitem__(0, 0),
    "xp.matmul.*NumPy array": lambda xp, y, p: xp.matmul(p, y),
    "axis=2": lambda xp, y, p: xp.sum(p, axis=2),
    "broadcast the shape": lambda xp, y, p: xp.broadcast_to(p, (3,)),
    "dtype complex128": lambda xp, y, p: p * np.ones(3, complex),
}


@pytest.mark.parametrize("message", REJECTED)
def test_losses_that_cannot_be_traced_are_rejected(message: str) -> None:
    """The message describes what the loss did and what it may do."""
    loss = Loss("custom", "identity", REJECTED[message], components.huber_delta)
    with pytest.raises(InvalidResult, match=message):
        trace_loss(loss, "float64", 3)


@pytest.mark.parametrize("name", [n for n in components.WRONG if n.startswith("loss")])
def test_wrong_results_are_rejected(name: str) -> None:
    """Results of another shape are errors while tracing."""
    loss: Any = components.WRONG[name]
    with pytest.raises(InvalidResult, match="returned"):
        trace_loss(loss, "float64", 3)


def test_a_loss_without_delta_requires_a_capability() -> None:
    """Programs are not differentiated."""
    with pytest.raises(Unsupported, match="losses_without_delta"):
        trace_loss(components.HUBER._replace(delta=None), "float64", 3)
