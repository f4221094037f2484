"""Tests of solvers as programs, which NumPy evaluates."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpkit.backend_kit import evaluate, trace_update
from mlpkit.numpy_backend import namespace as numpy_namespace
from mlpkit.objectives.averaging import averaging
from mlpkit.objectives.solvers import adam, adamw, sgd
from mlpkit.plugin import InvalidResult, Solver, Unsupported
from mlpkit.testing import components

pytestmark = pytest.mark.once

DTYPES = ["float32", "float64"]


def lion(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """The example of the user guide."""
    (m,) = optimizer_state
    beta = options["beta"]
    p = p - learning_rate * xp.sign(beta * m + (1 - beta) * g)
    return p, (0.99 * m + 0.01 * g,)


def choosing(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Choose values by conditions on arrays, on the learning rate and on an option."""
    step = xp.where(learning_rate > 0.01, g, xp.sign(g))
    step = xp.clip(step, -options["bound"], options["bound"]) if options["bound"] else step
    near = (xp.abs(p) < 1.0) & ~xp.isnan(g) | (g >= 2)
    (m,) = optimizer_state
    m = xp.maximum(options["decay"] * m, step * step)
    rate = xp.minimum(learning_rate, 1.0) ** 0.5 / (1 + 2 * learning_rate)
    return xp.where(near, p - rate * step / (m**0.5 + 1e-8), 0.5 * p), (m,)


def functions(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Call all elementwise functions and activations."""
    total, positive = p * 0, xp.abs(g) + 0.5
    for name in ("sign", "square", "exp", "expm1", "sin", "cos", "tanh", "floor", "round"):
        total = total + getattr(xp, name)(p)
    for name in ("sqrt", "log", "log1p"):
        total = total - getattr(xp, name)(positive)
    for name in ("relu", "leaky_relu", "gelu", "silu", "selu", "mish", "logistic", "softplus"):
        total = total + getattr(xp, name)(g)
    total = total + xp.pow(positive, p) + p**3 + 2**p + positive**-1.5 + xp.sigmoid(p)
    total = total + xp.astype(xp.isfinite(p), p.dtype) * xp.ones_like(p) + xp.pi * xp.zeros_like(g)
    eps = float(xp.finfo(p.dtype).eps)
    integers = xp.bitwise_right_shift(xp.astype(positive * 8, xp.int32), 1)
    return total + eps + xp.astype(integers, p.dtype) + abs(-p) + (+g), ()


SOLVERS = {
    "adam": adam(),
    "adam with other options": adam(0.5, 0.8, 1e-3),
    "adamw": adamw(),
    "sgd": sgd(),
    "sgd without momentum": sgd(0, nesterovs_momentum=False),
    "averaged adam": averaging(adam(), 0.9),
    "averaged sgd": averaging(sgd(0.5, nesterovs_momentum=False), 0.5),
    "lion": Solver(lion, ("m",), {"beta": 0.9}),
    "signed": Solver(components.by_options, options={"signed": 1.0}),
    "unsigned": Solver(components.by_options, options={"signed": -1.0}),
    "conditions": Solver(choosing, ("m",), {"bound": 0.7, "decay": 0.9}),
    "conditions without a bound": Solver(choosing, ("m",), {"bound": 0.0, "decay": 0.5}),
    "functions": Solver(functions),
    "options of NumPy": adam(*np.array([0.8, 0.9, 1e-6])),
}


def arrays(solver: Solver, dtype: str, seed: int = 0, n: int = 31) -> list[np.ndarray]:
    """Weights, gradients and optimizer state."""
    rng = np.random.RandomState(seed)
    p, g, *state = rng.standard_normal((2 + len(solver.optimizer_state), n)).astype(dtype)
    return [p, g, *map(np.abs, state)]


def called(solver: Solver, given: list[np.ndarray], rate: float) -> list[np.ndarray]:
    """The results of the solver itself."""
    p, g, *state = (a.copy() for a in given)
    assert solver.update is not None
    new, after = solver.update(numpy_namespace, p, g, tuple(state), rate, solver.options)
    return [new, *after]


def traced(solver: Solver, given: list[np.ndarray], rate: float) -> list[np.ndarray]:
    """The results of its program."""
    trace = trace_update(solver, given[0].dtype)
    names = ["p", "g", *(f"state {i}" for i in range(len(given) - 2))]
    inputs = dict(zip(names, given, strict=True))
    return [*evaluate(trace.program, inputs, trace.scalars(np.array([rate]))[0])]


def assert_same(solver: Solver, given: list[np.ndarray], rate: float) -> None:
    """The program returns what the solver returns, in the dtype of the weights."""
    tolerance = 1e-13 if given[0].dtype == np.float64 else 1e-5
    with np.errstate(all="ignore"):
        expected = called(solver, given, rate)
    for a, b in zip(expected, traced(solver, given, rate), strict=True):
        assert b.dtype == given[0].dtype
        np.testing.assert_allclose(b, a, tolerance, tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SOLVERS)
def test_a_program_does_what_its_solver_does(name: str, dtype: str) -> None:
    """Programs of built-in and custom solvers return the results of the solvers."""
    for rate in (0.001, 0.1):
        assert_same(SOLVERS[name], arrays(SOLVERS[name], dtype), rate)


@pytest.mark.parametrize("name", ["adam", "sgd", "conditions", "lion"])
def test_infinite_values_and_nan_are_not_hidden(name: str) -> None:
    """Programs return NaN and infinite values where the solvers do."""
    given = arrays(SOLVERS[name], "float64")
    given[0][:3] = [np.nan, np.inf, -np.inf]
    given[1][2:5] = [np.nan, np.inf, -np.inf]
    assert_same(SOLVERS[name], given, 0.1)
    assert np.isnan(traced(SOLVERS[name], given, 0.1)[0]).any()


FUNCTIONS = st.sampled_from(["sqrt", "abs", "sign", "exp", "tanh", "square", "relu"])
BINARY = st.sampled_from(["maximum", "minimum", "add", "multiply", "divide"])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(BINARY, FUNCTIONS, st.integers(0, 9), st.floats(-3, 3)), max_size=6),
    st.sampled_from(DTYPES),
    st.floats(1e-6, 1),
)
def test_drawn_updates(steps: list[Any], dtype: str, rate: float) -> None:
    """Compositions of functions of weights, gradients, the learning rate and numbers are traced."""

    def update(
        xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
    ) -> Any:
        operators = {
            "add": lambda a, b: a + b,
            "multiply": lambda a, b: a * b,
            "divide": lambda a, b: a / (1 + b * b),
            "maximum": xp.maximum,
            "minimum": xp.minimum,
        }
        values = [p, g, learning_rate * g]
        for binary, unary, i, number in steps:
            x = operators[binary](values[i % len(values)], number)
            values.append(xp.tanh(operators[binary](x, learning_rate)) + getattr(xp, unary)(abs(x)))
        return values[-1] - values[0], ()

    solver = Solver(update)
    given = [np.tanh(a) for a in arrays(solver, dtype, n=5)]
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    with np.errstate(all="ignore"):
        (expected,), (actual,) = called(solver, given, rate), traced(solver, given, rate)
    np.testing.assert_allclose(actual, expected, tolerance, tolerance)


def test_numbers_are_computed_in_float64_for_each_step() -> None:
    """Numbers of the learning rate and the options are computed before the steps."""

    def update(
        xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
    ) -> Any:
        return p - xp.sqrt(learning_rate) * (1 - options["beta"]) * g, ()

    trace = trace_update(Solver(update, options={"beta": 0.9}), "float32")
    rates = np.array([1e-3, 1e-2, 0.3])
    np.testing.assert_array_equal(np.sqrt(rates)[:, None] * (1 - 0.9), trace.scalars(rates))
    assert trace.scalars(rates).dtype == np.float64
    assert [op.name for op in trace.program.operations] == [
        "input",
        "input",
        "scalar",
        "multiply",
        "subtract",
    ]


def test_other_values_of_options_need_no_other_program() -> None:
    """Values of options are scalars, and a branch on an option is part of the program."""

    def program(solver: Solver) -> Any:
        return trace_update(solver, "float32").program

    assert program(adam()) == program(adamw(0.5, 0.5, 1e-3)) == program(SOLVERS["options of NumPy"])
    assert program(sgd(0.5)) == program(sgd(0.8)) != program(adam())
    assert program(SOLVERS["signed"]) != program(SOLVERS["unsigned"])
    assert hash(program(adam())) == hash(program(adam()))
    assert program(adam()) != trace_update(adam(), "float64").program


def test_dtypes_are_those_of_numpy() -> None:
    """Numbers of Python adapt to arrays; arrays and numbers of NumPy have their own dtype."""

    def update(
        xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
    ) -> Any:
        results.extend(
            [
                p * 0.5,
                p * np.float64(0.5),
                np.float64(0.5) * p,
                (p > 0) * 1.0,
                p > 0,
                xp.sqrt(xp.astype(p, xp.int32)),
                xp.astype(p, "float64") + p,
                p * learning_rate,
                xp.where(p > 0, p, 0.5),
            ]
        )
        return p, ()

    for dtype in DTYPES:
        results: list[Any] = []
        p = np.ones(3, dtype)
        update(numpy_namespace, p, p, (), 0.1, {})
        trace_update(Solver(update), dtype)
        arrays, symbols = results[:9], results[9:]
        assert [a.dtype for a in arrays] == [s.dtype for s in symbols]


def by(function: Any) -> Solver:
    """A solver without optimizer state."""
    return Solver(lambda xp, p, g, optimizer_state, rate, options: (function(xp, p, g, rate), ()))


REJECTED = {
    "xp.sum over the weights.*Joint": lambda xp, p, g, rate: p - rate * g / xp.sum(g * g),
    "xp.mean over the weights.*Joint": lambda xp, p, g, rate: p - rate * xp.mean(g),
    "xp.max over the weights": lambda xp, p, g, rate: p / xp.max(p, axis=0),
    "xp.sort, which cannot be traced": lambda xp, p, g, rate: xp.sort(p),
    "xp.nothing, which cannot": lambda xp, p, g, rate: xp.nothing(p),
    "length of the first axis as a number.*elementwise": lambda xp, p, g, rate: p / p.shape[0],
    "iterated over the first axis": lambda xp, p, g, rate: list(p),
    "indexed the axis of rows by 0": lambda xp, p, g, rate: p - g[0],
    "function of NumPy": lambda xp, p, g, rate: p - np.asarray(g),
    r"shape .n,., dtype bool; expected .* float64": lambda xp, p, g, rate: p > 0,
    r"returned weights of shape \(n\[:1\],\)": lambda xp, p, g, rate: p[:1] - rate * g[:1],
    "do not match": lambda xp, p, g, rate: p + np.ones(3, "float32"),
    "moved the axis of rows": lambda xp, p, g, rate: p[None],
}


@pytest.mark.parametrize("message", REJECTED)
def test_updates_that_are_not_elementwise_are_rejected(message: str) -> None:
    """The message describes what the solver did and what it may do."""
    with pytest.raises(InvalidResult, match=message):
        trace_update(by(REJECTED[message]), "float64")


@pytest.mark.parametrize(
    "function",
    [
        lambda xp, p, g, rate: p if rate > 0.1 else g,
        lambda xp, p, g, rate: p if (p > 0) else g,
        lambda xp, p, g, rate: p - float(rate) * g,
        lambda xp, p, g, rate: p - max(rate, 0.1) * g,
    ],
)
def test_branches_on_values_require_a_capability(function: Any) -> None:
    """An `if` on the learning rate or an array raises Unsupported, which names xp.where."""
    with pytest.raises(Unsupported) as raised:
        trace_update(by(function), "float64")
    assert raised.value.capability == "branching_solvers"
    assert "xp.where" in str(raised.value.__cause__)


@pytest.mark.parametrize("name", [n for n in components.WRONG if n.startswith("solver")])
def test_wrong_results_are_rejected(name: str) -> None:
    """Results of another shape or length are errors while tracing."""
    solver: Any = components.WRONG[name]
    with pytest.raises(InvalidResult, match="returned"):
        trace_update(solver, "float64")


def test_functions_of_numpy_name_xp() -> None:
    """A function of NumPy, and a method of its arrays, raise an error that names xp."""
    with pytest.raises(TypeError, match="__array_ufunc__"):
        trace_update(by(lambda xp, p, g, rate: np.sqrt(p)), "float64")
    with pytest.raises(AttributeError, match=r"Use a function of `xp`, such as xp\.sum"):
        trace_update(by(lambda xp, p, g, rate: p / p.sum()), "float64")
