"""Random generators, created without the entropy of the operating system."""

from typing import Any

import numpy as np
from numpy.random import MT19937, RandomState
from numpy.random.bit_generator import ISeedSequence
from sklearn.utils import check_random_state

N_WORDS = 624  # number of words in the state of MT19937


class NoEntropy(ISeedSequence):
    """Seeds a bit generator with zeros, in place of random words from the operating system."""

    words = (0,) * N_WORDS  # a tuple, from which NumPy reads faster than from an array

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        """Return as many zeros."""
        return self.words[:n_words]


NO_ENTROPY: Any = NoEntropy()


def generator_of(random_state: Any) -> RandomState:
    """The generator of a parameter `random_state`, which draws the numbers of scikit-learn.

    ``np.random.RandomState(seed)`` first seeds itself randomly, which takes longer than a small
    step of `partial_fit`.

    >>> generator_of(5).randint(100, size=3), np.random.RandomState(5).randint(100, size=3)
    (array([99, 78, 61]), array([99, 78, 61]))
    """
    if not isinstance(random_state, (int, np.integer)):
        return check_random_state(random_state)
    generator = RandomState(MT19937(NO_ENTROPY))
    generator.seed(int(random_state))
    return generator
