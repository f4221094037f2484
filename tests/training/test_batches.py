"""Epochs of row indices."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import shuffle

from mlpkit.objectives.solvers import adam, adamw, sgd
from mlpkit.plugin import Array, Job, Progress, Solver
from mlpkit.testing import recipe
from mlpkit.training import batches
from mlpkit.training.batches import EpochBatches, RowOrders

pytestmark = pytest.mark.once


def job_of(n: int, size: int, seed: int, shuffle: bool = True) -> Job:
    """A job of n rows; only what the orders need."""
    of = recipe(batch_size=size, shuffle=shuffle)
    nothing: Any = None
    return Job(nothing, None, n, of, np.random.RandomState(seed), 0, frozenset(), nothing)


@given(n=st.integers(1, 300), size=st.integers(1, 64), seed=st.integers(0, 9))
def test_each_epoch_has_each_row_once(n: int, size: int, seed: int) -> None:
    """In the order of scikit-learn, padded only at the end."""
    rng, rows = np.random.RandomState(seed), np.arange(n)
    for order in islice(RowOrders(job_of(n, size, seed)), 3):
        rows = shuffle(rows, random_state=rng)
        np.testing.assert_array_equal(order.ravel()[:n], rows)
        assert (order.ravel()[n:] == -1).all()
        assert order.shape == (-(-n // min(size, n)), min(size, n))


def test_long_orders_are_shuffled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of short ones."""
    whole = list(islice(RowOrders(job_of(300, 7, 0)), 3))
    monkeypatch.setattr(batches, "SHUFFLED_ROWS", 64)
    np.testing.assert_array_equal(whole, list(islice(RowOrders(job_of(300, 7, 0)), 3)))


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
    order, epochs = np.zeros((3, 2), int), EpochBatches(recipe(), seed=5)
    first, _ = epochs(order, Progress(learning_rate=0.1))
    then, _ = epochs(order, Progress(learning_rate=0.1, step=3))
    bias = np.sqrt(1 - 0.999 ** np.arange(1, 7)) / (1 - 0.9 ** np.arange(1, 7))
    assert np.append(first.learning_rates, then.learning_rates) == pytest.approx(0.1 * bias)
    assert len({*first.seeds.tolist(), *then.seeds.tolist()}) == 6
    plain, _ = EpochBatches(recipe(solver=sgd()), 5)(order, Progress(learning_rate=0.1))
    assert plain.learning_rates.tolist() == [0.1] * 3


@pytest.mark.parametrize("solver", [sgd(), adam(), adamw(weight_decay=0.1)])
@pytest.mark.parametrize("n_steps", [1, 3, 700])
def test_values_of_many_epochs_at_once(solver: Solver, n_steps: int) -> None:
    """They are, bit for bit, those of each epoch alone, also after a new learning rate."""
    of, order = recipe(solver=solver), np.zeros((n_steps, 2), int)
    epochs, step = EpochBatches(of, seed=5), 7
    for learning_rate in [0.1] * 40 + [0.02] * 3 + [0.1] * 3:
        progress = Progress(learning_rate=learning_rate, step=step)
        results, mean = epochs(order, progress)
        alone, _ = EpochBatches(of, seed=5)(order, progress)
        np.testing.assert_equal(results._asdict(), alone._asdict())
        assert mean == learning_rate
        step += n_steps


def test_values_are_computed_ahead() -> None:
    """A solver is called for a few epochs of a fit only, and for no step beyond a single one."""
    lengths: list[int] = []

    def counted(learning_rate: float, step: Array, options: Any) -> Array:
        lengths.append(len(step))
        return np.full(len(step), learning_rate)

    of, order = recipe(solver=sgd()._replace(learning_rate_at=counted)), np.zeros((2, 2), int)
    epochs = EpochBatches(of, seed=0)
    for step in range(0, 400, 2):
        epochs(order, Progress(learning_rate=0.1, step=step))
    assert lengths == [2, 4, 8, 16, 32, 64, 128, 256]
