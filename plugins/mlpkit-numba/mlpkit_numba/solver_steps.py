"""What the compiled update needs in each step."""

import numpy as np

from mlpkit.backend_kit import WeightLayout
from mlpkit.plugin import Array
from mlpkit_numba import arguments as a
from mlpkit_numba.solver_functions import SolverFunction


class SolverSteps:
    """The segments of the weights that are updated one after another.

    Parameters
    ----------
    layout : WeightLayout
        The places of the weights.
    with_decay : bool
        Whether weights decay.

    Attributes
    ----------
    segments : ndarray of int64, of shape (n_segments, N_SEGMENT_FIELDS)
        Each has one factor of the learning rate and one of the weight decay, and the L2 penalty
        includes all its weights or none.
    """

    def __init__(self, layout: WeightLayout, with_decay: bool) -> None:
        found, decays = [], []
        rates: dict[float, int] = {}
        for place, rate, decay in layout.segments(with_decay):
            middle = min(max(place.start, layout.n_decayed), place.stop)
            for begin, end in ((place.start, middle), (middle, place.stop)):
                if begin < end:
                    index = rates.setdefault(rate, len(rates))
                    found.append((begin, end - begin, begin < layout.n_decayed, index))
                    decays.append(rate * decay)
        self.segments = np.array(found, np.int64).reshape(-1, a.N_SEGMENT_FIELDS)
        self._rates, self._decays = np.array(list(rates)), np.array(decays)
        self._is_plain = list(rates) == [1.0]

    def scalars(self, function: SolverFunction, learning_rates: Array) -> Array:
        """Return the values of each step for each factor of the learning rate."""
        rates = learning_rates
        if not self._is_plain:
            rates = np.multiply.outer(self._rates, learning_rates).ravel()
        return np.ascontiguousarray(function.scalars(rates))

    def decreases(self, learning_rates: Array, decays: Array) -> Array:
        """Return the shares by which the weights of each segment decay in each step."""
        decreases: Array = np.multiply.outer(self._decays, learning_rates * decays)
        return decreases
