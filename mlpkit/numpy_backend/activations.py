"""Activation functions in NumPy, in place, and their derivatives."""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from numbers import Real
from typing import Any, get_args

import numpy as np
from scipy.special import expit, ndtr

from mlpkit.messages import did_you_mean
from mlpkit.plugin import Activation, Array

SELU_SCALE = 1.0507009873554805  # Klambauer et al., 2017
SELU_BOTTOM = 1.7580993408473766  # scale * alpha: minus the limit for small arguments
LEAK = 0.01
PAIRWISE = 8  # the number of elements from which on NumPy does not add a row in its order
CACHED = 1 << 15  # elements of a second array that stays in the cache as well
HIDDEN: tuple[str, ...] = get_args(Activation)  # activations of hidden layers


def checked(activation: Any, n_layers: int) -> Any:
    """Return the parameter ``activation`` as a name, or as a tuple with one name for each layer.

    Raises ValueError for an unknown name or a wrong number of names.

    >>> checked("tanh", 2), checked(["tanh", "gelu"], 2)
    ('tanh', ('tanh', 'gelu'))
    """
    names = (activation,) if isinstance(activation, str) else tuple(activation)
    for name in names:
        if name not in HIDDEN:
            raise ValueError(
                f"activation={activation!r}: {name!r} is not an activation. Expected one of"
                f" {', '.join(map(repr, HIDDEN))}. {did_you_mean(str(name), HIDDEN)}".rstrip()
            )
    if isinstance(activation, str):
        return activation
    return by_layer("activation", activation, n_layers)


def by_layer(parameter: str, values: Any, n_layers: int) -> tuple[Any, ...]:
    """Return a parameter that is a list as a tuple, with one value for each hidden layer.

    Raises ValueError for a wrong number of values.
    """
    if len(values) != n_layers:
        raise ValueError(
            f"{parameter}={values!r} has length {len(values)}, but hidden_layer_sizes has length"
            f" {n_layers}. Pass one value for each hidden layer, or a single value for all of them."
        )
    return tuple(values)


def checked_dropout(dropout: Any, n_layers: int) -> Any:
    """Return the parameter ``dropout`` as a number, or as a tuple with one for each layer.

    Raises ValueError for numbers outside of [0, 1) or a wrong number of numbers.
    """
    for rate in dropout if isinstance(dropout, (list, tuple)) else (dropout,):
        if isinstance(rate, bool) or not isinstance(rate, Real) or not 0 <= float(rate) < 1:
            raise ValueError(
                f"dropout={dropout!r}: expected a number in [0, 1), or a list with one such"
                f" number for each hidden layer; got {rate!r}."
            )
    if isinstance(dropout, (list, tuple)):
        return tuple(map(float, by_layer("dropout", dropout, n_layers)))
    return float(dropout)


def _identity(z: Array) -> None:
    pass


def _logistic(z: Array) -> None:
    expit(z, out=z)


def _tanh(z: Array) -> None:
    np.tanh(z, out=z)


def _relu(z: Array) -> None:
    np.maximum(z, _zeros_for(z), out=z)


def _zeros_for(z: Array) -> Array:
    """Return zeros to compare z with. `maximum` takes three times as long with the number 0."""
    return _zeros(z.shape if z.size <= CACHED else z.shape[-1:], z.dtype)


@lru_cache(maxsize=16)
def _zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return zeros that must not be written to."""
    zeros = np.zeros(shape, dtype)
    zeros.flags.writeable = False
    return zeros


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
    if z.shape[-1] < PAIRWISE:
        softmax_by_column(z)
        return
    columns = _exponentials(z)
    z[...] = columns.T
    z /= np.add.reduce(z, axis=-1)[..., None]  # by row: the last bits are those of scikit-learn


def softmax_by_column(z: Array) -> None:
    """Replace z by its softmax; sums are over columns, so the last bits may differ."""
    columns = _exponentials(z)
    columns /= np.add.reduce(columns, axis=0)
    z[...] = columns.T


def _exponentials(z: Array) -> Array:
    """Return the exponentials of z minus the maximum of each row, transposed."""
    columns = z.T.copy()  # NumPy reduces a few long rows much faster than many short ones
    columns -= np.maximum.reduce(columns, axis=0)
    return np.exp(columns, out=columns)


def _tanh_of_softplus(z: Array) -> Array:
    e = np.exp(np.minimum(z, 20))  # above 20 the result is 1 in double precision
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
}  # each replaces the elements of its argument


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
}  # each multiplies delta by the derivative, which it computes from the value of the activation


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
}  # whose derivative is not a function of the value: each writes both, the value into z


def on(name: str, z: Array, slope: Array | None = None) -> Callable[[], object]:
    """Return a function that applies an activation to z, for many calls.

    With a slope, it also writes the derivatives of a function of `WITH_SLOPES`.

    >>> z = np.array([[-1.0, 2.0]])
    >>> call = on("relu", z)
    >>> _ = call()
    >>> z
    array([[0., 2.]])
    """
    if slope is not None:
        return partial(WITH_SLOPES[name], z, slope)
    if name == "relu":
        return partial(np.maximum, z, _zeros_for(z), out=z)
    return partial(ACTIVATIONS[name], z)
