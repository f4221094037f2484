"""Lower bounds of the time of a fit: only its matrix products, in one library."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from benchmarks.cases import Case
from benchmarks.contender import Timed


class Product(NamedTuple):
    """Two factors, and whether each is transposed in the product."""

    a: Any
    b: Any
    a_transposed: bool = False
    b_transposed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the product."""
        return self.a.shape[self.a_transposed], self.b.shape[not self.b_transposed]


class Block(NamedTuple):
    """The products of one step, and how often each epoch computes them."""

    products: list[Product]
    steps: int


def blocks(case: Case, X: Any, y: Any) -> list[Block]:
    """The steps of an epoch: those of whole batches, and the last one if it has fewer rows."""
    n_classes = int(y.max()) + 1
    units = (X.shape[1], *case.hidden, 1 if n_classes == 2 else n_classes)
    steps, rest = divmod(len(X), case.batch)
    whole = Block(products(units, case.batch), steps)
    return [whole, Block(products(units, rest), 1)] if rest else [whole]


def products(units: tuple[int, ...], n: int) -> list[Product]:
    """The products of a step of n rows: outputs, gradients and, after the first layer, deltas."""
    rng = np.random.default_rng(0)
    values = [rng.random((n, m), np.float32) for m in units]
    result = []
    for i, shape in enumerate(pairwise(units)):
        weights = rng.random(shape, np.float32)
        result += [Product(values[i], weights), Product(values[i], values[i + 1], True)]
        if i:
            result.append(Product(values[i + 1], weights, False, True))
    return result


class Floor:
    """The matrix products of all steps of a fit."""

    def __init__(self, library: Callable[[list[Block], int], Timed]) -> None:
        self.library = library

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        return self.library(blocks(case, X, y), case.epochs)


def in_numpy(parts: list[Block], epochs: int) -> Timed:
    """Products by NumPy into preallocated arrays."""
    calls = [
        (
            block.steps,
            [
                (
                    p.a.T if p.a_transposed else p.a,
                    p.b.T if p.b_transposed else p.b,
                    np.empty(p.shape, np.float32),
                )
                for p in block.products
            ],
        )
        for block in parts
    ]

    def run() -> None:
        for _ in range(epochs):
            for steps, factors in calls:
                for _ in range(steps):
                    for a, b, out in factors:
                        np.matmul(a, b, out=out)

    return run


def in_xla(parts: list[Block], epochs: int) -> Timed:
    """Products by XLA in one compiled loop."""
    import jax
    from jax import lax

    def step(block: Block, carry: Any) -> Any:
        after = []
        for (a, b, out), p in zip(carry, block.products, strict=True):
            # this dependency prevents XLA from moving the product out of the loop
            a = a.at[0, 0].add(out[0, 0] * 1e-30)
            product = (a.T if p.a_transposed else a) @ (b.T if p.b_transposed else b)
            after.append((a, b, product))
        return after

    def epoch(_: Any, carries: Any) -> Any:
        return [
            lax.fori_loop(0, block.steps, lambda _, carry, block=block: step(block, carry), carry)
            for block, carry in zip(parts, carries, strict=True)
        ]

    first = [[(p.a, p.b, np.zeros(p.shape, np.float32)) for p in b.products] for b in parts]
    loop = jax.jit(lambda carries: lax.fori_loop(0, epochs, epoch, carries))
    on_device = jax.device_put(first)
    return lambda: jax.block_until_ready(loop(on_device))
