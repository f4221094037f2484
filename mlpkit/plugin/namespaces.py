"""What `xp` offers: the array functions for networks, losses and solvers on every backend.

The names, arguments and results are those of the Python array API standard [1]_, as far as it has
them: a subset of it, with `einsum` and the activation functions of networks. A backend may offer
more, but only the functions of `NAMESPACE` are the same on all backends.

Operators and methods: arrays have the operators of Python, with ``@`` for matrix products, and
the attributes ``shape``, ``ndim`` and ``dtype``. They are indexed by integers, slices, ``...`` and
None, and never assigned to. All axes have a known length.

Dtypes: a function of floating-point arrays returns their dtype, and so does an operator or a
function with an array and a number of Python. Arrays of different dtypes are first converted by
`astype`. Results of ``arange`` and `argsort` have the default integer dtype of the backend.

.. [1] https://data-apis.org/array-api/latest/
"""

from typing import Literal, NamedTuple

#: The groups of `NAMESPACE`.
Group = Literal[
    "elementwise", "activation", "reduction", "product", "shape", "index", "creation", "constant"
]


class NamespaceFunction(NamedTuple):
    """A function of the namespace, or a constant.

    Parameters
    ----------
    group : str
        What kind of function it is.
    arguments : str
        Names of the arguments, with the defaults of optional ones; "" for a constant.
    summary : str
        What it returns.
    """

    group: Group
    arguments: str
    summary: str


_AXES = "x, axis=None, keepdims=False"

#: Every function that `xp` offers on all backends, by name.
NAMESPACE: dict[str, NamespaceFunction] = {
    name: NamespaceFunction(group, arguments, summary)  # type: ignore[arg-type]
    for group, functions in {
        "elementwise": {
            "abs": ("x", "absolute value"),
            "sign": ("x", "-1, 0 or 1"),
            "square": ("x", "square"),
            "sqrt": ("x", "square root"),
            "exp": ("x", "exponential function"),
            "expm1": ("x", "exp(x) - 1, accurate for small x"),
            "log": ("x", "natural logarithm"),
            "log1p": ("x", "log(1 + x), accurate for small x"),
            "sin": ("x", "sine"),
            "cos": ("x", "cosine"),
            "tanh": ("x", "hyperbolic tangent"),
            "floor": ("x", "the largest whole number that is not above x"),
            "round": ("x", "the nearest whole number, of two the even one"),
            "isfinite": ("x", "whether x is neither infinite nor NaN, bool"),
            "isnan": ("x", "whether x is NaN, bool"),
            "pow": ("x, y", "x to the power of y"),
            "maximum": ("x, y", "the larger one; one of them may be a number"),
            "minimum": ("x, y", "the smaller one; one of them may be a number"),
            "clip": ("x, min, max", "x limited to an interval with the numbers as bounds"),
            "where": ("condition, x, y", "x where the condition is true, else y; or a number"),
            "bitwise_right_shift": ("x, n", "an integer x, not negative, shifted by n bits"),
        },
        "activation": {
            "relu": ("x", "max(x, 0); its derivative at 0 is 0"),
            "leaky_relu": ("x", "x above 0, else x / 100"),
            "gelu": ("x", "x times the normal distribution function, not the approximation"),
            "silu": ("x", "x * sigmoid(x), also called swish"),
            "selu": ("x", "scaled exponential linear unit"),
            "mish": ("x", "x * tanh(softplus(x))"),
            "sigmoid": ("x", "1 / (1 + exp(-x))"),
            "logistic": ("x", "another name of sigmoid"),
            "softplus": ("x", "log(1 + exp(x))"),
            "softmax": ("x, axis=-1", "exp(x) divided by its sum along an axis"),
        },
        "reduction": {
            "sum": (_AXES, "sum over one axis, a tuple of axes, or all"),
            "mean": (_AXES, "mean over one axis, a tuple of axes, or all"),
            "max": (_AXES, "maximum over one axis, a tuple of axes, or all"),
            "min": (_AXES, "minimum over one axis, a tuple of axes, or all"),
            "cumulative_sum": ("x, axis", "sums of the first elements along an axis"),
            "sort": ("x, axis=-1", "x in ascending order along an axis"),
            "argsort": ("x, axis=-1", "indices that sort x along an axis, in a stable order"),
        },
        "product": {
            "matmul": ("x, y", "matrix product of the last two axes; the others are broadcast"),
            "einsum": ("subscripts, *arrays", "sum of products, such as 'nd,de->ne'"),
        },
        "shape": {
            "reshape": ("x, shape", "x with another shape; one length may be -1"),
            "permute_dims": ("x, axes", "x with its axes in another order"),
            "moveaxis": ("x, source, destination", "x with one axis at another position"),
            "expand_dims": ("x, axis", "x with a new axis of length 1"),
            "broadcast_to": ("x, shape", "x repeated along axes of length 1 and new first axes"),
            "concat": ("arrays, axis=0", "arrays joined along an axis"),
            "stack": ("arrays, axis=0", "arrays joined along a new axis"),
        },
        "index": {
            "take": ("x, indices, axis", "elements along an axis; the indices have any shape"),
            "take_along_axis": (
                "x, indices, axis",
                "elements along an axis, of indices with the other axes of x or 1",
            ),
        },
        "creation": {
            "asarray": ("x, dtype", "an array of a number, a list or a NumPy array"),
            "astype": ("x, dtype", "x converted to a dtype"),
            "zeros": ("shape, dtype", "an array of zeros"),
            "ones": ("shape, dtype", "an array of ones"),
            "zeros_like": ("x", "zeros in the shape and the dtype of x"),
            "ones_like": ("x", "ones in the shape and the dtype of x"),
            "arange": ("n", "the integers 0, 1, ..., n - 1"),
        },
        "constant": {
            "pi": ("", "a number of Python"),
            "finfo": ("dtype", "limits of a floating-point dtype: eps, max, min"),
            "float32": ("", "dtype"),
            "float64": ("", "dtype"),
            "int32": ("", "dtype"),
            "bool": ("", "dtype"),
        },
    }.items()
    for name, (arguments, summary) in functions.items()
}
