"""The solvers. "adam", "sgd" and "lbfgs" are those of scikit-learn's MLP.

The updates of "adam", "sgd" and "adamw" are written once for the arrays of all backends.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Arrays, Joint, Namespace, Solver, optimizer_state_name


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
    v *= options["beta_2"]
    v += (1 - options["beta_2"]) * (g * g)
    p -= learning_rate * m / (xp.sqrt(v) + options["epsilon"])
    return p, (m, v)


def adam(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8) -> Solver:
    """Return Adam (Kingma and Ba, 2014, arXiv:1412.6980).

    It is algorithm 1 of the paper in the more efficient order of its section 2.
    """
    options = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    return Solver(_adam, ("m", "v"), options, _adam_rate, name="adam")


STEP = "adamw/step"  # the key of the number of steps in the optimizer state


@dataclass(frozen=True)
class AdamW:
    """One of the two functions of a `Joint`.

    Objects with equal settings compare equal, also after pickling, so compiled code is reused.
    """

    function: str
    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float

    def __call__(self, *arguments: Any) -> Any:
        """Call the function."""
        return getattr(self, self.function)(*arguments)

    def start(self, arrays: Arrays) -> Arrays:
        """Return both moments of each array and the number of steps, all zero."""
        optimizer_state = {
            optimizer_state_name(moment, name): np.zeros_like(a)
            for moment in "mv"
            for name, a in arrays.items()
        }
        return {**optimizer_state, STEP: np.zeros((), next(iter(arrays.values())).dtype)}

    def update(
        self, xp: Namespace, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Make one step.

        Matrices decay by ``learning_rate * weight_decay``; vectors (biases) do not decay.
        """
        step = optimizer_state[STEP] + 1
        bias_1, bias_2 = (_one_minus_power(xp, b, step) for b in (self.beta_1, self.beta_2))
        rate_1, root_2 = learning_rate / bias_1, xp.sqrt(bias_2)
        new_weights: dict[str, Any] = {}
        new_state: dict[str, Any] = {STEP: step}
        for name, p in weights.items():
            g = gradients[name]
            m_name, v_name = (optimizer_state_name(moment, name) for moment in "mv")
            m = self.beta_1 * optimizer_state[m_name]
            m += (1 - self.beta_1) * g
            v = self.beta_2 * optimizer_state[v_name]
            v += (1 - self.beta_2) * (g * g)
            change = xp.sqrt(v)
            change /= root_2
            change += self.epsilon
            change = m / change
            change *= rate_1
            decayed = p * (1 - learning_rate * self.weight_decay) if len(p.shape) > 1 else p
            new_weights[name] = decayed - change
            new_state |= {m_name: m, v_name: v}
        return new_weights, new_state


def _one_minus_power(xp: Namespace, beta: float, step: Any) -> Any:
    """Return ``1 - beta ** step``, in full precision where beta is close to 1."""
    return -xp.expm1(step * (math.log(beta) if beta > 0 else -math.inf))


def adamw(
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Solver:
    """Return Adam with decoupled weight decay (Loshchilov and Hutter, 2019, arXiv:1711.05101).

    A step multiplies the weight matrices by ``1 - learning_rate * weight_decay``. Biases do not
    decay. Unlike in `adam`, ``epsilon`` is added to the square root of the corrected moment.
    """
    if isinstance(weight_decay, bool) or not isinstance(weight_decay, Real):
        raise ValueError(f"solver='adamw': weight_decay must be a number, got {weight_decay!r}.")
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"solver='adamw': weight_decay must be >= 0, got {weight_decay!r}.")
    settings = tuple(map(float, (beta_1, beta_2, epsilon, weight_decay)))
    return Solver(joint=Joint(AdamW("start", *settings), AdamW("update", *settings)), name="adamw")


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
