"""A graph of ONNX while it is built: nodes, constants and unique names."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from mlpkit.plugin import Array

#: The length of the axis of rows, which is not known when a graph is built. The lengths of axes
#: that depend on it are its multiples; it is a prime that no other axis can reach.
ROWS = 2**31 - 1
LOWEST_OPSET = 13  # lowest version of the operators that the functions here use
ML = "ai.onnx.ml"  # the domain of operators for strings and labels
SMALL = 64  # number of elements up to which constants are compared by value

_CURRENT: ContextVar["Graph"] = ContextVar("graph")


class Graph:
    """Collects the nodes of a graph.

    Parameters
    ----------
    opset : int
        Version of the operators.
    unique : callable or None, default=None
        ``unique(name)`` returns a name that is not taken. None means unique names in this graph.
    """

    def __init__(self, opset: int, unique: Callable[[str], str] | None = None) -> None:
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.row_source = ""  # the name of a value whose first axis is that of rows
        self.domains = {"": opset}
        self._taken: set[str] = set()
        self._unique = unique or self._unique_here
        self._constants: dict[Any, tuple[str, Array]] = {}
        self._n_rows = ""

    def _unique_here(self, name: str) -> str:
        result, i = name, 1
        while result in self._taken:
            result, i = f"{name}_{i}", i + 1
        self._taken.add(result)
        return result

    def reserve(self, name: str) -> str:
        """Return a name for an input or an output: the given one, with a number if it is taken."""
        return self._unique(name)

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        domain: str = "",
        output: str = "",
        n_outputs: int = 1,
        **attributes: Any,
    ) -> str:
        """Add a node; return the name of its last output."""
        outputs = [self._unique(operator.lower()) for _ in range(n_outputs - 1)]
        outputs.append(output or self._unique(operator.lower()))
        if domain:
            self.domains[domain] = 3
        made = helper.make_node(operator, list(inputs), outputs, domain=domain, **attributes)
        self.nodes.append(made)
        return outputs[-1]

    def constant(self, array: Array, name: str = "constant") -> str:
        """Return the name of a constant; equal small arrays are stored once."""
        array = np.asarray(array)
        key: Any = id(array)
        if array.size <= SMALL and array.dtype != object:
            key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            unique = self._unique(name)
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), unique))
            if array.ndim == 0:  # `ascontiguousarray` makes it a vector
                self.initializers[-1] = numpy_helper.from_array(array, unique)
            self._constants[key] = unique, array  # the array lives as long as its id is a key
        return self._constants[key][0]

    def shape(self, lengths: Sequence[int]) -> str:
        """Return the name of a shape, int64, in which the number of rows is that of the input."""
        if not any(length and length % ROWS == 0 for length in lengths):
            return self.constant(np.array(lengths, dtype=np.int64))
        parts = []
        for length in lengths:
            if length and length % ROWS == 0:
                factor = self.constant(np.array([length // ROWS], dtype=np.int64))
                parts.append(self.node("Mul", [self._number_of_rows(), factor]))
            else:
                parts.append(self.constant(np.array([length], dtype=np.int64)))
        return self.node("Concat", parts, axis=0)

    def _number_of_rows(self) -> str:
        """Return the name of the number of rows, int64 of shape (1,)."""
        if not self._n_rows:
            shape = self.node("Shape", [self.row_source])
            first = self.constant(np.array([0], dtype=np.int64))
            self._n_rows = self.node("Gather", [shape, first])
        return self._n_rows

    @contextmanager
    def current(self) -> Iterator[None]:
        """Inside, functions without a tensor among their arguments add nodes to this graph."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


def current_graph() -> Graph:
    """Return the graph that is being built."""
    return _CURRENT.get()


def onnx_type(dtype: Any) -> int:
    """Return the type of ONNX of a dtype of NumPy."""
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def has_rows(length: int) -> bool:
    """Whether the length of an axis depends on the number of rows.

    >>> has_rows(5 * ROWS), has_rows(0), has_rows(64)
    (True, False, False)
    """
    return length > 0 and length % ROWS == 0
