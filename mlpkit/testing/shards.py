"""Conformance tests of training on several processes, part of `BackendTests`."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from mlpkit.numpy_backend import dense
from mlpkit.plugin import Array, Network, Spec, Steps
from mlpkit.testing.cases import TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.memory import MemoryTests
from mlpkit.testing.portable import dense_spec, one_layer, portable_network

CASES = ["dense", "dropout", "sparse", "portable"]


def with_mean(xp: Any, arrays: Any, x: Any, step: Any = None) -> Any:
    """Return the outputs of `one_layer`; a frozen array becomes the mean of the rows of a step,
    which is not a number without rows.
    """
    z, new = one_layer(xp, arrays, x, step)
    if step is None:
        return z, new
    w = step.w[..., None]
    return z, {**new, "mean": xp.sum(w * x, axis=-2) / xp.sum(w, axis=-2)}


def network_with_mean(s: Spec) -> Network:
    """Build the network of `with_mean`."""
    network = portable_network(s, None)
    return network._replace(
        arrays={**network.arrays, "mean": np.zeros(s.n_features, s.dtype)},
        xp_apply=with_mean,
        frozen=network.frozen | {"mean"},
    )


class ShardTests(MemoryTests):
    """Conformance tests of gradients of parts of the rows, which processes add up."""

    def started_as(self, case: str) -> tuple[Spec, Steps, Any] | None:
        """Return a specification, step functions and an initial state, or None if the backend does
        not support the case.
        """
        needs = {"sparse": "sparse_rows", "portable": "portable_networks"}.get(case, "gradients")
        if not {needs, "gradients"} <= set(self.supports()):
            return None
        dropout = 0.0 if case == "dense" else (0.5, 0.2)
        s = dense_spec() if case == "portable" else replace(spec(), dropout=dropout)
        network = dense.build(s, np.random.RandomState(1))
        network = network_with_mean(s) if case == "portable" else network
        steps = self.steps(network, s, recipe())
        return s, steps, steps.start(network.arrays)

    @pytest.mark.parametrize("case", CASES)
    def test_a_step_without_rows_adds_zeros(self, case: str) -> None:
        """The gradients of padding, of rows of weight zero, and of no rows at all are zeros, and so
        are their loss and weight: in a step, a process may have no rows.
        """
        started = self.started_as(case)
        if started is None:
            return
        s, steps, state = started
        X, y, w = data(s)
        whole, expected = steps.gradient(state, self.put(steps, case, X, y, w), None, 0)
        padding = np.full(8, -1)
        for n, given_w, indices in (
            (21, w, padding),
            (21, None, padding),
            (21, w, padding[:0]),
            (21, 0 * w, np.arange(8)),
            (21, 0 * w, None),
            (0, w, padding),
            (0, None, None),
        ):
            its_w = None if given_w is None else given_w[:n]
            rows = self.put(steps, case, X[:n], y[:n], its_w, np.arange(n))
            sums, gradients = steps.gradient(state, rows, indices, 0)
            assert (sums.loss, sums.weight) == (0, 0)
            close(whole.penalty, sums.penalty, 1e-9)
            assert gradients.keys() == expected.keys()
            for name, g in gradients.items():
                assert (g.shape, g.dtype) == (expected[name].shape, expected[name].dtype), name
                assert not np.any(g), f"{name}: {g}"

    @pytest.mark.parametrize("case", CASES)
    def test_no_rows_have_no_outputs(self, case: str) -> None:
        """A process may have no rows of a validation set."""
        started = self.started_as(case)
        if started is None:
            return
        s, steps, state = started
        outputs = steps.outputs(state, np.zeros((0, s.n_features), s.dtype))
        assert outputs.shape == (0, s.n_outputs)

    @pytest.mark.parametrize("case", CASES)
    def test_shards_have_the_masks_of_all_rows(self, case: str) -> None:
        """Sums and gradients over rows that are divided between calls of `put`, in another order,
        add up to those over all rows: with `ids`, dropout depends on the row, not on its place.
        """
        started = self.started_as(case)
        if started is None:
            return
        s, steps, state = started
        X, y, w = data(s)
        w[4] = 0
        rows = self.put(steps, case, X, y, w)
        order = np.random.RandomState(0).permutation(21)
        shards = [
            (its, self.put(steps, case, X[its], y[its], w[its], its))
            for its in np.split(order, [13])
        ]
        step = np.array([3, 20, 0, 7, -1, 4, 5, -1])
        for indices in (step, None):
            whole, expected = steps.gradient(state, rows, indices, 9)
            parts = []
            for ids, own in shards:
                places = [np.flatnonzero(ids == i) for i in step]
                its = np.array([p[0] if len(p) else -1 for p in places])
                parts.append(steps.gradient(state, own, None if indices is None else its, 9))
            summed = {name: sum(g[name] for _, g in parts) for name in expected}
            if case == "portable":  # the mean of the rows of each process differs
                summed.pop("mean"), expected.pop("mean")
            close(expected, summed, 1e-9)
            close(whole.loss, sum(p.loss for p, _ in parts), 1e-9)
            close(whole.weight, sum(p.weight for p, _ in parts), 1e-9)

    @pytest.mark.parametrize("dtype", TOLERANCE)
    def test_ids_equal_numpy(self, dtype: str) -> None:
        """An epoch over rows with ids equals the NumPy backend, for any numbers of 64 bits."""
        s = replace(spec(dtype=dtype, activation="tanh"), dropout=0.4)
        ids = np.random.RandomState(0).permutation(21) * 12_345_678_901
        results = []
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(), backend)
            state, sums = steps.epoch(state, steps.put(*data(s), ids=ids), batches(21, 8))
            results.append({**self.all_arrays(steps, state), **sums._asdict()})
        close(results[0], results[1], TOLERANCE[dtype])

    def put(
        self, steps: Steps, case: str, X: Array, y: Array, w: Array | None, ids: Any = None
    ) -> Any:
        """Return rows of a case."""
        return steps.put(csr_array(X) if case == "sparse" else X, y, w, ids)
