"""The dense chain: names, draws, and outputs in NumPy."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.neural_network import MLPRegressor

from mlpkit.numpy_backend import dense
from mlpkit.testing import spec

pytestmark = pytest.mark.once


def test_layers_and_named_are_inverse() -> None:
    """Lists of layers become named arrays, and lists again."""
    arrays = dense.build(spec(), np.random.RandomState(0)).arrays
    again = dense.named(*dense.layers(arrays), "float64")
    assert arrays.keys() == again.keys()
    assert all(arrays[name] is again[name] for name in arrays)


def test_weights_are_drawn_as_scikit_learn_draws_them() -> None:
    """The same draws in the same order; only kernels decay."""
    network = dense.build(spec("squared_error"), np.random.RandomState(0))
    reg = MLPRegressor(hidden_layer_sizes=(7, 4), random_state=0)
    reg._random_state = np.random.RandomState(0)
    for i, (fan_in, fan_out) in enumerate([(5, 7), (7, 4), (4, 2)]):
        coef, intercept = reg._init_coef(fan_in, fan_out, np.float64)
        np.testing.assert_array_equal(network.arrays[f"coef_{i}"], coef)
        np.testing.assert_array_equal(network.arrays[f"intercept_{i}"], intercept)
    assert network.decayed == {"coef_0", "coef_1", "coef_2"}


@pytest.mark.parametrize("n", [1, dense.BLOCK_ROWS, dense.BLOCK_ROWS + 1])
def test_blocks_change_nothing(n: int) -> None:
    """Dense and sparse, under and over the block size."""
    arrays = dense.build(spec(), np.random.RandomState(0)).arrays
    X = np.random.RandomState(1).standard_normal((n, 5))
    whole = dense.activated(dense.outputs(X, *dense.layers(arrays), ["relu"] * 2), "softmax")
    np.testing.assert_allclose(whole.sum(axis=1), 1)
    for given in (X, csr_array(X)):
        p = dense.predict(given, *dense.layers(arrays), ["relu"] * 2, "softmax")
        np.testing.assert_allclose(p, whole, rtol=1e-12)
