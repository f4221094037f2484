"""The elementwise functions of which programs consist, implemented with NumPy."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import expit, ndtr

from mlpkit.plugin import Array

#: The functions by name. Most names are those of the array API standard.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "negative": np.negative,
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.true_divide,
    "pow": np.power,
    "abs": np.abs,
    "sign": np.sign,
    "square": np.square,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sigmoid": expit,
    "ndtr": ndtr,  # the normal distribution function
    "floor": np.floor,
    "round": np.rint,
    "isfinite": np.isfinite,
    "isnan": np.isnan,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "logical_not": np.logical_not,
    "bitwise_right_shift": np.right_shift,
    "where": np.where,
}


@lru_cache(maxsize=256)
def result_dtype(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of a function of arrays of one dtype; see `operand_dtype` for `where`.

    >>> str(result_dtype("sqrt", np.dtype("int64"))), str(result_dtype("less", np.dtype("float32")))
    ('float64', 'bool')
    """
    if name == "where":
        return dtype
    function: Any = FUNCTIONS[name]
    return np.asarray(function(*[np.ones(1, dtype)] * function.nin)).dtype


def operand_dtype(dtypes: list[np.dtype[Any]], numbers: list[Any]) -> np.dtype[Any]:
    """Return the dtype to which operands are converted; numbers of Python have none of their own.

    >>> str(operand_dtype([np.dtype("float32")], [0.5]))
    'float32'
    """
    weak = [type(number)(1) for number in numbers]
    return np.result_type(*dtypes, *weak)


def as_number(value: Array) -> Any:
    """Return the result of a function of numbers as a number of Python."""
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else value
