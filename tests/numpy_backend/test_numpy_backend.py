"""The NumPy backend, to which the other backends are compared, passes the conformance tests."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.steps import backend
from mlpkit.testing import BackendTests, batches, data, recipe, spec

pytestmark = pytest.mark.once


class TestNumpy(BackendTests):
    backend = "numpy"


def test_a_step_has_no_temporaries_of_the_size_of_the_weights() -> None:
    """An epoch holds its copy of weights and slots, the gradient, and blocks beside them."""
    s = replace(spec(), hidden_layer_sizes=(1000, 1000))
    network = dense.build(s, np.random.RandomState(0))
    steps = backend(network, s, recipe())
    state, rows, plan = steps.start(network.arrays), steps.put(*data(s, 8)), batches(8, 8)
    size = state.weights.nbytes
    tracemalloc.start()
    try:
        steps.epoch(state, rows, plan)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (2 + len(recipe().solver.optimizer_state) + 0.5) * size


def test_softmax_equals_scipys() -> None:
    """Of large numbers too; in place, rows of one column included."""
    for shape in ((7, 10), (1, 3), (5, 1)):
        z = np.random.RandomState(0).standard_normal(shape) * 500
        expected = softmax(z, axis=1)
        np.testing.assert_allclose(dense.activated(z, "softmax"), expected, rtol=1e-14, atol=0)
