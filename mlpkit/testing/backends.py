"""Conformance tests of backends."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.sparse import csr_array

from mlpkit import MLPClassifier
from mlpkit.numpy_backend import dense
from mlpkit.objectives.solvers import sgd
from mlpkit.plugin import Batches
from mlpkit.testing.cases import TASKS, TOLERANCE, batches, close, data, drawn, recipe, spec
from mlpkit.testing.shards import ShardTests


class BackendTests(ShardTests):
    """Conformance tests of a backend.

    Most tests train the dense network and compare the results with those of the NumPy backend, to
    the tolerance of the dtype. Subclass it and set ``backend``.

    Attributes
    ----------
    backend : str
        Name of the backend.
    options : dict, default={}
        Options of the backend.
    exempt : dict of str, default={}
        Tests that the backend cannot pass, with the reason for each.

    Examples
    --------
    >>> from mlpkit.testing import BackendTests
    >>> class TestNumPy(BackendTests):
    ...     backend = "numpy"
    """

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_arrays_round_trip_exactly(self, dtype: str) -> None:
        """`arrays` and `optimizer_state` return exactly the arrays that `start` received."""
        s = spec(dtype=dtype)
        steps, state = self.started(s, recipe())
        state, _ = steps.epoch(state, steps.put(*data(s)), batches(21, 8))
        before = self.all_arrays(steps, state)
        after = self.all_arrays(steps, steps.start(before))
        assert before.keys() == after.keys()
        for name, array in before.items():
            assert array.dtype == dtype
            assert isinstance(after[name], np.ndarray) and after[name].flags.writeable
            np.testing.assert_array_equal(array, after[name])

    @pytest.mark.parametrize(
        ("loss", "activation", "dtype"),
        list(product(TASKS, ["identity", "logistic", "tanh", "relu"], TOLERANCE)),
    )
    def test_first_epochs_equal_numpy(self, loss: str, activation: str, dtype: str) -> None:
        """Two epochs with sample weights and an incomplete last step equal the NumPy backend."""
        s, results = spec(loss, activation, dtype), []
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(), backend)
            rows = steps.put(*data(s))
            state, _ = steps.epoch(state, rows, batches(21, 8))
            state, sums = steps.epoch(state, rows, batches(21, 8))
            results.append({**self.all_arrays(steps, state), **sums._asdict()})
        close(results[0], results[1], TOLERANCE[dtype])

    @pytest.mark.parametrize("dtype", TOLERANCE)
    @pytest.mark.parametrize(
        "activation", [("gelu", "silu"), ("selu", "mish"), ("leaky_relu", "gelu"), ("mish", "relu")]
    )
    def test_each_layer_has_its_own_activation(
        self, activation: tuple[str, str], dtype: str
    ) -> None:
        """Hidden layers with different activations equal the NumPy backend."""
        s = spec(activation=activation, dtype=dtype)
        self.two_epochs_equal_numpy(s)

    @pytest.mark.parametrize("dtype", TOLERANCE)
    @pytest.mark.parametrize("dropout", [0.5, (0.0, 0.3)])
    def test_dropout_equals_numpy(self, dropout: Any, dtype: str) -> None:
        """Dropout removes the same units as the NumPy backend, and `outputs` ignores it."""
        s = replace(spec(dtype=dtype, activation="tanh"), dropout=dropout)
        self.two_epochs_equal_numpy(s)

    def test_dropout_depends_only_on_row_and_seed(self) -> None:
        """The units that dropout removes depend neither on the position of a row in a step nor on
        the other rows. Padding, another order, shards, and an update from its gradient give the
        same numbers; another seed gives others.
        """
        s = replace(spec(activation="gelu"), dropout=(0.5, 0.2))
        steps, state = self.started(s, recipe())
        rows = steps.put(*data(s))
        order = np.array([[3, 20, 0, 7, 11, 5, -1, -1]])
        plan = Batches(order, np.full(1, 0.01), np.array([9], np.uint32))
        fused, _ = steps.epoch(state, rows, plan)
        sums, gradient = steps.gradient(state, rows, order[0], 9)
        for other in (order[:, ::-1], order[:, [6, 5, 4, 7, 3, 2, 1, 0]]):
            again, _ = steps.epoch(state, rows, plan._replace(order=other))
            close(self.all_arrays(steps, fused), self.all_arrays(steps, again), 1e-9)
        after = steps.update(state, gradient, float(sums.weight), 0.01)
        close(self.all_arrays(steps, fused), self.all_arrays(steps, after), 1e-9)
        _, whole = steps.gradient(state, rows, None, 9)
        shards = (np.arange(5), np.array([-1, *range(20, 4, -1)]))
        parts = [steps.gradient(state, rows, shard, 9)[1] for shard in shards]
        close(whole, {name: sum(part[name] for part in parts) for name in whole}, 1e-9)
        _, changed = steps.gradient(state, rows, None, 10)
        assert any(np.any(whole[name] != changed[name]) for name in whole), "the seed is ignored"

    @pytest.mark.parametrize("solver", [sgd(), sgd(nesterovs_momentum=False), sgd(momentum=0.0)])
    def test_solvers_equal_numpy(self, solver: Any) -> None:
        """The update of any elementwise solver is applied as by the NumPy backend."""
        s, results = spec(), []
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(solver=solver), backend)
            state, _ = steps.epoch(state, steps.put(*data(s)), batches(21, 8))
            results.append(self.all_arrays(steps, state))
        close(results[0], results[1], 1e-9)

    @pytest.mark.parametrize("loss", TASKS)
    def test_rows_of_weight_zero_have_no_effect(self, loss: str) -> None:
        """Rows of weight zero and padding do not change sums, weights or optimizer state."""
        s = spec(loss)
        X, y, w = data(s, 16)
        with_large_rows = (
            np.concatenate([X, 1e3 * X[:5]]),
            np.concatenate([y, y[:5]]),
            np.append(w, np.zeros(5)),
        )
        order = np.array([[0, 1, 2, 3, 4, 16, 17, -1], [5, 6, 7, 8, 9, -1, 18, -1]])
        seeds = np.zeros(2, np.uint32)
        results = []
        for indices in (order, np.where(order > 15, -1, order)):
            steps, state = self.started(s, recipe())
            state, sums = steps.epoch(
                state, steps.put(*with_large_rows), Batches(indices, np.full(2, 0.01), seeds)
            )
            results.append({**self.all_arrays(steps, state), **sums._asdict()})
        close(results[0], results[1], 1e-12)

    def test_a_step_of_weight_zero_has_no_effect(self) -> None:
        """A step without rows does not change weights or optimizer state."""
        s = spec()
        steps, state = self.started(s, recipe())
        rows = steps.put(*data(s))
        state, _ = steps.epoch(state, rows, batches(21, 8))
        empty = Batches(np.full((2, 8), -1), np.full(2, 0.01), np.zeros(2, np.uint32))
        after, sums = steps.epoch(state, rows, empty)
        close(self.all_arrays(steps, state), self.all_arrays(steps, after), 0)
        assert np.asarray(sums.loss).tolist() == np.asarray(sums.weight).tolist() == [0, 0]

    @drawn(
        12,
        {"order": batches(21, 8).order.tolist(), "weights": "none"},
        order=st.lists(
            st.lists(st.integers(-1, 20), min_size=8, max_size=8), min_size=3, max_size=3
        ),
        weights=st.sampled_from(["none", "all", "some"]),
    )
    def test_an_epoch_equals_gradients_and_updates(
        self, order: list[list[int]], weights: str
    ) -> None:
        """`epoch` equals one `gradient` and one `update` per step, for any order: with padding at
        any position, repeated rows, and rows of weight zero.
        """
        if "gradients" not in self.supports():
            self.assert_unsupported("gradients", solver="lbfgs")
            return
        s = spec()
        X, y, w = data(s)
        w[::3] *= weights == "all"
        steps, state = self.started(s, recipe())
        rows = steps.put(X, y, None if weights == "none" else w)
        plan = batches(21, 8)._replace(order=np.array(order))
        fused, sums = steps.epoch(state, rows, plan)
        for i, indices in enumerate(plan.order):
            one, gradient = steps.gradient(state, rows, indices, int(plan.seeds[i]))
            state = steps.update(state, gradient, float(one.weight), float(plan.learning_rates[i]))
            for all_steps, its_own in zip(sums[:3], one[:3], strict=True):
                close(all_steps[i], its_own, 1e-9)
        close(self.all_arrays(steps, fused), self.all_arrays(steps, state), 1e-9)

    @drawn(8, {"cuts": [13, 20]}, cuts=st.lists(st.integers(0, 21), max_size=3).map(sorted))
    def test_gradients_of_shards_add_up(self, cuts: list[int]) -> None:
        """Sums and gradients over uneven and empty shards add up to those over all rows."""
        if "gradients" not in self.supports():
            self.assert_unsupported("gradients", solver="lbfgs")
            return
        s = spec()
        steps, state = self.started(s, recipe())
        rows = steps.put(*data(s))
        whole, expected = steps.gradient(state, rows, None, 0)
        shards = [np.append(shard, -1) for shard in np.split(np.arange(21), cuts)]
        parts = [steps.gradient(state, rows, shard, 0) for shard in shards]
        close(expected, {n: sum(g[n] for _, g in parts) for n in expected}, 1e-9)
        close(whole.loss, sum(p.loss for p, _ in parts), 1e-9)
        close(whole.weight, sum(p.weight for p, _ in parts), 1e-9)

    def test_states_are_not_modified(self) -> None:
        """A state is not modified by an epoch or by writing into the arrays that it returned, since
        early stopping keeps earlier states.
        """
        s = spec()
        steps, state = self.started(s, recipe())
        rows = steps.put(*data(s))
        before = {name: array.copy() for name, array in self.all_arrays(steps, state).items()}
        for array in self.all_arrays(steps, state).values():
            array[...] = 7
        close(before, self.all_arrays(steps, state), 0)
        first = self.all_arrays(steps, steps.epoch(state, rows, batches(21, 8))[0])
        second = self.all_arrays(steps, steps.epoch(state, rows, batches(21, 8))[0])
        close(first, second, 0)
        close(before, self.all_arrays(steps, state), 0)

    @pytest.mark.parametrize("layout", ["read-only", "fortran", "strided", "sparse"])
    def test_any_memory_layout_is_accepted(self, layout: str) -> None:
        """Read-only, Fortran-ordered, strided and sparse X give the same numbers."""
        if layout == "sparse" and "sparse_rows" not in self.supports():
            self.assert_unsupported("sparse_rows", sparse=True)
            return
        s = spec()
        X, y, w = data(s)
        other_X: Any = {
            "read-only": X.copy(),
            "fortran": np.asfortranarray(X),
            "strided": np.repeat(X, 2, axis=0)[::2],
            "sparse": csr_array(X),
        }[layout]
        for array in (other_X, y, w):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        results = []
        for features in (X, other_X):
            steps, state = self.started(s, recipe())
            state, _ = steps.epoch(state, steps.put(features, y, w), batches(21, 8))
            results.append(
                {**self.all_arrays(steps, state), "outputs": steps.outputs(state, features)}
            )
        close(results[0], results[1], 1e-12)

    @pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 100])
    def test_outputs_of_any_number_of_rows(self, n: int) -> None:
        """`outputs` equals the outputs of the dense network in NumPy, before the activation."""
        s = spec()
        steps, state = self.started(s, recipe())
        X, _, _ = data(s, n)
        expected = dense.outputs(X, *dense.layers(steps.arrays(state)), s.activations)
        actual = steps.outputs(state, X)
        assert isinstance(actual, np.ndarray) and actual.shape == (n, s.n_outputs)
        close(expected, actual, 1e-12)

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_weights_have_the_dtype_of_the_data(self, dtype: str) -> None:
        """float32 data give float32 weights and outputs, float64 data give float64."""
        s = spec(dtype=dtype)
        steps, state = self.started(s, recipe())
        X, y, w = data(s)
        state, _ = steps.epoch(state, steps.put(X, y, w), batches(21, 8))
        assert {a.dtype for a in self.all_arrays(steps, state).values()} == {np.dtype(dtype)}
        assert steps.outputs(state, X).dtype == dtype

    def test_partial_fit_with_any_number_of_rows_equals_numpy(self) -> None:
        """`partial_fit` with varying numbers of rows gives the weights of the NumPy backend."""
        rng = np.random.RandomState(0)
        sizes, results = [1, 2, 7, 8, 9, 63, 64, 65, 200, 201, 450, 3], []
        for backend in ("numpy", self.backend):
            clf = MLPClassifier((6,), random_state=0, backend=backend)
            rng = np.random.RandomState(0)
            for n in sizes:
                X = rng.standard_normal((n, 4))
                clf.partial_fit(X, rng.randint(3, size=n), classes=[0, 1, 2])
            results.append(clf.coefs_ + clf.intercepts_)
        for expected, actual in zip(*results, strict=True):
            close(expected, actual, 1e-9)
