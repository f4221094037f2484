"""Tests of compiled updates, which are compared with their programs and with the NumPy backend."""

import ctypes
import re
from typing import Any

import numpy as np
import pytest
from numba import types

from mlpkit import MLPRegressor
from mlpkit.backend_kit import evaluate, trace_update
from mlpkit.objectives.averaging import averaging
from mlpkit.objectives.solvers import adam, adamw, sgd
from mlpkit.plugin import InvalidResult, PluginError, Solver, Unsupported
from mlpkit.testing import components
from mlpkit_numba import solver_functions
from mlpkit_numba.compiled_text import compiled_text
from mlpkit_numba.solver_functions import solver_function
from mlpkit_numba.update_text import BLOCK, update_text

pytestmark = pytest.mark.once

DTYPES = ["float32", "float64"]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0]


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
    (m,) = optimizer_state
    step = xp.where(learning_rate > 0.01, g, xp.sign(g))
    step = xp.clip(step, -options["bound"], options["bound"]) if options["bound"] else step
    near = (xp.abs(p) < 1.0) & ~xp.isnan(g) | xp.isfinite(m) & ((g >= 2) ^ (p <= 0))
    m = xp.maximum(options["decay"] * m, xp.minimum(step * step, 0.5))
    return xp.where(near, p - learning_rate * step / (m**0.5 + 1e-8), 0.5 * p), (m,)


def functions(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Call one function, or all that have an inverse, on weights near 1."""
    x = xp.abs(p) + 0.1
    called = getattr(xp, options["name"])(x if options["name"].startswith(("log", "sqrt")) else p)
    return called + 0 * g, ()


NAMES = [
    *("abs", "sign", "square", "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh"),
    *("floor", "round", "relu", "leaky_relu", "gelu", "silu", "selu", "mish"),
    *("sigmoid", "logistic", "softplus"),
]


def converting(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Use other dtypes, powers and a state that only the weights need."""
    a, b = optimizer_state
    finite = xp.where(xp.isfinite(p), xp.abs(p), 1.0)
    whole = xp.bitwise_right_shift(xp.astype(finite * 8, xp.int32), 1)
    doubled = xp.astype(xp.astype(p, "float64") * np.float64(2), p.dtype)
    equal = xp.astype((p == g) | (p != p), p.dtype)
    powers = xp.pow(xp.abs(p), 1.5) + p**3 + 2**p - -p
    return xp.astype(whole, p.dtype) + doubled + equal + powers, (b, a + p)


SOLVERS = {
    "adam": adam(),
    "adamw": adamw(0.5, 0.8, 1e-3),
    "sgd": sgd(),
    "sgd without momentum": sgd(0, nesterovs_momentum=False),
    "averaged adam": averaging(adam(), 0.9),
    "averaged sgd": averaging(sgd(0.5, nesterovs_momentum=False), 0.5),
    "lion": Solver(lion, ("m",), {"beta": 0.9}),
    "signed": Solver(components.by_options, options={"signed": 1.0}),
    "unsigned": Solver(components.by_options, options={"signed": -1.0}),
    "conditions": Solver(choosing, ("m",), {"bound": 0.7, "decay": 0.9}),
    "conditions without a bound": Solver(choosing, ("m",), {"bound": 0.0, "decay": 0.5}),
    "other dtypes": Solver(converting, ("a", "b")),
    **{name: Solver(functions, options={"name": name}) for name in NAMES},
}


def arrays(solver: Solver, dtype: str, n: int) -> list[np.ndarray]:
    """Weights, gradients and optimizer state (n_arrays, n + 3), of which 3 columns are not used."""
    rng = np.random.RandomState(0)
    p, g = rng.standard_normal((2, n)).astype(dtype)
    state = np.abs(rng.standard_normal((len(solver.optimizer_state), n + 3))).astype(dtype)
    return [p, g, state]


def called(
    solver: Solver, given: list[np.ndarray], rate: float, l2: float = 0.0, decrease: float = 0.0
) -> tuple[list[np.ndarray], float]:
    """The arrays after the compiled update, and the returned sum of squares."""
    dtype = given[0].dtype
    function = solver_function(solver, dtype)
    number = ctypes.c_float if dtype == np.float32 else ctypes.c_double
    pointers, sizes = [ctypes.c_void_p] * 3, [ctypes.c_ssize_t] * 2
    arguments = (*pointers, *sizes, ctypes.c_void_p, number, number)
    update = ctypes.CFUNCTYPE(ctypes.c_double, *arguments)(function.address)
    scalars = function.scalars(np.array([rate]))
    assert (scalars.dtype, scalars.shape) == (dtype, (1, function.n_scalars))
    after = [a.copy() for a in given]
    p, g, state = (a.ctypes.data for a in after)
    squares = update(
        p, g, state, given[2].shape[1], len(given[0]), scalars.ctypes.data, l2, decrease
    )
    return after, squares


def evaluated(
    solver: Solver, given: list[np.ndarray], rate: float, l2: float = 0.0, decrease: float = 0.0
) -> list[np.ndarray]:
    """The arrays after its program, evaluated by NumPy."""
    p, g, state = given
    n, trace = len(p), trace_update(solver, p.dtype)
    with np.errstate(all="ignore"):
        inputs = {"p": p, "g": g + p.dtype.type(l2) * p}
        inputs.update({f"state {i}": a[:n] for i, a in enumerate(state)})
        new, *new_state = evaluate(trace.program, inputs, trace.scalars(np.array([rate]))[0])
        after = [new - p.dtype.type(decrease) * p, g, state.copy()]
    for i, a in enumerate(new_state):
        after[2][i, :n] = a
    return after


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SOLVERS)
def test_a_compiled_update_equals_its_program(name: str, dtype: str) -> None:
    """Compiled updates return what NumPy returns, also for NaN and infinite values."""
    solver, tolerance = SOLVERS[name], 1e-12 if dtype == "float64" else 3e-6
    given = arrays(solver, dtype, BLOCK + 77)
    if name != "other dtypes":  # in which sums of infinite terms may be NaN in another order
        given[0][:4], given[1][3:7] = SPECIAL, SPECIAL
    for rate in (0.001, 0.1):
        (found, _), expected = called(solver, given, rate), evaluated(solver, given, rate)
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_allclose(b, a, tolerance, tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [0, 1, 7, 64, BLOCK - 1, BLOCK, 2 * BLOCK + 1])
def test_penalty_decay_and_squares(n: int, dtype: str) -> None:
    """The L2 penalty is added to the gradient, weights decay, and their squares are summed."""
    tolerance = 1e-13 if dtype == "float64" else 1e-6
    given = arrays(adam(), dtype, n)
    found, squares = called(adam(), given, 0.01, 0.5, 0.125)
    for a, b in zip(evaluated(adam(), given, 0.01, 0.5, 0.125), found, strict=True):
        np.testing.assert_allclose(b, a, tolerance, tolerance)
    np.testing.assert_allclose(squares, (given[0].astype("float64") ** 2).sum(), tolerance)


def test_many_squares_are_summed_accurately() -> None:
    """The sum of the squares of a million float32 weights is exact to 1e-6."""
    p = np.full(1_000_001, 1.1, "float32")
    given = [p, p, np.zeros((1, len(p) + 3), "float32")]
    _, squares = called(sgd(), given, 0.01)
    np.testing.assert_allclose(squares, len(p) * float(p[0]) ** 2, 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["adam", "sgd", "lion", "averaged adam", "conditions"])
def test_the_loop_has_vector_instructions(name: str, dtype: str) -> None:
    """LLVM computes several weights at once; a condition does not make a branch of it."""
    trace = trace_update(SOLVERS[name], dtype)
    text = update_text(trace.program, dtype, trace.scalars.n_scalars)
    t = getattr(types, dtype)
    pointer, size = types.CPointer(t), types.intp
    signature = types.float64(pointer, pointer, pointer, size, size, pointer, t, t)
    code = compiled_text(text, "update", signature).inspect_llvm()
    stored = re.findall(rf"store <\d+ x {'float' if dtype == 'float32' else 'double'}> ", code)
    assert len(stored) >= 1 + len(SOLVERS[name].optimizer_state)


def test_solvers_that_do_the_same_share_their_code() -> None:
    """The code depends on the program: neither on the function nor on values of options."""

    def address(solver: Solver, dtype: str = "float32") -> int:
        return solver_function(solver, np.dtype(dtype)).address

    assert address(adam()) == address(adamw(0.5, 0.5, 0.1)) != address(adam(), "float64")
    assert address(sgd(0.5)) == address(sgd(0.8)) != address(adam())
    first = Solver(lambda xp, p, g, state, rate, options: (p - rate * g, ()))
    second = Solver(lambda xp, weights, g, state, eta, options: (weights - eta * g, ()))
    assert address(first) == address(second)
    assert address(SOLVERS["signed"]) != address(SOLVERS["unsigned"])


def test_a_solver_is_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further functions of equal solvers are found without tracing."""
    count = []

    def counted(solver: Solver, dtype: Any) -> Any:
        count.append(solver)
        return trace_update(solver, dtype)

    monkeypatch.setattr(solver_functions, "trace_update", counted)
    for beta in (0.51, 0.52, 0.51, 0.52):
        solver_function(sgd(beta), np.dtype("float32"))
    assert len(count) == 2
    unhashable = Solver(lion, ("m",), {"beta": 0.9, "list": [1.0]})  # type: ignore[dict-item]
    assert (
        solver_function(unhashable, np.dtype("float32")).address
        == solver_function(SOLVERS["lion"], np.dtype("float32")).address
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["lion", "conditions", "unsigned"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_custom_solvers_train_like_the_numpy_backend(name: str, dtype: str) -> None:
    """A fit with a custom solver gives the losses of the NumPy backend."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 4)).astype(dtype)
    y = (X[:, 0] - X[:, 1] ** 2).astype(dtype)
    curves = [
        MLPRegressor(
            hidden_layer_sizes=(6,),
            solver=SOLVERS[name],
            backend=backend,
            learning_rate_init=0.005,
            max_iter=5,
            tol=0.0,
            random_state=0,
        )
        .fit(X, y)
        .loss_curve_
        for backend in ("numpy", "numba")
    ]
    np.testing.assert_allclose(curves[1], curves[0], 1e-9 if dtype == "float64" else 1e-4)


def fitted(solver: Solver) -> MLPRegressor:
    """A fit with the solver."""
    X = np.arange(12.0).reshape(6, 2)
    return MLPRegressor(hidden_layer_sizes=(2,), solver=solver, backend="numba", max_iter=1).fit(
        X, X[:, 0]
    )


def test_messages_of_a_fit_name_the_solver_and_the_remedy() -> None:
    """A fit reports what the solver did and what to write instead."""
    normed = Solver(
        lambda xp, p, g, state, rate, options: (p - rate * g / xp.sqrt(xp.sum(g * g)), ())
    )
    with pytest.raises(InvalidResult, match=r"solver.*called xp\.sum over the weights.*Joint"):
        fitted(normed)
    with pytest.raises(PluginError, match=r"numba.*'branching_solvers'.*use xp\.where"):
        fitted(Solver(components.by_rate))
    with pytest.raises(Unsupported):
        solver_function(Solver(components.by_rate), np.dtype("float64"))


def test_divergence_is_not_hidden() -> None:
    """Weights that overflow are infinite or NaN in the result."""
    given = arrays(sgd(), "float32", 100)
    given[1][:50] = np.finfo("float32").max
    (p, _, _), squares = called(sgd(), given, 1e3)
    assert not np.isfinite(p[:50]).any()
    assert np.isfinite(p[50:]).all()
    given[0][:] = np.nan
    assert np.isnan(called(sgd(), given, 0.1)[1])
    assert np.isfinite(squares)
