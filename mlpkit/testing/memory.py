"""Conformance tests of the memory that a backend uses, part of `BackendTests`."""

import tracemalloc
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from mlpkit.testing.cases import batches, close, data, recipe, spec
from mlpkit.testing.portable import PortableNetworkTests


class MemoryTests(PortableNetworkTests):
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
        X = csr_array((rng.random_sample(n), rng.randint(width, size=n), np.arange(n + 1)))
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
