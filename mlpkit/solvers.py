"""The solvers of scikit-learn's MLP; adam and sgd are elementwise updates for any backend."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Namespace, Solver


def _adam_rate(rate: float, step: Array, options: Mapping[str, float]) -> Array:
    corrected = np.sqrt(1 - options["beta_2"] ** step) / (1 - options["beta_1"] ** step)
    return np.asarray(rate * corrected)


def _adam(
    xp: Namespace, p: Any, g: Any, slots: Any, rate: Any, options: Mapping[str, float]
) -> tuple[Any, tuple[Any, ...]]:
    m, v = slots
    m *= options["beta_1"]
    m += (1 - options["beta_1"]) * g
    v *= options["beta_2"]
    v += (1 - options["beta_2"]) * (g * g)
    p -= rate * m / (xp.sqrt(v) + options["epsilon"])
    return p, (m, v)


def adam(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8) -> Solver:
    """Adam (Kingma and Ba, 2014, arXiv:1412.6980), algorithm 1 with the efficient order."""
    options = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    return Solver(_adam, ("m", "v"), options, _adam_rate)


def _momentum(
    xp: Namespace, p: Any, g: Any, slots: Any, rate: Any, options: Mapping[str, float]
) -> tuple[Any, tuple[Any, ...]]:
    (velocity,) = slots
    velocity *= options["momentum"]
    velocity -= rate * g
    p += velocity
    return p, (velocity,)


def _nesterov(
    xp: Namespace, p: Any, g: Any, slots: Any, rate: Any, options: Mapping[str, float]
) -> tuple[Any, tuple[Any, ...]]:
    (velocity,) = slots
    step = rate * g
    velocity *= options["momentum"]
    velocity -= step
    p += options["momentum"] * velocity - step
    return p, (velocity,)


def sgd(momentum: float = 0.9, nesterovs_momentum: bool = True) -> Solver:
    """Gradient descent with (Nesterov's) momentum (Sutskever et al., 2013)."""
    update = _nesterov if nesterovs_momentum else _momentum
    return Solver(update, ("velocity",), {"momentum": momentum}, scheduled=True)


def lbfgs() -> Solver:
    """SciPy's L-BFGS-B over the whole data: no step of its own, but a trainer."""
    return Solver(trainer="lbfgs")
