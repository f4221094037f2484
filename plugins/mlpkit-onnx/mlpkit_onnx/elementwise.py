"""Elementwise functions and activations of the namespace."""

import math
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import erfcx

from mlpkit import numpy_namespace
from mlpkit_onnx.tensors import Tensor, binary, broadcast, lifted

SELU_SCALE, SELU_BOTTOM = 1.0507009873554805, 1.7580993408473766


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let NumPy compute a function if none of the arguments is a tensor."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if any(isinstance(a, Tensor) for a in args):
            return function(*args, **options)
        return getattr(numpy_namespace, function.__name__)(*args, **options)

    return call


def _unary(operator: str, name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        return x.node(operator)

    function.__name__ = name
    return traced(function)


def _predicate(operator: str, name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        return Tensor(x.graph, x.graph.node(operator, [x.name]), bool, x.shape)

    function.__name__ = name
    return traced(function)


def _binary(operator: str, name: str) -> Callable[[Any, Any], Any]:
    def function(x: Any, y: Any) -> Any:
        return binary(operator, x, y)

    function.__name__ = name
    return traced(function)


abs = _unary("Abs", "abs")
sign = _unary("Sign", "sign")
sqrt = _unary("Sqrt", "sqrt")
exp = _unary("Exp", "exp")
log = _unary("Log", "log")
sin = _unary("Sin", "sin")
tanh = _unary("Tanh", "tanh")
floor = _unary("Floor", "floor")
round = _unary("Round", "round")
relu = _unary("Relu", "relu")
sigmoid = _unary("Sigmoid", "sigmoid")
logistic = _unary("Sigmoid", "logistic")
isnan = _predicate("IsNaN", "isnan")
isinf = _predicate("IsInf", "isinf")
maximum = _binary("Max", "maximum")
minimum = _binary("Min", "minimum")
pow = _binary("Pow", "pow")


@traced
def cos(x: Any) -> Any:
    """Return the cosine."""
    if x.dtype == np.float32:
        return x.node("Cos")
    return 1 - 2 * square(sin(x / 2))  # some versions of onnxruntime lack it for float64


@traced
def isfinite(x: Any) -> Any:
    """Return whether x is neither infinite nor NaN."""
    return ~(isnan(x) | isinf(x))


@traced
def square(x: Any) -> Any:
    """Return the square."""
    return x * x


@traced
def expm1(x: Any) -> Any:
    """Return exp(x) - 1, accurate for small x."""
    return tanh(x / 2) * (exp(x) + 1)


@traced
def log1p(x: Any) -> Any:
    """Return log(1 + x), accurate for small x (Kahan's formula)."""
    y = 1 + x
    inexact = (y != 1) & isfinite(y)
    accurate = log(y) * (x / where(inexact, y - 1, 1.0))
    return where(y == 1, x, where(inexact, accurate, log(y)))


@traced
def softplus(x: Any) -> Any:
    """Return log(1 + exp(x))."""
    if x.dtype == np.float32:
        return x.node("Softplus")  # some versions of onnxruntime lack it for float64
    return maximum(x, 0) + log1p(exp(-abs(x)))


@traced
def clip(x: Any, min: Any, max: Any) -> Any:
    """Return x limited to an interval."""
    return minimum(maximum(x, min), max)


@traced
def where(condition: Any, x: Any, y: Any) -> Any:
    """Return x where the condition is true, else y; or a number."""
    graph = next(a for a in (condition, x, y) if isinstance(a, Tensor)).graph
    like = next((a for a in (x, y) if hasattr(a, "dtype")), None)
    dtype = np.asarray(y).dtype if like is None else like.dtype
    c, first, second = lifted(graph, condition), lifted(graph, x, dtype), lifted(graph, y, dtype)
    name = graph.node("Where", [c.name, first.name, second.name])
    return Tensor(graph, name, first.dtype, broadcast(c.shape, first.shape, second.shape))


@traced
def bitwise_right_shift(x: Any, n: Any) -> Any:
    """Return an integer x, not negative, shifted by n bits."""
    shift = lifted(x.graph, n).cast(np.uint64)
    return binary("BitShift", x.cast(np.uint64), shift, direction="RIGHT").cast(x.dtype)


@traced
def leaky_relu(x: Any) -> Any:
    """Return x above 0, else x / 100."""
    return maximum(x, 0.01 * x)


@traced
def gelu(x: Any) -> Any:
    """Return x times the normal distribution function."""
    if x.dtype == np.float32:
        return 0.5 * x * (1 + (x * math.sqrt(0.5)).node("Erf"))
    # runtimes compute Erf in single precision only: exp(-z**2) times a polynomial of t
    z = abs(x) * math.sqrt(0.5)
    t = 2 / (1 + z / 2) - 1
    coefficients = _scaled_erfc()
    p = t * 0.0 + coefficients[0]
    for c in coefficients[1:]:
        p = p * t + c
    tail = 0.5 * exp(-z * z) * p  # the normal distribution function of -abs(x)
    return x * where(x > 0, 1 - tail, tail)


@cache
def _scaled_erfc() -> tuple[float, ...]:
    """The coefficients, highest first, of exp(z**2) * erfc(z) as a polynomial of a number t in
    (-1, 1], with z = 2 * (1 - t) / (1 + t).
    """

    def function(t: Any) -> Any:
        return erfcx(2 * (1 - t) / np.maximum(1 + t, 1e-300))

    series = chebyshev.chebinterpolate(function, 26)
    return tuple(map(float, chebyshev.cheb2poly(series)[::-1]))


@traced
def silu(x: Any) -> Any:
    """Return x * sigmoid(x)."""
    # onnxruntime replaces the product by an operator that some versions lack for float64
    return x / (1 + exp(-x))


@traced
def selu(x: Any) -> Any:
    """Return the scaled exponential linear unit."""
    return SELU_SCALE * maximum(x, 0) + SELU_BOTTOM * expm1(minimum(x, 0))


@traced
def mish(x: Any) -> Any:
    """Return x * tanh(softplus(x))."""
    return x * tanh(softplus(x))
