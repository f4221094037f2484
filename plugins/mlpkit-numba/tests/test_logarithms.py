"""Tests of the logarithms of compiled code."""

import numpy as np
import pytest
from numba import njit

from mlpkit_numba.logarithms import logarithms

pytestmark = pytest.mark.once

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, -0.5, 1.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["log", "log1p"])
def test_logarithms_equal_numpy(name: str, dtype: str) -> None:
    """The results are within two units in the last place, for numbers of every size."""
    function, limits = getattr(logarithms(dtype), name), np.finfo(dtype)

    @njit
    def of_all(x, out):  # type: ignore[no-untyped-def]
        for i in range(len(x)):
            out[i] = function(x[i])

    rng = np.random.RandomState(0)
    sizes = np.exp(rng.uniform(np.log(limits.tiny), np.log(limits.max), 20_000))
    near = np.concatenate([1 + rng.uniform(-0.5, 1, 20_000), 1 + rng.normal(0, 1e-4, 20_000)])
    x = np.concatenate([sizes, near, near - 1, [limits.smallest_subnormal, limits.max]])
    x = np.concatenate([x, SPECIAL]).astype(dtype)
    out = np.empty_like(x)
    of_all(x, out)
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(x.astype("longdouble")).astype(dtype)
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(out[~finite], exact[~finite])
    assert np.all(np.abs(out[finite] - exact[finite]) <= 2 * np.spacing(np.abs(exact[finite])))
