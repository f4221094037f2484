"""log and log1p without calls and branches, so that loops over them use vector instructions.

The number is ``2**e * m`` with m near 1, and ``log(m) = 2 artanh(f / (2 + f))`` for ``f = m - 1``
is a polynomial with the coefficients of FDLIBM (Sun Microsystems, 1993). The results are exact to
one or two units in the last place. This module is imported only while a program is compiled.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from mlpkit_numba.elementary import EXACT
from mlpkit_numba.intrinsics import bits, from_bits


class Logarithms(NamedTuple):
    """Compiled functions of one number in one precision."""

    log: Callable[[Any], Any]
    log1p: Callable[[Any], Any]


def logarithms(dtype: str) -> Logarithms:
    """Return the functions for float32 or float64."""
    log = _single() if dtype == "float32" else _double()
    f = getattr(np, dtype)
    zero, one, inf = f(0), f(1), f(np.inf)

    @njit(**EXACT)
    def log1p(x):  # type: ignore[no-untyped-def]
        u = one + x
        value = log(u) + (x - (u - one)) / u  # the second term is what the sum lost
        return log(u) if (u == zero) | (u == inf) else value

    return Logarithms(log, log1p)


def _single() -> Callable[[Any], Any]:
    f, i = np.float32, np.int32
    zero, half, one, two, inf, nan = f(0), f(0.5), f(1), f(2), f(np.inf), f(np.nan)
    ln2_high, ln2_low = f(6.9313812256e-01), f(9.0580006145e-06)
    c1, c2, c3, c4 = f(0.66666662693), f(0.40000972152), f(0.28498786688), f(0.24279078841)
    least, scale, scale_log = f(1.1754943508222875e-38), f(2.0**25), f(25)
    root, one_bits, mantissa, shift = i(0x3F3504F3), i(0x3F800000), i(0x007FFFFF), i(23)

    @njit(**EXACT)
    def log(x):  # type: ignore[no-untyped-def]
        tiny = x < least
        word = i(bits(x * scale if tiny else x) + (one_bits - root))
        e = f(i(word >> shift) - i(127)) - (scale_log if tiny else zero)
        m = from_bits(i(i(word & mantissa) + root))
        g = m - one
        s = g / (two + g)
        z = s * s
        r = z * (c1 + z * (c2 + z * (c3 + z * c4)))
        h = half * g * g
        value = e * ln2_high - ((h - (s * (h + r) + e * ln2_low)) - g)
        value = value if x < inf else x  # inf and NaN
        value = -inf if x == zero else value
        return nan if x < zero else value

    return log


def _double() -> Callable[[Any], Any]:
    f, i = np.float64, np.int64
    inf, nan = np.inf, np.nan
    ln2_high, ln2_low = 6.93147180369123816490e-01, 1.90821492927058770002e-10
    c1, c2, c3 = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01
    c4, c5, c6 = 2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01
    c7 = 1.479819860511658591e-01
    least, scale, scale_log = 2.2250738585072014e-308, 2.0**54, 54.0
    root, one_bits = i(0x3FE6A09E667F3BCD), i(0x3FF0000000000000)
    mantissa, shift = i(0x000FFFFFFFFFFFFF), i(52)

    @njit(**EXACT)
    def log(x):  # type: ignore[no-untyped-def]
        tiny = x < least
        word = bits(x * scale if tiny else x) + (one_bits - root)
        e = f((word >> shift) - i(1023)) - (scale_log if tiny else 0.0)
        m = from_bits((word & mantissa) + root)
        g = m - 1.0
        s = g / (2.0 + g)
        z = s * s
        r = z * (c1 + z * (c2 + z * (c3 + z * (c4 + z * (c5 + z * (c6 + z * c7))))))
        h = 0.5 * g * g
        value = e * ln2_high - ((h - (s * (h + r) + e * ln2_low)) - g)
        value = value if x < inf else x
        value = -inf if x == 0.0 else value
        return nan if x < 0.0 else value

    return log
