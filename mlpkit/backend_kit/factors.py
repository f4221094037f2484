"""Factors of the learning rate and of the weight decay by array, and the decay of each step."""

import numpy as np

from mlpkit.plugin import Batches, Network, Solver


def learning_rate_factors(network: Network) -> dict[str, float]:
    """Return the factors of the learning rate that differ from 1.

    Parameters
    ----------
    network : Network
        The network with its arrays.

    Returns
    -------
    dict of float
        The factors by name of trained arrays, sorted by name.

    Examples
    --------
    >>> network = Network({"a": np.ones(2), "b": np.ones(2)}, learning_rate_factors={"b": 0.1})
    >>> learning_rate_factors(network)
    {'b': 0.1}
    """
    factors = ((name, network.learning_rate_factors.get(name, 1.0)) for name in _trained(network))
    return {name: float(factor) for name, factor in factors if factor != 1}


def weight_decay_factors(network: Network) -> dict[str, float]:
    """Return the factors of the weight decay that differ from 0.

    Parameters
    ----------
    network : Network
        The network with its arrays.

    Returns
    -------
    dict of float
        The factors by name of trained arrays, sorted by name. Unless the network sets a factor,
        it is 1 for arrays with two or more axes, not counting the axis of models.

    Examples
    --------
    >>> network = Network({"coef_0": np.ones((3, 2)), "intercept_0": np.ones(2)})
    >>> weight_decay_factors(network)
    {'coef_0': 1.0}
    """
    n_axes = 2 + bool(network.n_models)
    factors = {
        name: network.weight_decay_factors.get(name, float(network.arrays[name].ndim >= n_axes))
        for name in _trained(network)
    }
    return {name: float(factor) for name, factor in factors.items() if factor != 0}


def with_weight_decays(batches: Batches, solver: Solver) -> Batches:
    """Return batches in which `Batches.weight_decays` is None only if nothing decays.

    Parameters
    ----------
    batches : Batches
        The steps.
    solver : Solver
        The solver, whose weight decay replaces None.

    Returns
    -------
    Batches

    Examples
    --------
    >>> batches = Batches(np.zeros((2, 1), int), np.full(2, 0.1), np.zeros(2, np.uint32))
    >>> with_weight_decays(batches, Solver(weight_decay=0.5)).weight_decays
    array([0.5, 0.5])
    >>> with_weight_decays(batches, Solver()).weight_decays is None
    True
    """
    if batches.weight_decays is None and solver.weight_decay > 0:
        decays = np.full(len(batches.order), float(solver.weight_decay))
        return batches._replace(weight_decays=decays)
    return batches


def _trained(network: Network) -> list[str]:
    return sorted(name for name in network.arrays if name not in network.frozen)
