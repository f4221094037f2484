"""The initial optimizer state, and all trained weights in one array."""

from collections.abc import Callable
from typing import Any

import numpy as np

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


class WeightLayout:
    """The places of the trained weights in one array of shape (n_weights,).

    A solver then updates all weights in a few calls, however many layers there are. The weights
    that the L2 penalty includes come first, so they are a slice.

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
        names = sorted(trained, key=lambda name: name not in network.decayed)
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
