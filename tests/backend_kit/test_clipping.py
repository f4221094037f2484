"""The largest norm of a gradient, over all arrays or of each model."""

import numpy as np
import pytest

from mlpkit.backend_kit import clipped
from mlpkit.testing import close

pytestmark = pytest.mark.once
RNG = np.random.RandomState(0)
GRADIENTS = {"coef_0": RNG.standard_normal((3, 4, 2)), "intercept_0": RNG.standard_normal((3, 2))}


@pytest.mark.parametrize("max_norm", [1e-3, 2.0, 1e3])
def test_each_model_has_its_own_norm(max_norm: float) -> None:
    """The gradients of models equal those of separate networks; the longest one is shortened."""
    together = clipped(np, GRADIENTS, max_norm, n_models=3)
    for i in range(3):
        close(
            clipped(np, {name: g[i] for name, g in GRADIENTS.items()}, max_norm),
            {name: g[i] for name, g in together.items()},
            1e-12,
        )
        norm = np.sqrt(sum((g[i] ** 2).sum() for g in together.values()))
        assert norm <= max_norm * (1 + 1e-12)


def test_a_gradient_of_zero_stays_zero() -> None:
    """There is no division by the norm."""
    zero = {name: 0 * g for name, g in GRADIENTS.items()}
    close(zero, clipped(np, zero, 1.0), 0)


def test_the_dtype_is_kept() -> None:
    """Gradients of float32 stay so."""
    single = {name: g.astype("float32") for name, g in GRADIENTS.items()}
    for limit in (1.0, np.float32(1.0)):
        assert {g.dtype for g in clipped(np, single, limit, 3).values()} == {np.dtype("float32")}
