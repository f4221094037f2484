"""The matrix products of a network alone, in one library: no fit is faster than they are."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from benchmarks.cases import Case
from benchmarks.contender import Contender, Timed


class Product(NamedTuple):
    """Two factors as they lie in memory, and whether each goes in transposed."""

    a: Any
    b: Any
    a_transposed: bool = False
    b_transposed: bool = False


def products(case: Case, X: Any, y: Any) -> list[Product]:
    """Those of one step: each layer forward, its gradient, and but for the first its delta."""
    rng = np.random.default_rng(0)
    units = (X.shape[1], *case.hidden, int(y.max()) + 1)
    values = [rng.random((case.batch, n), np.float32) for n in units]
    found = []
    for i, (n, m) in enumerate(pairwise(units)):
        weights = rng.random((n, m), np.float32)
        found += [Product(values[i], weights), Product(values[i], values[i + 1], True)]
        if i:
            found.append(Product(values[i + 1], weights, False, True))
    return found


class Floor(Contender):
    """As many steps of products as a fit of the case has."""

    def __init__(self, library: Callable[[list[Product], int], Timed]) -> None:
        self.library = library

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        return self.library(products(case, X, y), case.epochs * -(-len(X) // case.batch))


def in_numpy(given: list[Product], steps: int) -> Timed:
    """NumPy's BLAS, into arrays that are there."""
    pairs = [(p.a.T if p.a_transposed else p.a, p.b.T if p.b_transposed else p.b) for p in given]
    outs = [np.empty((len(a), b.shape[1]), np.float32) for a, b in pairs]

    def run() -> None:
        for _ in range(steps):
            for (a, b), out in zip(pairs, outs, strict=True):
                np.matmul(a, b, out=out)

    return run


def in_xla(given: list[Product], steps: int) -> Timed:
    """XLA, in one compiled loop."""
    import jax
    from jax import lax

    def step(_: Any, carry: Any) -> Any:
        after = []
        for (a, b, out), p in zip(carry, given, strict=True):
            a = a.at[0, 0].add(out[0, 0] * 1e-30)  # else XLA takes the product out of the loop
            product = (a.T if p.a_transposed else a) @ (b.T if p.b_transposed else b)
            after.append((a, b, product))
        return after

    def start(p: Product) -> tuple[Any, Any, Any]:
        rows, columns = p.a.shape[p.a_transposed], p.b.shape[not p.b_transposed]
        return p.a, p.b, np.zeros((rows, columns), np.float32)

    loop = jax.jit(lambda carry: lax.fori_loop(0, steps, step, carry))
    first = jax.device_put([start(p) for p in given])
    return lambda: jax.tree.map(lambda array: array.block_until_ready(), loop(first))
