"""The initial optimizer state, and all trained weights in one array."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit.factors import learning_rate_factors, weight_decay_factors
from mlpkit.plugin import Array, Arrays, Network, Solver, optimizer_state_name


def initial_optimizer_state(solver: Solver, weights: Arrays) -> Arrays:
    """Return the optimizer state before the first step.

    Parameters
    ----------
    solver : Solver
        An elementwise solver, whose optimizer state starts as zeros, or a solver that updates all
        weights at once.
    weights : dict of ndarray
        The trained weights by name.

    Returns
    -------
    dict of ndarray
        The arrays under the keys of `optimizer_state_name`, or under the names that
        `Joint.start` gives them.

    Examples
    --------
    >>> import numpy as np
    >>> momentum = Solver(update=lambda *arguments: ..., optimizer_state=("velocity",))
    >>> initial_optimizer_state(momentum, {"coef_0": np.ones(2)})
    {'velocity/coef_0': array([0., 0.])}
    """
    if solver.joint is not None:
        return solver.joint.start(weights)
    return {
        optimizer_state_name(name, weight): np.zeros_like(array)
        for name in solver.optimizer_state
        for weight, array in weights.items()
    }


class Segment(NamedTuple):
    """Consecutive weights in the array of `WeightLayout` that have the same factors.

    Parameters
    ----------
    place : slice
        Their place.
    learning_rate_factor : float
        The factor of their learning rate.
    weight_decay_factor : float
        The factor of their weight decay.
    """

    place: slice
    learning_rate_factor: float
    weight_decay_factor: float


class WeightLayout:
    """The places of the trained weights in one array of shape (n_weights,).

    A solver then updates all weights in a few calls, however many layers there are. The weights
    that the L2 penalty includes come first, so they are a slice. After that, weights with the same
    factors are next to each other.

    Parameters
    ----------
    network : Network
        A network with at least one trained array.

    Attributes
    ----------
    slices : dict of slice
        The place of each trained array.
    shapes : dict of tuple
        The shape of each trained array.
    size : int
        Number of trained weights.
    n_decayed : int
        Number of weights that the L2 penalty includes.
    dtype : dtype
        The dtype of the trained arrays.

    Examples
    --------
    >>> import numpy as np
    >>> weights = {"intercept_0": np.ones(2), "coef_0": np.zeros((3, 2))}
    >>> layout = WeightLayout(Network(weights, decayed=frozenset({"coef_0"})))
    >>> layout.size, layout.n_decayed
    (8, 6)
    >>> layout.views(layout.filled(weights))["intercept_0"]
    array([1., 1.])
    """

    def __init__(self, network: Network) -> None:
        trained = [name for name in network.arrays if name not in network.frozen]
        rates, decays = learning_rate_factors(network), weight_decay_factors(network)
        self._factors = {name: (rates.get(name, 1.0), decays.get(name, 0.0)) for name in trained}

        def order(name: str) -> tuple[bool, float, float]:
            rate, decay = self._factors[name]
            return name not in network.decayed, rate, -decay

        names = sorted(trained, key=order)
        sizes = [network.arrays[name].size for name in names]
        ends = np.cumsum(sizes).tolist()
        self.shapes = {name: network.arrays[name].shape for name in names}
        self.slices = {
            name: slice(end - size, end) for name, size, end in zip(names, sizes, ends, strict=True)
        }
        self.size: int = ends[-1]
        self.n_decayed = sum(
            size for name, size in zip(names, sizes, strict=True) if name in network.decayed
        )
        self.dtype = network.arrays[names[0]].dtype

    def segments(self, with_decay: bool, max_size: int | None = None) -> list[Segment]:
        """Return the parts of the array that a solver updates one after another.

        Parameters
        ----------
        with_decay : bool
            Whether weights decay. If False, the factors of the weight decay are 0.
        max_size : int or None, default=None
            The largest number of weights in a segment.

        Returns
        -------
        list of Segment
            A single segment if all weights have the same factors and `max_size` is None.

        Examples
        --------
        >>> weights = {"coef_0": np.zeros((3, 2)), "intercept_0": np.ones(2)}
        >>> layout = WeightLayout(Network(weights, learning_rate_factors={"intercept_0": 0.1}))
        >>> [(s.place.stop, s.learning_rate_factor) for s in layout.segments(with_decay=False)]
        [(2, 0.1), (8, 1.0)]
        """
        merged: list[Segment] = []
        for name, place in self.slices.items():
            rate, decay = self._factors[name]
            decay = decay if with_decay else 0.0
            if merged and merged[-1][1:] == (rate, decay):
                place = slice(merged.pop().place.start, place.stop)
            merged.append(Segment(place, rate, decay))
        return [
            segment._replace(place=slice(begin, min(begin + step, segment.place.stop)))
            for segment in merged
            for step in [max_size or max(1, self.size)]
            for begin in range(segment.place.start, segment.place.stop, step)
        ]

    def views(self, flat: Any) -> dict[str, Any]:
        """Return the named arrays as views of an array.

        Parameters
        ----------
        flat : array of shape (n_weights,)
            A contiguous array of any framework whose arrays have a method ``reshape``.

        Returns
        -------
        dict of array
        """
        return {name: flat[place].reshape(self.shapes[name]) for name, place in self.slices.items()}

    def filled(self, arrays: Arrays, key: Callable[[str], str] = str) -> Array:
        """Return one array with copies of the named arrays.

        Parameters
        ----------
        arrays : dict of ndarray
            Arrays by key. Missing ones become zeros.
        key : callable, default=str
            ``key(name)``: the key of an array in `arrays`.

        Returns
        -------
        ndarray of shape (n_weights,)
        """
        flat = np.zeros(self.size, self.dtype)
        for name, place in self.slices.items():
            if key(name) in arrays:
                flat[place] = arrays[key(name)].ravel()
        return flat
