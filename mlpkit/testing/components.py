"""Losses, solvers and a network, valid and invalid, for the conformance tests of backends."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Arrays, Joint, Loss, Network, Solver, Spec


def huber_rows(xp: Any, y: Any, p: Any) -> Any:
    """Return the pseudo-Huber loss, summed over the outputs."""
    return xp.sum(xp.sqrt(1 + (p - y) ** 2) - 1, axis=1)


def huber_delta(xp: Any, y: Any, p: Any) -> Any:
    """Return the derivative of the pseudo-Huber loss."""
    return (p - y) / xp.sqrt(1 + (p - y) ** 2)


HUBER = Loss("pseudo_huber", "identity", huber_rows, huber_delta)


def squared_rows(xp: Any, y: Any, p: Any) -> Any:
    """Return the squared error, summed over the outputs."""
    return xp.sum((p - y) ** 2, axis=1)


def logistic_delta(xp: Any, y: Any, p: Any) -> Any:
    """Return the derivative of the squared error of logistic outputs."""
    return 2 * (p - y) * p * (1 - p)


def softmax_delta(xp: Any, y: Any, p: Any) -> Any:
    """Return the derivative of the squared error of probabilities, which sum to 1."""
    d = 2 * (p - y)
    return p * (d - xp.sum(d * p, axis=1, keepdims=True))


def gamma_rows(xp: Any, y: Any, p: Any) -> Any:
    """Return the negative log-likelihood of a gamma distribution, up to a constant."""
    return xp.sum(y / p + xp.log(p), axis=1)


def gamma_delta(xp: Any, y: Any, p: Any) -> Any:
    """Return the derivative with respect to the logarithm of p."""
    return 1 - y / p


# losses with the names of built-in ones, whose functions they do not have
LOSSES: dict[str, Loss] = {
    "log_loss": Loss("log_loss", "softmax", squared_rows, softmax_delta),
    "binary_log_loss": Loss("binary_log_loss", "logistic", squared_rows, logistic_delta),
    "squared_error": HUBER._replace(name="squared_error"),
    "poisson": Loss("poisson", "exp", gamma_rows, gamma_delta),
}


def joint_start(arrays: Arrays) -> Arrays:
    """Return the momentum of each array and a step counter."""
    momentum = {f"m/{name}": np.zeros_like(a) for name, a in arrays.items()}
    return {"count": np.zeros((), np.int32), **momentum}


def joint_update(
    xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any
) -> Any:
    """Apply momentum to gradients that are divided by their norm over all arrays."""
    norm = xp.sqrt(sum(xp.sum(g * g) for g in gradients.values()))
    new, after = {}, {"count": optimizer_state["count"] + 1}
    for name, p in weights.items():
        m = after[f"m/{name}"] = 0.9 * optimizer_state[f"m/{name}"] + gradients[name] / norm
        new[name] = p - learning_rate * m
    return new, after


JOINT = Solver(joint=Joint(joint_start, joint_update))


def descent(xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any) -> Any:
    """Apply gradient descent to all weights at once."""
    new = {name: p - learning_rate * gradients[name] for name, p in weights.items()}
    return new, optimizer_state


DESCENT = Solver(joint=Joint(joint_start, descent))


def by_options(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Branch on an option, which is a constant in compiled code."""
    step = xp.sign(g) if options["signed"] > 0 else g
    return p - learning_rate * step, ()


def by_rate(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Branch on the learning rate."""
    step = xp.sign(g) if learning_rate > 0.01 else g
    return p - learning_rate * step, ()


def by_state(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Branch on the optimizer state, which is zero before the first step."""
    (m,) = optimizer_state
    m = 0.5 * m + g if xp.sum(m * m) > 0 else 2 * g
    return p - learning_rate * m, (m,)


def amsgrad(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Use the largest of all averages of powers of the gradient."""
    m, v, most = optimizer_state
    m *= options["beta"]
    m += (1 - options["beta"]) * g
    v = 0.9 * v + 0.1 * xp.abs(g) ** options["power"]
    most = xp.maximum(most, v)
    step = m / (xp.sqrt(most) + 0.01)
    if options["cautious"]:
        step = xp.where(m * g > 0, step, 0.0)
    return p - learning_rate * step, (m, v, most)


AMSGRAD = Solver(
    amsgrad,
    ("m", "v", "most"),
    {"beta": 0.5, "power": 2, "cautious": True},  # several types
)


def linear(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> Any:
    """Return the outputs of one layer; a frozen array counts the steps."""
    return x @ arrays["coef_0"] + arrays["intercept_0"], {"count": arrays["count"] + 1}


def linear_network(spec: Spec, rng: np.random.RandomState) -> Network:
    """Build the network of `linear`."""
    arrays = {
        "coef_0": rng.standard_normal((spec.n_features, spec.n_outputs)).astype(spec.dtype),
        "intercept_0": np.zeros(spec.n_outputs, spec.dtype),
        "count": np.zeros((), spec.dtype),
    }
    return Network(arrays, linear, frozenset(["coef_0"]), frozenset(["count"]))


def narrow(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Return weights of another shape that could be broadcast."""
    return p[:1] - learning_rate * g[:1], optimizer_state


def forgetful(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Return no optimizer state."""
    return p - learning_rate * g, ()


def shortened(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    """Return an optimizer state of another shape that could be broadcast."""
    return p - learning_rate * g, (optimizer_state[0][:1],)


def partly(xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any) -> Any:
    """Return all arrays except one."""
    return {name: p for name, p in weights.items() if name != "coef_0"}, optimizer_state


def narrowly(
    xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any
) -> Any:
    """Return arrays of other shapes."""
    return {name: p[:1] for name, p in weights.items()}, optimizer_state


def rows_by_output(xp: Any, y: Any, p: Any) -> Any:
    """Return one value per output."""
    return (p - y) ** 2


def delta_by_row(xp: Any, y: Any, p: Any) -> Any:
    """Return one derivative per row."""
    return xp.sum(p - y, axis=1)


WRONG: dict[str, Solver | Loss] = {
    "solver: shape of weights": Solver(narrow),
    "solver: length of the optimizer state": Solver(forgetful, ("m",)),
    "solver: shape of the optimizer state": Solver(shortened, ("m",)),
    "joint solver: names": Solver(joint=Joint(joint_start, partly)),
    "joint solver: shapes": Solver(joint=Joint(joint_start, narrowly)),
    "loss: rows": HUBER._replace(rows=rows_by_output),
    "loss: delta": HUBER._replace(delta=delta_by_row),
}


def stepped_by_hand(
    gradients: Callable[[Arrays, int], tuple[Arrays, float]],
    weights: Arrays,
    steps: int,
    step: Callable[[Arrays, Arrays, int], Arrays],
) -> Arrays:
    """Return the weights after steps by mean gradients; ``gradients`` returns their sums."""
    for i in range(steps):
        sums, weight = gradients(weights, i)
        weights = step(weights, {name: g / weight for name, g in sums.items()}, i)
    return weights


def jointly(
    learning_rates: Array, optimizer_state: list[Any], weights: Arrays, means: Arrays, i: int
) -> Arrays:
    """Apply the update of `JOINT`."""
    new, optimizer_state[0] = joint_update(
        np, weights, means, optimizer_state[0], learning_rates[i]
    )
    return new


def branching(learning_rates: Array, weights: Arrays, means: Arrays, i: int) -> Arrays:
    """Apply the update of `by_rate`."""
    branch: Any = np.sign if learning_rates[i] > 0.01 else partial(np.multiply, 1)
    return {name: p - learning_rates[i] * branch(means[name]) for name, p in weights.items()}


def branching_on_state(
    learning_rates: Array, momentum: dict[str, Array], weights: Arrays, means: Arrays, i: int
) -> Arrays:
    """Apply the update of `by_state`."""
    for name, g in means.items():
        momentum[name] = 0.5 * momentum[name] + g if i else 2 * g
    return {name: p - learning_rates[i] * momentum[name] for name, p in weights.items()}
