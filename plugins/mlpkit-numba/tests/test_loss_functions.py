"""Tests of compiled losses, which are compared with the losses themselves."""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import types

from mlpkit import MLPRegressor
from mlpkit.backend_kit import evaluate, trace_loss
from mlpkit.objectives import losses
from mlpkit.objectives.quantiles import quantiles
from mlpkit.plugin import InvalidResult, Loss, PluginError
from mlpkit.testing import components
from mlpkit_numba import loss_text
from mlpkit_numba.compiled_text import compiled_text
from mlpkit_numba.loss_functions import loss_function

pytestmark = pytest.mark.once

DTYPES = ["float32", "float64"]


def contrast_rows(xp: Any, y: Any, p: Any) -> Any:
    """Use several reductions, slices and columns."""
    centered = p - xp.mean(p, axis=1, keepdims=True)
    wide = xp.max(xp.abs(centered), axis=1) - xp.min(y, axis=1)
    halves = xp.sum(p[:, ::2], axis=1) * p[:, 0] - xp.sum(p[:, ::-1] * y, axis=1)
    return wide + halves + xp.log(xp.sum(xp.softmax(p) * y, axis=1) + 0.5)


def contrast_delta(xp: Any, y: Any, p: Any) -> Any:
    """Use a reduction, and elements of other columns."""
    return (p - p[:, ::-1]) * xp.max(y, axis=1, keepdims=True) + xp.sum(p > y, axis=1)[:, None]


def joining(xp: Any, y: Any, p: Any) -> Any:
    """Join columns."""
    first = xp.cumulative_sum(p - y, axis=1)
    return xp.concat([first[:, 1:], xp.tanh(p[:, :1])], axis=1)


def largest(xp: Any, y: Any, p: Any) -> Any:
    """Only the largest error counts."""
    return 2.0 * xp.max(xp.abs(p - y), axis=1) + 1.0


LOSSES = {
    **losses.LOSSES,
    "smoothed log_loss": losses.log_loss(0.1),
    "smoothed binary_log_loss": losses.binary_log_loss(0.1),
    "huber with an option": losses.huber(0.3),
    "quantile with an option": losses.quantile(0.9),
    "quantiles with an option": quantiles((0.1, 0.2, 0.5, 0.8, 0.9)),
    "pseudo-Huber": components.HUBER,
    "contrast": Loss("contrast", "identity", contrast_rows, contrast_delta),
    "joins": Loss("joins", "identity", lambda xp, y, p: xp.sum(joining(xp, y, p), axis=1), joining),
    "largest": Loss("largest", "identity", largest, lambda xp, y, p: xp.zeros_like(p) + 0.5),
}
N_OUTPUTS = {"quantiles": (3,), "quantiles with an option": (5,), "joins": (2, 10)}


def called(loss: Loss, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The losses (n,) and derivatives (n, n_outputs) of the compiled function."""
    n, n_outputs = p.shape
    address = loss_function(loss, p.dtype, n_outputs).address
    pointers, sizes = [ctypes.c_void_p] * 2, [ctypes.c_ssize_t] * 2
    function = ctypes.CFUNCTYPE(None, *pointers, *sizes, *pointers)(address)
    values, delta = np.full(n, 7, p.dtype), np.full(p.shape, 7, p.dtype)
    function(y.ctypes.data, p.ctypes.data, n, n_outputs, values.ctypes.data, delta.ctypes.data)
    return values, delta


def evaluated(loss: Loss, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same by its programs, evaluated by NumPy."""
    trace = trace_loss(loss, p.dtype, p.shape[1])
    (values,), (delta,) = (evaluate(program, {"y": y, "p": p}) for program in trace[:2])
    return values, delta.reshape(p.shape)


def rows(n_outputs: int, dtype: str, n: int = 45) -> tuple[np.ndarray, np.ndarray]:
    """Targets and outputs that all losses accept."""
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=(n, n_outputs)).astype(dtype)
    p = rng.uniform(0.05, 0.95, (n, n_outputs)).astype(dtype)
    p[:2] = [[0.0], [1.0]]
    return y, p


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOSSES)
def test_a_compiled_loss_equals_its_programs(name: str, dtype: str) -> None:
    """Compiled losses return what NumPy returns, also for NaN and infinite values."""
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for n_outputs in N_OUTPUTS.get(name, (1, 2, 10)):
        y, p = rows(n_outputs, dtype)
        for special in ([], [np.nan, np.inf, -np.inf]):
            p[: len(special), -1] = special
            for a, b in zip(evaluated(LOSSES[name], y, p), called(LOSSES[name], y, p), strict=True):
                np.testing.assert_allclose(b, a, tolerance, tolerance)


@pytest.mark.parametrize(
    ("name", "n_outputs"), [("log_loss", 130), ("contrast", 130), ("joins", 25), ("largest", 130)]
)
def test_many_outputs(name: str, n_outputs: int) -> None:
    """Losses of many outputs equal their programs."""
    y, p = rows(n_outputs, "float64", n=3)
    for a, b in zip(evaluated(LOSSES[name], y, p), called(LOSSES[name], y, p), strict=True):
        np.testing.assert_allclose(b, a, 1e-11, 1e-11)


def test_losses_of_many_outputs_have_short_text() -> None:
    """Without joined columns, the text does not grow with the outputs."""
    sizes = [
        len(loss_text.loss_text(trace_loss(LOSSES[name], "float32", k)).splitlines())
        for name in ("log_loss", "contrast")
        for k in (200, 2000)
    ]
    assert sizes[0] == sizes[1] < 40
    assert sizes[2] == sizes[3] < 120


def test_too_many_joined_outputs_are_rejected() -> None:
    """A loss that would take long to compile is an error."""
    with pytest.raises(InvalidResult, match=r"one by one, in \d+ operations.*whole arrays"):
        loss_function(LOSSES["joins"], np.dtype("float32"), 5000)


@pytest.mark.parametrize("name", ["log_loss", "binary_log_loss", "poisson", "squared_error"])
@pytest.mark.parametrize("n_outputs", [1, 10])
def test_the_loops_have_vector_instructions(name: str, n_outputs: int) -> None:
    """Logarithms and derivatives of several elements are computed at once."""
    text = loss_text.loss_text(trace_loss(losses.LOSSES[name], "float32", n_outputs))
    pointer, size = types.CPointer(types.float32), types.intp
    signature = types.void(pointer, pointer, size, size, pointer, pointer)
    code = compiled_text(text, "loss", signature).inspect_llvm()
    assert len(re.findall(r"store <\d+ x float> ", code)) >= 2


def test_losses_that_do_the_same_share_their_code() -> None:
    """The code depends on the programs, and not on names or functions."""

    def address(loss: Loss, n_outputs: int = 3) -> int:
        return loss_function(loss, np.dtype("float32"), n_outputs).address

    other = Loss(
        "other",
        "identity",
        lambda xp, y, p: xp.sum(xp.sqrt(1 + (p - y) ** 2) - 1, axis=1),
        lambda xp, y, p: (p - y) / xp.sqrt(1 + (p - y) ** 2),
    )
    assert address(components.HUBER) == address(other) != address(other, 4)
    assert address(losses.huber(0.5)) != address(losses.huber(0.6))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["joins", "pseudo-Huber", "largest"])
def test_custom_losses_train_like_the_numpy_backend(name: str, dtype: str) -> None:
    """A fit with a custom loss gives the losses of the NumPy backend."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 4)).astype(dtype)
    y = np.stack([X[:, 0] - X[:, 1] ** 2, X[:, 2]], axis=1)
    curves = [
        MLPRegressor(LOSSES[name], (6,), backend=backend, max_iter=5, tol=0.0, random_state=0)
        .fit(X, y)
        .loss_curve_
        for backend in ("numpy", "numba")
    ]
    np.testing.assert_allclose(curves[1], curves[0], 1e-9 if dtype == "float64" else 1e-4)


def test_messages_of_a_fit_name_the_loss() -> None:
    """A fit reports which loss cannot be used, and why."""
    X = np.arange(12.0).reshape(6, 2)
    for loss, message in (
        (
            components.HUBER._replace(rows=lambda xp, y, p: xp.mean((p - y) ** 2)),
            r"pseudo_huber.*called xp\.mean over the rows.*axis=1",
        ),
        (components.HUBER._replace(delta=None), "'losses_without_delta'.*`delta`"),
    ):
        with pytest.raises(PluginError, match=message):
            MLPRegressor(loss, (2,), backend="numba", max_iter=1).fit(X, X[:, 0])


SCRIPT = """
import sys
import numpy as np
from mlpkit.plugin import Loss, Solver
from mlpkit_numba.loss_functions import loss_function
from mlpkit_numba.solver_functions import solver_function

dtype = np.dtype("float32")
mean = lambda xp, y, p: xp.mean(xp.log1p(xp.abs(p - y)), axis=1)
loss_function(Loss("custom", "identity", mean, lambda xp, y, p: xp.tanh(p - y)), dtype, 4)
step = lambda xp, p, g, state, rate, options: (p - rate * xp.tanh(g), ())
solver_function(Solver(step), dtype)
print("numba" in sys.modules)
"""


def test_the_next_process_loads_the_code_of_lambdas(tmp_path: Path) -> None:
    """The code is found on disk by its program, so Numba is not imported."""
    imported = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "MLPKIT_CACHE_DIR": str(tmp_path / "programs")},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for _ in range(2)
    ]
    assert imported == ["True\n", "False\n"]
