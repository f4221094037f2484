"""The values that compiled functions receive as arguments."""

from dataclasses import replace

import numpy as np
import pytest

from mlpkit.numpy_backend import dense
from mlpkit.testing.cases import recipe, spec
from mlpkit_tensorflow.structure import settings


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_numbers_of_numpy_are_numbers(kind: type) -> None:
    """`alpha` and the largest norm may be scalars of NumPy, as in a loop over ``np.logspace``."""
    network = dense.build(spec(), np.random.RandomState(0))
    plan = replace(recipe(max_iter=2), alpha=kind(0.5), max_gradient_norm=kind(2))
    arrays = settings(network, plan, "float32", decays=False)
    assert (float(arrays["alpha"]), float(arrays["max_gradient_norm"])) == (0.5, 2.0)
    assert set(arrays) == {"alpha", "max_gradient_norm"}
