"""exp and tanh without calls and branches, so that loops over them use vector instructions.

The polynomials are those of the Cephes library (Moshier, 1989), exact to a few units in the last
place. This module is imported only while a program is compiled.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from mlpkit_numba.intrinsics import JIT, bits, from_bits

# the order of the operations matters here, but they may be fused
EXACT: dict[str, Any] = {**JIT, "fastmath": {"contract"}}


class Elementary(NamedTuple):
    """Compiled functions of one number in one precision."""

    exp: Callable[[Any], Any]
    tanh: Callable[[Any], Any]


def elementary(dtype: str) -> Elementary:
    """Return the functions for float32 or float64."""
    return _single() if dtype == "float32" else _double()


def _single() -> Elementary:
    f, i = np.float32, np.int32
    inf, zero, one, two = f(np.inf), f(0), f(1), f(2)
    low, high, log2_e, magic = f(-87.33), f(88.37), f(1.44269504088896341), f(1.5 * 2**23)
    ln2_high, ln2_low = f(0.693359375), f(-2.12194440e-4)
    shift, bias, near = i(23), i(127 << 23), f(0.625)
    a0, a1, a2 = f(1.9875691500e-4), f(1.3981999507e-3), f(8.3334519073e-3)
    a3, a4, a5 = f(4.1665795894e-2), f(1.6666665459e-1), f(5.0000001201e-1)
    b0, b1, b2 = f(-5.70498872745e-3), f(2.06390887954e-2), f(-5.37397155531e-2)
    b3, b4 = f(1.33314422036e-1), f(-3.33332819422e-1)

    @njit(**EXACT)
    def exp(x):  # type: ignore[no-untyped-def]
        t = x * log2_e + magic
        n = t - magic
        r = (x - n * ln2_high) - n * ln2_low
        e = ((((a0 * r + a1) * r + a2) * r + a3) * r + a4) * r + a5
        e = (e * (r * r) + r) + one
        e = e * from_bits(i((bits(t) << shift) + bias))
        e = zero if x < low else e
        return inf if x > high else e

    @njit(**EXACT)
    def tanh(x):  # type: ignore[no-untyped-def]
        a = abs(x)
        far = one - two / (exp(a + a) + one)
        far = -far if x < zero else far
        z = x * x
        small = ((((b0 * z + b1) * z + b2) * z + b3) * z + b4) * z * x + x
        return small if a < near else far

    return Elementary(exp, tanh)


def _double() -> Elementary:
    i, inf = np.int64, np.inf
    low, high, log2_e, magic = -708.0, 709.43, 1.4426950408889634073599, 1.5 * 2.0**52
    ln2_high, ln2_low = 6.93145751953125e-1, 1.42860682030941723212e-6
    shift, bias = i(52), i(1023 << 52)
    p0, p1, p2 = 1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1
    q0, q1 = 3.00198505138664455042e-6, 2.52448340349684104192e-3
    q2, q3 = 2.27265548208155028766e-1, 2.00000000000000000005e0
    s0, s1, s2 = -9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3
    t0, t1, t2 = 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3

    @njit(**EXACT)
    def exp(x):  # type: ignore[no-untyped-def]
        t = x * log2_e + magic
        n = t - magic
        r = (x - n * ln2_high) - n * ln2_low
        z = r * r
        p = r * ((p0 * z + p1) * z + p2)
        e = p / ((((q0 * z + q1) * z + q2) * z + q3) - p)
        e = (1.0 + (e + e)) * from_bits((bits(t) << shift) + bias)
        e = 0.0 if x < low else e
        return inf if x > high else e

    @njit(**EXACT)
    def tanh(x):  # type: ignore[no-untyped-def]
        a = abs(x)
        far = 1.0 - 2.0 / (exp(a + a) + 1.0)
        far = -far if x < 0.0 else far
        z = x * x
        small = x + x * z * (((s0 * z + s1) * z + s2) / (((z + t0) * z + t1) * z + t2))
        return small if a < 0.625 else far

    return Elementary(exp, tanh)
