"""Conformance tests of the memory that a backend uses, part of `BackendTests`."""

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from mlpkit.plugin import Array
from mlpkit.testing.cases import TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.results import ResultTests

MAX_VALUES = 1 << 24  # values in a block: 128 MiB in float64


class BlockwiseRows(csr_array):
    """Sparse rows that cannot be converted to a dense array larger than one block."""

    def toarray(self, *args: Any, **options: Any) -> Array:
        """Return a dense array, or raise AssertionError if it is too large."""
        n, width = self.shape
        assert n * width <= MAX_VALUES, (
            f"{n} sparse rows of {width} features were converted to one dense array; convert blocks"
            f" of at most {MAX_VALUES} values"
        )
        return super().toarray(*args, **options)

    def todense(self, *args: Any, **options: Any) -> Array:
        """Return what `toarray` returns."""
        return self.toarray(*args, **options)


def with_duplicates(X: Array, rng: np.random.RandomState) -> Any:
    """Return read-only CSR rows whose values are sums of two halves, in any order."""
    places = np.tile(np.argwhere(X), (2, 1))
    places = places[rng.permutation(len(places))]
    places = places[np.argsort(places[:, 0], kind="stable")]
    row, column = places.T
    begins = np.searchsorted(row, np.arange(len(X) + 1))
    rows = csr_array((X[row, column] / 2, column, begins), shape=X.shape)
    for array in (rows.data, rows.indices, rows.indptr):
        array.flags.writeable = False
    return rows


class MemoryTests(ResultTests):
    """Conformance tests of the size of temporary arrays."""

    def test_sparse_rows_are_converted_in_blocks(self) -> None:
        """Epochs, gradients and outputs convert wide sparse X to dense arrays in blocks of bounded
        size.
        """
        if "sparse_rows" not in self.supports():
            self.assert_unsupported("sparse_rows", sparse=True)
            return
        n, width = 4096, 20_000
        s = replace(spec(), n_features=width)
        rng = np.random.RandomState(0)
        X = BlockwiseRows((rng.random_sample(n), rng.randint(width, size=n), np.arange(n + 1)))
        X.resize(n, width)
        _, y, w = data(spec(), n)
        steps, state = self.started(s, recipe())
        tracemalloc.start()  # it counts NumPy arrays, but no memory of a device
        try:
            rows = steps.put(X, y, w)
            state, _ = steps.epoch(state, rows, batches(32, 8))
            for _ in range(2):
                steps.gradient(state, rows, None, 0)
            steps.outputs(state, X)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        whole = n * width * 8
        assert peak < whole / 2, (
            f"NumPy arrays took up to {peak / 1e6:.0f} MB for sparse X of {n} rows and {width}"
            f" features, which is {whole / 1e6:.0f} MB as a dense array; convert X in blocks"
        )

    @pytest.mark.parametrize("dtype", TOLERANCE)
    @pytest.mark.parametrize("share", [0.04, 0.4])
    def test_sparse_rows_equal_dense_rows(self, share: float, dtype: str) -> None:
        """Sparse X gives the numbers of dense X, with few or many values, rows without values, and
        several values of one feature in any order.
        """
        if "sparse_rows" not in self.supports():
            self.assert_unsupported("sparse_rows", sparse=True)
            return
        s, rng = replace(spec(dtype=dtype), n_features=40), np.random.RandomState(0)
        X, y, w = data(s)
        X *= rng.random_sample(X.shape) < share
        X[3] = 0
        results = []
        for features in (X, with_duplicates(X, rng)):
            steps, state = self.started(s, recipe())
            rows = steps.put(features, y, w)
            state, sums = steps.epoch(state, rows, batches(21, 8))
            result = {**self.all_arrays(steps, state), "loss": sums.loss}
            result["outputs"] = steps.outputs(state, features)
            if "gradients" in self.supports():
                result |= {
                    f"gradient/{n}": g for n, g in steps.gradient(state, rows, None, 0)[1].items()
                }
            results.append(result)
        close(results[0], results[1], TOLERANCE[dtype])

    def test_batch_size_may_exceed_the_rows(self) -> None:
        """Memory depends on the rows in a step and not on `Recipe.batch_size`."""
        s, results = spec(), []
        X, y, w = data(s)
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(batch_size=10**15), backend)
            rows = steps.put(X, y, w)
            _, gradient = steps.gradient(state, rows, np.arange(21), 0)
            state, _ = steps.epoch(state, rows, batches(21, 21))
            outputs = {"outputs": steps.outputs(state, X)}
            results.append({**steps.arrays(state), **outputs, "gradient": gradient["coef_0"]})
        close(results[0], results[1], 1e-9)
