"""exp, tanh and the activations of the compiled loop equal NumPy's to the last digits."""

from typing import Any

import numba
import numpy as np
import pytest

from mlpkit.plugin import Array
from mlpkit_numba.elementary import elementary


def applied(name: str, dtype: str, x: Array) -> Array:
    """The values of a function, computed in a loop with vector instructions."""
    function = getattr(elementary(dtype), name)

    @numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]
    def loop(x: Any, out: Any) -> None:
        for i in range(len(x)):
            out[i] = function(x[i])

    out = np.empty_like(x)
    loop(x, out)
    return out


@pytest.mark.parametrize(("dtype", "limit", "ulps"), [("float32", 87, 4), ("float64", 707, 4)])
def test_exp_and_tanh(dtype: str, limit: float, ulps: int) -> None:
    """To a few units in the last place, over the whole range."""
    x = np.concatenate([np.linspace(-limit, limit, 100_001), np.linspace(-2, 2, 100_001)])
    x = x.astype(dtype)
    tolerance = ulps * np.finfo(dtype).eps
    np.testing.assert_allclose(applied("exp", dtype, x), np.exp(x.astype("longdouble")), tolerance)
    np.testing.assert_allclose(
        applied("tanh", dtype, x), np.tanh(x.astype("longdouble")), tolerance
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_is_not_hidden(dtype: str) -> None:
    """Infinite and undefined numbers stay what they are."""
    x = np.array([-np.inf, -1e4, 1e4, np.inf, np.nan, 0.0] * 9, dtype)
    exp, tanh = applied("exp", dtype, x), applied("tanh", dtype, x)
    np.testing.assert_array_equal(exp, np.array([0, 0, np.inf, np.inf, np.nan, 1] * 9, dtype))
    np.testing.assert_array_equal(tanh, np.array([-1, -1, 1, 1, np.nan, 0] * 9, dtype))
