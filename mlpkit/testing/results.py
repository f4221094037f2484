"""Conformance tests of large, repeated and concurrent calls, part of `BackendTests`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any, NamedTuple

import numpy as np
import pytest

from mlpkit.numpy_backend import dense
from mlpkit.plugin import Arrays, Batches, Steps
from mlpkit.testing.cases import TASKS, TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.portable import PortableNetworkTests


class Shape(NamedTuple):
    """The numbers of rows of an epoch and of a step, and the widths of the hidden layers."""

    n: int
    batch_size: int
    hidden_layer_sizes: tuple[int, ...] = (7, 4)


# beyond the rows of a block, the steps of a call and the work of one thread; not divisible
SHAPES = {
    "many steps": Shape(27_011, 500),
    "many small steps": Shape(399, 4),
    "a wide step": Shape(9_001, 9_001),
    "many weights": Shape(21, 8, (200, 100)),
    "much work in a step": Shape(1_100, 1_100, (1_000, 500)),
}


class ResultTests(PortableNetworkTests):
    """Conformance tests of the sizes of steps, of predictions, and of calls side by side."""

    @pytest.mark.parametrize("shape", SHAPES)
    def test_shapes_larger_than_one_block(self, shape: str) -> None:
        """Many steps, steps of many rows and large weights equal single steps in NumPy, and so do
        the predictions of the steps.
        """
        n, batch, hidden = SHAPES[shape]
        s = replace(spec(), hidden_layer_sizes=hidden)
        (X, y, w), plan, r = data(s, n), batches(n, batch), recipe(batch_size=batch)
        with_predictions = "epoch_predictions" in self.supports()
        reference, expected = self.started(s, r, "numpy")
        rows, losses, first_gradient = reference.put(X, y, w), [], dict[str, Any]()
        predictions = np.empty((n, s.n_outputs))
        for i, order in enumerate(plan.order):
            own = order[order >= 0]
            if with_predictions:
                z = reference.outputs(expected, X[own])
                predictions[own] = dense.activated(z, s.loss.out_activation)
            one, gradient = reference.gradient(expected, rows, order, 0)
            first_gradient = first_gradient or gradient
            expected = reference.update(expected, gradient, one.weight, plan.learning_rates[i])
            losses.append(one.loss)
        steps, state = self.started(s, r)
        rows = steps.put(X, y, w)
        after, sums = steps.epoch(state, rows, plan._replace(with_predictions=with_predictions))
        close(np.array(losses), sums.loss, 1e-9)
        close(self.all_arrays(reference, expected), self.all_arrays(steps, after), 1e-8)
        if with_predictions:
            close(predictions, np.asarray(sums.predictions)[plan.order >= 0], 1e-8)
        z = dense.outputs(X, *dense.layers(steps.arrays(after)), s.activations)
        close(z, steps.outputs(after, X), 1e-9)
        if "gradients" in self.supports():
            _, whole = steps.gradient(state, rows, None, 0)
            shards: Any = plan.order if len(plan.order) > 1 else []
            parts = [steps.gradient(state, rows, shard, 0)[1] for shard in shards]
            sums_of_parts = {name: sum(g[name] for g in parts) for name in whole}
            close(whole, sums_of_parts if parts else first_gradient, 1e-8)

    @pytest.mark.parametrize("loss", TASKS)
    def test_an_epoch_returns_predictions(self, loss: str) -> None:
        """With ``with_predictions`` the epoch returns the activated outputs of each row before its
        step, and nothing else changes. A backend that does not declare "epoch_predictions"
        returns None.
        """
        s = spec(loss)
        X, y, w = data(s)
        plan = batches(21, 8)._replace(with_predictions=True)
        mixed = plan._replace(order=plan.order[:, ::-1])  # padding first
        steps, state = self.started(s, recipe())
        rows = steps.put(X, y, w)
        plain, sums = steps.epoch(state, rows, mixed._replace(with_predictions=False))
        after, with_predictions = steps.epoch(state, rows, mixed)
        close(self.all_arrays(steps, plain), self.all_arrays(steps, after), 1e-12)
        close(sums._asdict(), with_predictions._replace(predictions=None)._asdict(), 1e-12)
        if "epoch_predictions" not in self.supports():
            assert with_predictions.predictions is None
            return
        assert with_predictions.predictions is not None
        assert with_predictions.predictions.shape == (3, 8, s.n_outputs)
        for i, order in enumerate(mixed.order):
            live = order >= 0
            expected = dense.activated(steps.outputs(state, X[order[live]]), s.loss.out_activation)
            close(expected, with_predictions.predictions[i][live], 1e-9)
            # the other steps without rows, so that the shape is the same
            some = mixed._replace(order=np.where(np.arange(3)[:, None] == i, mixed.order, -1))
            state, _ = steps.epoch(state, rows, some)

    @pytest.mark.parametrize("dtype", TOLERANCE)
    def test_predictions_equal_numpy(self, dtype: str) -> None:
        """Predictions are in the places of their rows, also if rows are repeated, padding is
        between them, or a step has none. They are computed with the dropout of the step.
        """
        if "epoch_predictions" not in self.supports():
            return
        s = replace(spec(dtype=dtype, activation="tanh"), dropout=(0.5, 0.2))
        X, y, w = data(s)
        w[4] = 0
        order = np.array(
            [[0, -1, 4, 0, 20, -1], [-1] * 6, [-1, 3, 9, 9, 4, 12], [5, 1, 2, 8, 7, 6]]
        )
        plan = batches(24, 6)._replace(order=order, with_predictions=True)
        has_weight = (order >= 0) & (w[order] > 0)
        results = []
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(), backend)
            _, sums = steps.epoch(state, steps.put(X, y, w), plan)
            assert sums.predictions is not None and sums.predictions.dtype == dtype
            assert sums.predictions.shape == (4, 6, s.n_outputs)
            results.append(np.asarray(sums.predictions)[has_weight])
        close(results[0], results[1], TOLERANCE[dtype])

    def results(self, steps: Steps, state: Any, rows: Any, plan: Batches, X: Any) -> Arrays:
        """Return what an epoch, a step and a prediction return, by name."""
        after, sums = steps.epoch(state, rows, plan)
        results = {f"sums/{name}": a for name, a in sums._asdict().items() if a is not None}
        results |= {**self.all_arrays(steps, after), "outputs": steps.outputs(after, X)}
        if "gradients" in self.supports():
            one, gradients = steps.gradient(state, rows, plan.order[0], 7)
            before = {name: g.copy() for name, g in gradients.items()}
            updated = steps.update(state, gradients, float(one.weight), 0.01)
            close(before, gradients, 0)
            results |= {f"gradient/{name}": g for name, g in gradients.items()}
            results |= {f"step/{name}": a for name, a in self.all_arrays(steps, updated).items()}
        return results

    def test_results_are_not_overwritten(self) -> None:
        """Later calls do not change what earlier ones returned, and no call writes into the arrays
        that it receives.
        """
        s = replace(spec(), dropout=0.2)
        plan = batches(21, 8)
        plan = plan._replace(with_predictions="epoch_predictions" in self.supports())
        X, y, w = data(s)
        given = (X, y, w, plan.order, plan.learning_rates, plan.seeds)
        before = [array.copy() for array in given]
        steps, state = self.started(s, recipe())
        rows = steps.put(X, y, w)
        first = self.results(steps, state, rows, plan, X)
        copies = {name: np.array(a) for name, a in first.items()}
        self.results(steps, state, rows, plan._replace(order=plan.order[::-1]), X[::-1])
        close(copies, first, 0)
        for expected, array in zip(before, given, strict=True):
            np.testing.assert_array_equal(expected, array)

    def test_concurrent_calls_are_independent(self) -> None:
        """Epochs, steps and predictions in several threads, of the same functions and states,
        return the results of sequential calls.
        """
        s, n_threads = replace(spec(), dropout=0.2), 4
        X, y, w = data(s, 120)
        plans = [batches(120, size) for size in (20, 40, 20, 40)]
        r = recipe(batch_size=40)
        (steps, state), (others, _) = self.started(s, r), self.started(s, r)
        rows, begin = [one.put(X, y, w) for one in (steps, others)], Barrier(n_threads)
        expected = [self.results(steps, state, rows[0], plan, X) for plan in plans]

        def in_thread(i: int) -> None:
            begin.wait(60)
            for j in (i, i + 1, i):
                k = j % n_threads
                actual = self.results(others, state, rows[1], plans[k], X)
                close(expected[k], actual, 1e-12)

        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(in_thread, range(n_threads)))
