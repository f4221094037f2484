"""The activations in NumPy, in place, and their derivatives."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, get_args

import numpy as np
from scipy.special import expit, ndtr

from mlpkit.messages import did_you_mean
from mlpkit.plugin import Activation, Array

SELU_SCALE = 1.0507009873554805  # Klambauer et al., 2017
SELU_BOTTOM = 1.7580993408473766  # the scale times alpha: minus the limit of small values
LEAK = 0.01
HIDDEN: tuple[str, ...] = get_args(Activation)  # what a hidden layer may have


def checked(given: Any, n_layers: int) -> Any:
    """The parameter ``activation`` as a name, or a tuple of one name for each hidden layer.

    >>> checked("tanh", 2), checked(["tanh", "gelu"], 2)
    ('tanh', ('tanh', 'gelu'))
    """
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if name not in HIDDEN:
            raise ValueError(
                f"activation={given!r}: {name!r} is not an activation. Expected one of"
                f" {', '.join(map(repr, HIDDEN))}. {did_you_mean(str(name), HIDDEN)}".rstrip()
            )
    return given if isinstance(given, str) else by_layer("activation", given, n_layers)


def by_layer(parameter: str, given: Any, n_layers: int) -> tuple[Any, ...]:
    """A parameter that is a list as a tuple; ValueError if it is not one for each layer."""
    if len(given) != n_layers:
        raise ValueError(
            f"{parameter}={given!r} has {len(given)} values, and hidden_layer_sizes has"
            f" {n_layers}: give one for each hidden layer, or one for all of them instead of a"
            " list."
        )
    return tuple(given)


def checked_dropout(given: Any, n_layers: int) -> Any:
    """The parameter ``dropout`` as a number, or a tuple of one for each hidden layer."""
    for rate in given if isinstance(given, (list, tuple)) else (given,):
        if isinstance(rate, bool) or not isinstance(rate, Real) or not 0 <= float(rate) < 1:
            raise ValueError(
                f"dropout={given!r}: expected a number in [0, 1), or a list of these with one"
                f" for each hidden layer; got {rate!r}."
            )
    if isinstance(given, (list, tuple)):
        return tuple(map(float, by_layer("dropout", given, n_layers)))
    return float(given)


def _identity(z: Array) -> None:
    pass


def _logistic(z: Array) -> None:
    expit(z, out=z)


def _tanh(z: Array) -> None:
    np.tanh(z, out=z)


def _relu(z: Array) -> None:
    np.maximum(z, 0, out=z)


def _gelu(z: Array) -> None:
    z *= ndtr(z)


def _silu(z: Array) -> None:
    z *= expit(z)


def _selu(z: Array) -> None:
    below = np.expm1(np.minimum(z, 0))
    below *= SELU_BOTTOM
    np.maximum(z, 0, out=z)
    z *= SELU_SCALE
    z += below


def _mish(z: Array) -> None:
    z *= _tanh_of_softplus(z)


def _leaky_relu(z: Array) -> None:
    np.maximum(z, LEAK * z, out=z)


def _exp(z: Array) -> None:
    np.exp(z, out=z)


def _softmax(z: Array) -> None:
    columns = z.T.copy()  # NumPy reduces few long rows much faster than many short ones
    columns -= np.maximum.reduce(columns, axis=0)
    np.exp(columns, out=columns)
    columns /= np.add.reduce(columns, axis=0)
    z[...] = columns.T


def _tanh_of_softplus(z: Array) -> Array:
    e = np.exp(np.minimum(z, 20))  # beyond, it is 1 in double precision
    n = e * (e + 2)
    return np.asarray(n / (n + 2))


ACTIVATIONS: dict[str, Callable[[Array], None]] = {
    "identity": _identity,
    "logistic": _logistic,
    "tanh": _tanh,
    "relu": _relu,
    "gelu": _gelu,
    "silu": _silu,
    "selu": _selu,
    "mish": _mish,
    "leaky_relu": _leaky_relu,
    "exp": _exp,
    "softmax": _softmax,
}  # each works in place


def _logistic_slope(a: Array, delta: Array) -> None:
    delta *= a
    delta *= 1 - a


def _tanh_slope(a: Array, delta: Array) -> None:
    delta *= 1 - a**2


def _relu_slope(a: Array, delta: Array) -> None:
    delta *= a != 0


def _selu_slope(a: Array, delta: Array) -> None:
    delta *= np.where(a > 0, a.dtype.type(SELU_SCALE), a + SELU_BOTTOM)


def _leaky_relu_slope(a: Array, delta: Array) -> None:
    delta *= np.where(a > 0, a.dtype.type(1), a.dtype.type(LEAK))


SLOPES: dict[str, Callable[[Array, Array], None]] = {
    "identity": lambda a, delta: None,
    "logistic": _logistic_slope,
    "tanh": _tanh_slope,
    "relu": _relu_slope,
    "selu": _selu_slope,
    "leaky_relu": _leaky_relu_slope,
}  # multiply delta by the activation's derivative, given the activation's value


def _gelu_and_slope(z: Array, slope: Array) -> None:
    np.multiply(z, z, out=slope)
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= math.sqrt(0.5 / math.pi)
    slope *= z
    phi = ndtr(z)
    slope += phi
    z *= phi


def _silu_and_slope(z: Array, slope: Array) -> None:
    s = expit(z)
    z *= s
    np.subtract(1, s, out=slope)
    slope *= z
    slope += s


def _mish_and_slope(z: Array, slope: Array) -> None:
    t = _tanh_of_softplus(z)
    np.subtract(1, t * t, out=slope)
    slope *= expit(z)
    slope *= z
    slope += t
    z *= t


WITH_SLOPES: dict[str, Callable[[Array, Array], None]] = {
    "gelu": _gelu_and_slope,
    "silu": _silu_and_slope,
    "mish": _mish_and_slope,
}  # where the value does not tell the derivative: write it while z becomes the value
