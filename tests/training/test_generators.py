"""Random generators of fits."""

import copy
import pickle

import numpy as np
import pytest

from mlpkit.training.generators import generator_of

pytestmark = pytest.mark.once


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, np.int64(7), True])
def test_numbers_are_those_of_a_new_generator(seed: int) -> None:
    """Bit for bit, of all methods that a fit uses, also after a copy."""
    theirs, ours = np.random.RandomState(seed), generator_of(seed)
    for make in (lambda rng: rng, copy.deepcopy, lambda rng: pickle.loads(pickle.dumps(rng))):
        a, b = make(theirs), make(ours)
        np.testing.assert_array_equal(a.permutation(50), b.permutation(50))
        np.testing.assert_array_equal(a.normal(size=3), b.normal(size=3))
        np.testing.assert_array_equal(a.uniform(size=3), b.uniform(size=3))
        assert a.randint(2**31) == b.randint(2**31)
    np.testing.assert_equal(theirs.get_state(legacy=False), ours.get_state(legacy=False))


def test_generators_are_independent() -> None:
    """Two of the same seed have separate states."""
    first, second = generator_of(3), generator_of(3)
    first.uniform(size=1000)
    assert second.uniform() == np.random.RandomState(3).uniform()


def test_other_values_of_random_state() -> None:
    """A generator is used itself, None is the global one, and other values are errors."""
    rng = np.random.RandomState(0)
    assert generator_of(rng) is rng
    np.random.seed(5)
    expected = np.random.RandomState(5).uniform()
    assert generator_of(None).uniform() == expected
    with pytest.raises(ValueError, match="Seed must be between 0"):
        generator_of(-1)
    with pytest.raises(ValueError, match="cannot be used to seed"):
        generator_of("x")
