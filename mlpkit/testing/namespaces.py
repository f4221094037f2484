"""Calls of every function of `NAMESPACE`, and the network that makes them in a backend."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit.plugin import NAMESPACE, Arrays, Network

Expression = Callable[[Any, Any], Any]  # of the namespace and of the arrays of `arrays_of`

_UNARY = ("sign", "square", "exp", "expm1", "sin", "cos", "tanh", "floor", "round")
_ACTIVATIONS = [name for name, entry in NAMESPACE.items() if entry.group == "activation"]


def _unary(name: str) -> Expression:
    return lambda xp, a: getattr(xp, name)(a["x"])


def _reduced(name: str) -> list[Expression]:
    return [
        lambda xp, a: getattr(xp, name)(a["x"]),
        lambda xp, a: getattr(xp, name)(a["x"], axis=-1),
        lambda xp, a: getattr(xp, name)(a["cube"], axis=(0, 2), keepdims=True),
    ]


#: Calls of each function. Their results are compared with those of NumPy.
EXPRESSIONS: dict[str, list[Expression]] = {
    **{name: [_unary(name)] for name in (*_UNARY, *_ACTIVATIONS, "abs")},
    **{name: _reduced(name) for name in ("sum", "mean", "max", "min")},
    "softmax": [lambda xp, a: xp.softmax(a["x"]), lambda xp, a: xp.softmax(a["cube"], axis=1)],
    "sqrt": [lambda xp, a: xp.sqrt(xp.abs(a["x"]))],
    "log": [lambda xp, a: xp.log(xp.abs(a["x"]))],
    "log1p": [lambda xp, a: xp.log1p(xp.abs(a["x"]))],
    "isfinite": [lambda xp, a: xp.isfinite(a["special"])],
    "isnan": [lambda xp, a: xp.isnan(a["special"])],
    "pow": [lambda xp, a: xp.pow(xp.abs(a["x"]), 1.5), lambda xp, a: xp.pow(a["x"], 2)],
    "maximum": [
        lambda xp, a: xp.maximum(a["x"], a["row"]),
        lambda xp, a: xp.maximum(a["x"], 0),
        lambda xp, a: xp.maximum(0.5, a["x"]),
    ],
    "minimum": [
        lambda xp, a: xp.minimum(a["x"], a["row"]),
        lambda xp, a: xp.minimum(a["x"], 0.5),
        lambda xp, a: xp.minimum(0, a["x"]),
    ],
    "clip": [lambda xp, a: xp.clip(a["x"], -0.5, 1)],
    "where": [
        lambda xp, a: xp.where(a["x"] > 0, a["x"], a["row"]),
        lambda xp, a: xp.where(a["x"] > 0, a["x"], 0),
        lambda xp, a: xp.where(a["x"] > 0, 0.5, a["x"]),
        lambda xp, a: xp.where((a["x"] > 0) & ~(a["x"] > 1), a["x"], 0.0),
    ],
    "bitwise_right_shift": [lambda xp, a: xp.bitwise_right_shift(xp.arange(9), 1)],
    "cumulative_sum": [lambda xp, a: xp.cumulative_sum(a["x"], axis=1)],
    "sort": [lambda xp, a: xp.sort(a["x"]), lambda xp, a: xp.sort(a["x"], axis=0)],
    "argsort": [lambda xp, a: xp.argsort(a["with_zero"]), lambda xp, a: xp.argsort(a["x"], axis=0)],
    "matmul": [
        lambda xp, a: xp.matmul(a["x"], a["weights"]),
        lambda xp, a: a["x"] @ a["weights"],
        lambda xp, a: xp.matmul(a["cube"], a["weights"]),
        lambda xp, a: xp.matmul(a["cube"], a["matrices"]),
        lambda xp, a: xp.matmul(a["x"], a["matrices"]),
        lambda xp, a: xp.matmul(
            a["cube"][:, None] * xp.ones((3, 1, 1), a["x"].dtype), a["matrices"][:, None]
        ),
    ],
    "einsum": [
        lambda xp, a: xp.einsum("nd,de->ne", a["x"], a["weights"]),
        lambda xp, a: xp.einsum("...nd,...de->...ne", a["cube"], a["matrices"]),
        lambda xp, a: xp.einsum("fnd->dn", a["cube"]),
    ],
    "reshape": [
        lambda xp, a: xp.reshape(a["cube"], (-1, 4)),
        lambda xp, a: xp.reshape(a["x"], (*a["x"].shape[:-1], 2, 2)),
    ],
    "permute_dims": [lambda xp, a: xp.permute_dims(a["cube"], (2, 0, 1))],
    "moveaxis": [
        lambda xp, a: xp.moveaxis(a["cube"], 0, 1),
        lambda xp, a: xp.moveaxis(a["cube"], 0, -1),
        lambda xp, a: xp.moveaxis(a["cube"], -1, 0),
    ],
    "expand_dims": [lambda xp, a: xp.expand_dims(a["x"], axis=-2), lambda xp, a: a["x"][..., None]],
    "broadcast_to": [lambda xp, a: xp.broadcast_to(a["x"][None], (2, *a["x"].shape))],
    "concat": [
        lambda xp, a: xp.concat([a["x"], a["x"]]),
        lambda xp, a: xp.concat((a["cube"], 2 * a["cube"]), axis=-1),
    ],
    "stack": [lambda xp, a: xp.stack([a["x"], a["x"]], axis=-1)],
    "take": [
        lambda xp, a: xp.take(a["row"], a["codes"], axis=0),
        lambda xp, a: xp.take(a["cube"], a["codes"], axis=1),
        lambda xp, a: xp.take(a["cube"], xp.astype(a["row"] * 0 + 1, xp.int32), axis=-1),
    ],
    "take_along_axis": [
        lambda xp, a: xp.take_along_axis(a["x"], a["codes"], axis=1),
        lambda xp, a: xp.take_along_axis(a["cube"], a["codes"][:2, :, None], axis=1),
    ],
    "asarray": [
        lambda xp, a: xp.asarray([[1.0, 2.0]], dtype=a["x"].dtype),
        lambda xp, a: xp.asarray(np.arange(3), dtype=xp.int32),
        lambda xp, a: xp.asarray(0.5, dtype=a["x"].dtype),
    ],
    "astype": [
        lambda xp, a: xp.astype(a["x"], xp.int32),
        lambda xp, a: xp.astype(a["x"] > 0, a["x"].dtype),
        lambda xp, a: xp.astype(a["codes"], a["x"].dtype),
    ],
    "zeros": [lambda xp, a: xp.zeros((2, 3), dtype=a["x"].dtype)],
    "ones": [lambda xp, a: xp.ones((2, 3), dtype=a["x"].dtype)],
    "zeros_like": [lambda xp, a: xp.zeros_like(a["x"])],
    "ones_like": [lambda xp, a: xp.ones_like(a["x"])],
    "arange": [lambda xp, a: xp.arange(5)],
    "pi": [lambda xp, a: a["x"] * xp.pi],
    "finfo": [
        lambda xp, a: a["x"] * 0 + float(xp.finfo(a["x"].dtype).eps),
        lambda xp, a: a["x"] * 0 + float(xp.finfo(a["x"].dtype).max),
        lambda xp, a: a["x"] * 0 + float(xp.finfo(a["x"].dtype).min),
    ],
    "float32": [lambda xp, a: xp.astype(a["x"], xp.float32)],
    # of a network in float64: a backend may have no such arrays in others
    "float64": [
        lambda xp, a: xp.astype(a["x"], xp.float64 if "64" in str(a["x"].dtype) else xp.float32)
    ],
    "int32": [lambda xp, a: xp.astype(a["x"], xp.int32)],
    "bool": [lambda xp, a: xp.astype(a["with_zero"], xp.bool)],
}


def arrays_of(dtype: str) -> Arrays:
    """Return the arrays of `EXPRESSIONS`, without ties and with whole numbers in ``codes``."""
    rng = np.random.RandomState(0)
    shapes = {"x": (3, 4), "row": (4,), "cube": (2, 3, 4), "weights": (4, 5), "matrices": (2, 4, 5)}
    arrays = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    return {
        **arrays,
        "with_zero": np.array([0, 1, 0, -2], dtype),
        "special": np.array([np.inf, np.nan, 1, 0], dtype),
        "codes": rng.randint(3, size=(3, 4)).astype(np.int32),
    }


class Calls:
    """The forward pass of a network whose outputs are the results of all calls, as one row.

    Parameters
    ----------
    names : iterable of str
        Names of the functions to call.

    Attributes
    ----------
    results : dict
        Shape and dtype of each result by name and number of the call, or the error that it raised.
    """

    def __init__(self, names: Any = tuple(EXPRESSIONS)) -> None:
        self.names = tuple(names)
        self.results: dict[tuple[str, int], Any] = {}

    def __call__(self, xp: Any, arrays: Any, x: Any, step: Any = None) -> tuple[Any, Any]:
        """Return the results as outputs (n, n_results), the same for each row."""
        results = []
        for name in self.names:
            for i, call in enumerate(EXPRESSIONS[name]):
                try:
                    result = call(xp, arrays)
                    results.append(xp.astype(xp.reshape(result, (-1,)), x.dtype))
                    self.results[name, i] = tuple(result.shape), kind_and_size(result.dtype)
                except Exception as error:
                    self.results[name, i] = error
        row = xp.concat(results)
        return xp.broadcast_to(row[None, :], (x.shape[0], row.shape[0])), {}

    def network(self, dtype: str) -> Network:
        """Return the network of these calls."""
        frozen = frozenset({"special", "codes", "with_zero"})
        return Network(arrays_of(dtype), xp_apply=self, frozen=frozen)

    def parts(self, row: Any) -> dict[tuple[str, int], Any]:
        """Return the values of each call from the row of all."""
        sizes = [int(np.prod(shape_and_dtype[0])) for shape_and_dtype in self.results.values()]
        return dict(zip(self.results, np.split(row, np.cumsum(sizes)[:-1]), strict=True))


def kind_and_size(dtype: Any) -> str:
    """Return a dtype of any framework as text, without the size of integers.

    >>> kind_and_size(np.dtype("float32")), kind_and_size(np.dtype("int64"))
    ('float32', 'int')
    """
    match = re.search(r"float\d+|u?int|bool", str(dtype))
    return match.group() if match else str(dtype)
