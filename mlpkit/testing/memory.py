"""Laws of a backend about the memory that it takes, part of `BackendTests`."""

import tracemalloc
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from mlpkit.testing.capabilities import CapabilityTests
from mlpkit.testing.cases import batches, close, data, recipe, spec


class MemoryTests(CapabilityTests):
    """Laws of a backend about blocks of rows, sparse and dense."""

    def test_wide_sparse_rows_are_never_dense_as_a_whole(self) -> None:
        """An epoch, the gradient over all rows and outputs take dense blocks of bounded size."""
        if "sparse_rows" not in self.supports():
            self.refused("sparse_rows", sparse=True)
            return
        n, width = 4096, 20_000
        s = replace(spec(), n_features=width)
        rng = np.random.RandomState(0)
        X = csr_array((rng.random_sample(n), rng.randint(width, size=n), np.arange(n + 1)))
        X.resize(n, width)
        _, y, w = data(spec(), n)
        steps, state = self.started(s, recipe())
        tracemalloc.start()  # NumPy's arrays are counted, those of a device are not
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
            f" features, which is {whole / 1e6:.0f} MB when dense: make a few rows dense at a time"
        )

    def test_a_batch_size_beyond_the_rows(self) -> None:
        """Steps are as large as their rows, whatever `Recipe.batch_size` is."""
        s, found = spec(), []
        X, y, w = data(s)
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(batch_size=10**15), backend)
            rows = steps.put(X, y, w)
            _, gradient = steps.gradient(state, rows, np.arange(21), 0)
            state, _ = steps.epoch(state, rows, batches(21, 21))
            outputs = {"outputs": steps.outputs(state, X)}
            found.append({**steps.arrays(state), **outputs, "gradient": gradient["coef_0"]})
        close(found[0], found[1], 1e-9)
