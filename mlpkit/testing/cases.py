"""Small networks, recipes and data sets for conformance tests."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from mlpkit.files.errors import NotStorable
from mlpkit.files.values import Reader, Writer
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
TestFunction = Callable[..., None]


def drawn(
    examples: int, first_case: Mapping[str, Any], **strategies: st.SearchStrategy[Any]
) -> Callable[[TestFunction], TestFunction]:
    """Return a decorator that runs a test on a first case and on cases that hypothesis draws.

    The cases are the same in each run. Nothing is written to disk, and any class may inherit the
    test.
    """
    deterministic = settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )

    return lambda test: deterministic(given(**strategies)(example(**first_case)(test)))


def spec(loss: str = "log_loss", activation: Any = "relu", dtype: str = "float64") -> Spec:
    """Make the specification of a small network: 5 features, hidden layers of 7 and 4 units.

    Parameters
    ----------
    loss : str, default='log_loss'
        Name of a loss in `TASKS`.
    activation : str or tuple of str, default='relu'
        Activation function of the hidden layers.
    dtype : {'float32', 'float64'}, default='float64'
        Precision.

    Returns
    -------
    Spec
        The specification.
    """
    task, n_outputs = TASKS[loss]
    return Spec(5, n_outputs, task, LOSSES[loss], (7, 4), activation, dtype, "test", seed=3)  # type: ignore[arg-type]


def recipe(**changes: Any) -> Recipe:
    """Make a recipe of training: Adam with 8 rows per step.

    Parameters
    ----------
    **changes : dict
        Fields of the recipe that have other values.

    Returns
    -------
    Recipe
        The recipe.
    """
    return replace(
        Recipe(adam(), 0.01, 8, "constant", 0.01, 0.5, 3, 100, True, 1e-4, 10), **changes
    )


def data(spec: Spec, n: int = 21, seed: int = 0) -> tuple[Array, Array, Array]:
    """Draw random rows that fit a specification.

    Parameters
    ----------
    spec : Spec
        The specification of the network.
    n : int, default=21
        Number of rows.
    seed : int, default=0
        Seed of the random numbers.

    Returns
    -------
    X : ndarray of shape (n, n_features)
        Features.
    y : ndarray of shape (n, n_outputs)
        Encoded targets.
    w : ndarray of shape (n,)
        Positive weights.
    """
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
    """Make the batches of an epoch over rows in their order.

    Parameters
    ----------
    n : int
        Number of rows.
    size : int
        Number of rows of a batch. The last batch is padded.
    learning_rate : float, default=0.01
        Learning rate of all steps.

    Returns
    -------
    Batches
        The batches.
    """
    steps = -(-n // size)
    order = np.full(steps * size, -1)
    order[:n] = np.arange(n)
    return Batches(
        order.reshape(steps, size), np.full(steps, learning_rate), np.arange(steps, dtype=np.uint32)
    )


def close(expected: Any, actual: Any, tolerance: float) -> None:
    """Check that two arrays, or two dicts of arrays, are equal up to a tolerance.

    Parameters
    ----------
    expected, actual : array-like, dict of array-like or None
        The values. None equals None only.
    tolerance : float
        Absolute and relative tolerance.

    Raises
    ------
    AssertionError
        If a value differs by more.
    """
    if isinstance(expected, Mapping):
        assert expected.keys() == actual.keys()
        for name in expected:
            close(expected[name], actual[name], tolerance)
    elif expected is None or actual is None:
        assert expected is actual
    else:
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain values as they are read from a file.

    Raises AssertionError for a value that cannot be stored.
    """
    writer = Writer()
    try:
        text = json.dumps(writer.json_of(dict(values)))
    except NotStorable as error:
        raise AssertionError(f"{error}, which a file cannot contain") from error
    arrays = {name: array.copy() for name, array in writer.arrays.items()}
    return dict(Reader(arrays).value_of(json.loads(text)))
