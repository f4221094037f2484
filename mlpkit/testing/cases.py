"""Small cases to try a plugin on: what a network is, how it is trained, data that fit."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from mlpkit.objectives.losses import LOSSES
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import Array, Batches, Recipe, Spec

#: The task and the number of outputs of each loss.
TASKS = {
    "log_loss": ("multiclass", 3),
    "binary_log_loss": ("multilabel", 2),
    "squared_error": ("regression", 2),
    "poisson": ("regression", 1),
}
#: The relative difference that tests allow, by dtype.
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
Law = Callable[..., None]


def drawn(
    examples: int, first: Mapping[str, Any], **of: st.SearchStrategy[Any]
) -> Callable[[Law], Law]:
    """Run a law on a first case, then on so many that hypothesis draws: the same in each run.

    Nothing is written to disk; a law may be inherited by any class.
    """
    calm = settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )

    return lambda law: calm(given(**of)(example(**first)(law)))


def spec(loss: str = "log_loss", activation: Any = "relu", dtype: str = "float64") -> Spec:
    """A small network to try a backend on: 5 features, hidden layers of 7 and 4 units."""
    task, n_outputs = TASKS[loss]
    return Spec(5, n_outputs, task, LOSSES[loss], (7, 4), activation, dtype, "test", seed=3)  # type: ignore[arg-type]


def recipe(**changes: Any) -> Recipe:
    """Adam, 8 rows a step."""
    return replace(
        Recipe(adam(), 0.01, 8, "constant", 0.01, 0.5, 3, 100, True, 1e-4, 10), **changes
    )


def data(spec: Spec, n: int = 21, seed: int = 0) -> tuple[Array, Array, Array]:
    """X (n, 5), y (n, n_outputs) and weights (n,) that fit the spec."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, spec.n_features)).astype(spec.dtype)
    if spec.task == "multiclass":
        y = np.eye(spec.n_outputs, dtype=bool)[rng.randint(spec.n_outputs, size=n)]
    elif spec.task == "regression":
        y = rng.poisson(2.0, (n, spec.n_outputs)).astype(float)
    else:
        y = rng.random_sample((n, spec.n_outputs)) < 0.4
    return X, y, rng.random_sample(n) + 0.1


def batches(n: int, size: int, learning_rate: float = 0.01) -> Batches:
    """One epoch over n rows in their order."""
    steps = -(-n // size)
    order = np.full(steps * size, -1)
    order[:n] = np.arange(n)
    return Batches(
        order.reshape(steps, size), np.full(steps, learning_rate), np.arange(steps, dtype=np.uint32)
    )


def close(expected: Any, actual: Any, tolerance: float) -> None:
    """Two dicts of arrays, or two arrays, are equal to the tolerance; None to None."""
    if isinstance(expected, Mapping):
        assert expected.keys() == actual.keys()
        for name in expected:
            close(expected[name], actual[name], tolerance)
    elif expected is None or actual is None:
        assert expected is actual
    else:
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
