"""Matrix products in tiles and by BLAS."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import cfunc, types

from mlpkit_numba import blas
from mlpkit_numba.multiplication import multiply, multiply_transposed

Product = Callable[..., None]


@pytest.fixture(scope="module", params=["float32", "float64"])
def product(request: pytest.FixtureRequest) -> tuple[str, Product]:
    """``product(is_transposed, a, a_row, a_column, b, b_row, c, n, k, m, beta)`` of addresses."""
    number = getattr(types, request.param)

    def compute(is_transposed, a, a_row, a_column, b, b_row, c, n, k, m, beta):  # type: ignore[no-untyped-def]
        one = np.int64(1)
        left, right, out = (a, a_row, a_column), (b, b_row, one), (c, m, one)
        if is_transposed:
            multiply_transposed(left, right, out, (n, k, m), beta)
        else:
            multiply(left, right, out, (n, k, m), beta)

    compiled = cfunc(types.void(*[types.int64] * 10, number))(compute)
    last = ctypes.c_float if request.param == "float32" else ctypes.c_double
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 10, last)(compiled.address)

    def product(*arguments: Any) -> None:
        assert compiled is not None  # it owns the machine code
        call(*arguments)

    return request.param, product


@pytest.mark.parametrize("beta", [0, 1])
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (2, 3, 4), (12, 16, 32), (13, 17, 33), (29, 31, 95), (17, 1100, 40), (40, 5, 130)],
)
def test_tiles_equal_numpy(
    product: tuple[str, Product], shape: tuple[int, int, int], beta: int
) -> None:
    """For shapes within one tile and beyond, with both factors transposed and not."""
    dtype, compute = product
    n, k, m = shape
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((n, k)).astype(dtype), rng.standard_normal((k, m)).astype(dtype)
    before = rng.standard_normal((n, m)).astype(dtype) if beta else np.full((n, m), np.nan, dtype)
    expected = a @ b + (before if beta else 0)
    a_columns, b_columns = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
    for is_transposed, left, distances, right, width in (
        (0, a, (k, 1), b, m),
        (0, a_columns, (1, n), b, m),
        (1, a, (k, 1), b_columns, k),
    ):
        c = before.copy()
        factors = left.ctypes.data, *distances, right.ctypes.data, width
        compute(is_transposed, *factors, c.ctypes.data, n, k, m, beta)
        np.testing.assert_allclose(c, expected, rtol=0, atol=1e-3 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize(
    ("cpu", "avx512", "architectures", "expected"),
    [
        ("znver5", True, ["SkylakeX"], True),
        ("znver4", True, ["Haswell", "Haswell"], True),
        ("znver4", True, ["Haswell", "SkylakeX"], False),
        ("znver4", True, [], False),
        ("znver3", False, ["Zen"], False),
        ("skylake-avx512", True, ["Haswell"], False),
    ],
)
def test_tiles_are_used_where_they_are_faster(
    cpu: str, avx512: bool, architectures: list[str], expected: bool, monkeypatch: Any
) -> None:
    """On processors of AMD with AVX-512; on Zen 4 if OpenBLAS has the code of an older one."""

    class Controller:
        def select(self, internal_api: str) -> "Controller":
            return self

        def info(self) -> list[dict[str, str]]:
            return [{"architecture": name} for name in architectures]

    monkeypatch.setattr(blas.llvm, "get_host_cpu_name", lambda: cpu)
    monkeypatch.setattr(blas.llvm, "get_host_cpu_features", lambda: {"avx512f": avx512})
    monkeypatch.setattr(blas, "ThreadpoolController", Controller)
    assert blas.has_faster_tiles.__wrapped__() is expected
