"""The solvers. "adam", "sgd" and "lbfgs" are those of scikit-learn's MLP.

The updates of "adam", "sgd" and "adamw" are written once for the arrays of all backends.
"""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Namespace, Solver


def _adam_rate(learning_rate: float, step: Array, options: Mapping[str, float]) -> Array:
    corrected = np.sqrt(1 - options["beta_2"] ** step) / (1 - options["beta_1"] ** step)
    return np.asarray(learning_rate * corrected)


def _adam(
    xp: Namespace,
    p: Any,
    g: Any,
    optimizer_state: Any,
    learning_rate: Any,
    options: Mapping[str, float],
) -> tuple[Any, tuple[Any, ...]]:
    m, v = optimizer_state
    m *= options["beta_1"]
    m += (1 - options["beta_1"]) * g
    squares = g * g
    squares *= 1 - options["beta_2"]
    v *= options["beta_2"]
    v += squares
    divisor = xp.sqrt(v)
    divisor += options["epsilon"]
    step = learning_rate * m
    step /= divisor
    p -= step
    return p, (m, v)


def adam(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8) -> Solver:
    """Return Adam (Kingma and Ba, 2014, arXiv:1412.6980).

    It is algorithm 1 of the paper in the more efficient order of its section 2.
    """
    options = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    return Solver(_adam, ("m", "v"), options, _adam_rate, name="adam")


def adamw(
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Solver:
    """Return Adam with decoupled weight decay (Loshchilov and Hutter, 2019, arXiv:1711.05101).

    It is `adam` with `Solver.weight_decay`: a step also subtracts ``learning_rate * weight_decay``
    times the weights before the step from the weight matrices, and nothing from the biases.
    """
    if isinstance(weight_decay, bool) or not isinstance(weight_decay, Real):
        raise ValueError(f"solver='adamw': weight_decay must be a number, got {weight_decay!r}.")
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"solver='adamw': weight_decay must be >= 0, got {weight_decay!r}.")
    solver = adam(beta_1, beta_2, epsilon)
    return solver._replace(weight_decay=float(weight_decay), name="adamw")


def _momentum(
    xp: Namespace,
    p: Any,
    g: Any,
    optimizer_state: Any,
    learning_rate: Any,
    options: Mapping[str, float],
) -> tuple[Any, tuple[Any, ...]]:
    (velocity,) = optimizer_state
    velocity *= options["momentum"]
    velocity -= learning_rate * g
    p += velocity
    return p, (velocity,)


def _nesterov(
    xp: Namespace,
    p: Any,
    g: Any,
    optimizer_state: Any,
    learning_rate: Any,
    options: Mapping[str, float],
) -> tuple[Any, tuple[Any, ...]]:
    (velocity,) = optimizer_state
    step = learning_rate * g
    velocity *= options["momentum"]
    velocity -= step
    p += options["momentum"] * velocity - step
    return p, (velocity,)


def sgd(momentum: float = 0.9, nesterovs_momentum: bool = True) -> Solver:
    """Return gradient descent with momentum, by default Nesterov's (Sutskever et al., 2013)."""
    update = _nesterov if nesterovs_momentum else _momentum
    options = {"momentum": momentum, "nesterov": float(nesterovs_momentum)}
    return Solver(update, ("velocity",), options, scheduled=True, name="sgd")


def lbfgs() -> Solver:
    """Return SciPy's L-BFGS-B over the whole data, which is a trainer without steps."""
    return Solver(trainer="lbfgs", name="lbfgs")
