"""Epochs of row indices."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import shuffle

from mlpkit.objectives.solvers import sgd
from mlpkit.plugin import Job, Progress
from mlpkit.testing import recipe
from mlpkit.training.batches import RowOrders, scheduled_batches

pytestmark = pytest.mark.once


def job_of(n: int, size: int, seed: int, shuffle: bool = True) -> Job:
    """A job of n rows; only what the orders need."""
    of = recipe(batch_size=size, shuffle=shuffle)
    nothing: Any = None
    return Job(nothing, None, n, of, np.random.RandomState(seed), 0, frozenset())


@given(n=st.integers(1, 300), size=st.integers(1, 64), seed=st.integers(0, 9))
def test_each_epoch_has_each_row_once(n: int, size: int, seed: int) -> None:
    """In the order of scikit-learn, padded only at the end."""
    rng, rows = np.random.RandomState(seed), np.arange(n)
    for order in islice(RowOrders(job_of(n, size, seed)), 3):
        rows = shuffle(rows, random_state=rng)
        np.testing.assert_array_equal(order.ravel()[:n], rows)
        assert (order.ravel()[n:] == -1).all()
        assert order.shape == (-(-n // min(size, n)), min(size, n))


@given(n=st.integers(4, 60), size=st.integers(1, 9), shuffle=st.booleans(), folds=st.booleans())
def test_orders_continue_after_an_epoch(n: int, size: int, shuffle: bool, folds: bool) -> None:
    """From the last order and the state of the generator, also those of several models."""
    job = job_of(n, size, 0, shuffle)
    if folds:
        parts = tuple(np.flatnonzero(np.arange(n) % 3 != i) for i in range(3))
        job = job._replace(n_models=3, folds=parts)
    whole = list(islice(RowOrders(job), 5))
    job.rng.seed(0)
    first = RowOrders(job)
    begun = [next(first), next(first)]
    other = job._replace(rng=np.random.RandomState(99))
    other.rng.set_state(job.rng.get_state())
    np.testing.assert_equal(whole, begun + list(islice(RowOrders(other, first.compact), 3)))


def test_learning_rates_and_seeds_continue_across_epochs() -> None:
    """Adam's bias correction depends on the step, and each step has a different seed."""
    order = np.zeros((3, 2), int)
    first = scheduled_batches(order, Progress(learning_rate=0.1), recipe(), seed=5)
    then = scheduled_batches(order, Progress(learning_rate=0.1, step=3), recipe(), seed=5)
    bias = np.sqrt(1 - 0.999 ** np.arange(1, 7)) / (1 - 0.9 ** np.arange(1, 7))
    assert np.append(first.learning_rates, then.learning_rates) == pytest.approx(0.1 * bias)
    assert len({*first.seeds.tolist(), *then.seeds.tolist()}) == 6
    plain = scheduled_batches(order, Progress(learning_rate=0.1), recipe(solver=sgd()), seed=5)
    assert plain.learning_rates.tolist() == [0.1] * 3
