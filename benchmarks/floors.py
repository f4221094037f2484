"""Lower bounds of the time of a fit: only its matrix products, in one library."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from benchmarks.cases import Case
from benchmarks.contender import Contender, Timed


class Product(NamedTuple):
    """Two factors, and whether each is transposed in the product."""

    a: Any
    b: Any
    a_transposed: bool = False
    b_transposed: bool = False


def products(case: Case, X: Any, y: Any) -> list[Product]:
    """The products of one step: outputs, gradients and, except in the first layer, deltas."""
    rng = np.random.default_rng(0)
    units = (X.shape[1], *case.hidden, int(y.max()) + 1)
    values = [rng.random((case.batch, n), np.float32) for n in units]
    result = []
    for i, (n, m) in enumerate(pairwise(units)):
        weights = rng.random((n, m), np.float32)
        result += [Product(values[i], weights), Product(values[i], values[i + 1], True)]
        if i:
            result.append(Product(values[i + 1], weights, False, True))
    return result


class Floor(Contender):
    """The matrix products of all steps of a fit."""

    def __init__(self, library: Callable[[list[Product], int], Timed]) -> None:
        self.library = library

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        return self.library(products(case, X, y), case.epochs * -(-len(X) // case.batch))


def in_numpy(factors: list[Product], steps: int) -> Timed:
    """Products by NumPy into preallocated arrays."""
    pairs = [(p.a.T if p.a_transposed else p.a, p.b.T if p.b_transposed else p.b) for p in factors]
    outs = [np.empty((len(a), b.shape[1]), np.float32) for a, b in pairs]

    def run() -> None:
        for _ in range(steps):
            for (a, b), out in zip(pairs, outs, strict=True):
                np.matmul(a, b, out=out)

    return run


def in_xla(factors: list[Product], steps: int) -> Timed:
    """Products by XLA in one compiled loop."""
    import jax
    from jax import lax

    def step(_: Any, carry: Any) -> Any:
        after = []
        for (a, b, out), p in zip(carry, factors, strict=True):
            # this dependency prevents XLA from moving the product out of the loop
            a = a.at[0, 0].add(out[0, 0] * 1e-30)
            product = (a.T if p.a_transposed else a) @ (b.T if p.b_transposed else b)
            after.append((a, b, product))
        return after

    def start(p: Product) -> tuple[Any, Any, Any]:
        rows, columns = p.a.shape[p.a_transposed], p.b.shape[not p.b_transposed]
        return p.a, p.b, np.zeros((rows, columns), np.float32)

    loop = jax.jit(lambda carry: lax.fori_loop(0, steps, step, carry))
    first = jax.device_put([start(p) for p in factors])
    return lambda: jax.tree.map(lambda array: array.block_until_ready(), loop(first))
