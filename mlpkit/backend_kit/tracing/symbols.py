"""Symbols: what a solver or a loss receives in place of arrays while it is traced."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit.backend_kit.tracing import functions, shapes
from mlpkit.backend_kit.tracing.programs import Operation, number_of
from mlpkit.backend_kit.tracing.recordings import Recording


def _operator(name: str, reflected: bool = False) -> "Callable[[Symbol, Any], Symbol]":
    """Return the method of an operator, for an elementwise function."""

    def method(self: "Symbol", other: Any) -> Any:  # or NotImplemented
        if not isinstance(other, Symbol | int | float | np.generic | np.ndarray):
            return NotImplemented
        return elementwise(name, other, self) if reflected else elementwise(name, self, other)

    return method


class Symbol:
    """An array of known shape and dtype and unknown values.

    It has the operators of arrays. Symbols are never changed: ``m *= b`` rebinds the name.

    Parameters
    ----------
    recording : Recording
        Where operations are added.
    place : int
        The place of its operation.
    shape : tuple
        The shape. The length of the first axis may be `Rows`.
    dtype : dtype
        The dtype.
    is_number : bool, default=False
        Whether it stands for a number of Python, such as the learning rate.
    """

    __slots__ = ("dtype", "is_number", "place", "recording", "shape")
    __array_ufunc__ = None  # NumPy's numbers and arrays leave operators to this class

    def __init__(
        self, recording: Recording, place: int, shape: Any, dtype: Any, is_number: bool = False
    ) -> None:
        self.recording, self.place, self.shape = recording, place, tuple(shape)
        self.dtype, self.is_number = np.dtype(dtype), is_number

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"a symbol of shape {self.shape}, dtype {self.dtype}"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"While the {self.recording.kind} is traced, its arrays have no attribute {name!r},"
            f" only shape, ndim and dtype. Use a function of `xp`, such as xp.{name} if it exists."
        )

    def _value(self) -> Any:
        raise self.recording.value_error("the learning rate" if self.is_number else "an array")

    __bool__ = __float__ = __int__ = __index__ = __complex__ = _value

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise self.recording.error(
            "passed an array to a function of NumPy", "Use the functions of `xp`."
        )

    def __len__(self) -> int:
        return int(self.shape[0])

    def __iter__(self) -> Any:
        raise self.recording.error("iterated over the first axis", "Use the functions of `xp`.")

    def __setitem__(self, index: Any, value: Any) -> None:
        raise self.recording.error("assigned to elements of an array", "Use xp.where.")

    def __getitem__(self, index: Any) -> "Symbol":
        shape, inner = shapes.indexed(self.recording, self.shape, index)
        return selected(self, shape, inner)

    __eq__: Any = _operator("equal")  # so symbols have no hash
    __ne__: Any = _operator("not_equal")
    __lt__, __le__ = _operator("less"), _operator("less_equal")
    __gt__, __ge__ = _operator("greater"), _operator("greater_equal")
    __add__, __radd__ = _operator("add"), _operator("add", reflected=True)
    __sub__, __rsub__ = _operator("subtract"), _operator("subtract", reflected=True)
    __mul__, __rmul__ = _operator("multiply"), _operator("multiply", reflected=True)
    __truediv__, __rtruediv__ = _operator("divide"), _operator("divide", reflected=True)
    __and__, __rand__ = _operator("logical_and"), _operator("logical_and", reflected=True)
    __or__, __ror__ = _operator("logical_or"), _operator("logical_or", reflected=True)
    __xor__, __rxor__ = _operator("logical_xor"), _operator("logical_xor", reflected=True)
    __rshift__ = _operator("bitwise_right_shift")
    __rrshift__ = _operator("bitwise_right_shift", reflected=True)

    def __neg__(self) -> Any:
        return elementwise("negative", self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return elementwise("abs", self)

    def __invert__(self) -> Any:
        return elementwise("logical_not", self)

    def __pow__(self, other: Any) -> Any:
        return power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return power(other, self)


def elementwise(name: str, *operands: Any) -> Any:
    """Return the result of an elementwise function of symbols, arrays and numbers."""
    recording = next((o.recording for o in operands if isinstance(o, Symbol)), None)
    if recording is None:
        return functions.as_number(functions.FUNCTIONS[name](*operands))
    if all(o.is_number if isinstance(o, Symbol) else is_number(o) for o in operands):
        return _of_numbers(recording, name, operands)
    values = [o if is_number(o) else as_symbol(recording, o) for o in operands]
    dtype = _operand_dtype(values[1:] if name == "where" else values)
    result = functions.result_dtype(name, dtype)
    if result.kind == "f" and dtype.kind != "f":
        dtype = result
    dtypes = [np.dtype(bool), dtype, dtype] if name == "where" else [dtype] * len(values)
    arguments = [_argument(recording, v, d) for v, d in zip(values, dtypes, strict=True)]
    shape = shapes.broadcast(recording, [v.shape for v in values if isinstance(v, Symbol)])
    length = shapes.length(recording, shape)
    if all(recording.operations[i].length is None for i in arguments):
        length = None  # all elements of the vectors are equal
    place = recording.add(Operation(name, tuple(arguments), (), result.name, length))
    return Symbol(recording, place, shape, result)


def power(x: Any, y: Any) -> Any:
    """Return x to the power of y. Exponents that are known are part of the program."""
    if is_number(y) and isinstance(x, Symbol) and not x.is_number:
        if y == 2:
            return elementwise("square", x)
        if y == 0.5:
            return elementwise("sqrt", x)
        dtype = _operand_dtype([x, y])
        y = Symbol(x.recording, x.recording.constant(y, dtype), (), dtype)
    return elementwise("pow", x, y)


def is_number(value: Any) -> bool:
    """Return whether a value is a number of Python, whose dtype adapts to arrays."""
    return isinstance(value, int | float) and not isinstance(value, np.generic)


def as_symbol(recording: Recording, value: Any) -> Symbol:
    """Return a symbol of an array or a number."""
    if isinstance(value, Symbol):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise recording.error(f"used an array of dtype {array.dtype}")
    length = shapes.length(recording, array.shape)
    places = [recording.constant(element, array.dtype) for element in array.ravel().tolist()]
    place = places[0] if length is None else joined(recording, places, array.dtype)
    return Symbol(recording, place, array.shape, array.dtype)


def vector_of(x: Symbol) -> int:
    """Return the place of an operation with all elements of each row of a symbol.

    Vectors with equal elements are one number for each row until then.
    """
    length = shapes.length(x.recording, x.shape)
    if length is None or x.recording.operations[x.place].length is not None:
        return x.place
    return joined(x.recording, [x.place] * length, x.dtype)


def joined(recording: Recording, places: list[int], dtype: Any) -> int:
    """Return the place of a vector of numbers and vectors."""
    if len(places) == 1:
        return places[0]
    lengths = (recording.operations[i].length or 1 for i in places)
    op = Operation("join", tuple(places), (), np.dtype(dtype).name, sum(lengths))
    return recording.add(op)


def converted(x: Symbol, dtype: Any) -> Symbol:
    """Return a symbol with another dtype."""
    dtype = np.dtype(dtype)
    if x.is_number:
        return Symbol(x.recording, _argument(x.recording, x, dtype), (), dtype)
    if x.dtype == dtype:
        return x
    op = x.recording.operations[x.place]
    if op.name == "constant":
        return Symbol(x.recording, x.recording.constant(number_of(op), dtype), x.shape, dtype)
    place = x.recording.add(Operation("astype", (x.place,), (), dtype.name, op.length))
    return Symbol(x.recording, place, x.shape, dtype)


def selected(x: Symbol, shape: tuple[Any, ...], inner: tuple[int, ...] | None) -> Symbol:
    """Return elements of the vectors of a symbol; None means all of them."""
    recording, op = x.recording, x.recording.operations[x.place]
    if x.is_number:
        raise recording.error("indexed the learning rate")
    if inner is None or op.length is None:
        return Symbol(recording, x.place, shape, x.dtype)
    if len(inner) == 1:
        part = Operation("column", (x.place,), inner, op.dtype, None)
    else:
        step = inner[1] - inner[0]
        stop: int | None = inner[-1] + (1 if step > 0 else -1)
        stop = None if stop == -1 else stop
        part = Operation("slice", (x.place,), (inner[0], stop, step), op.dtype, len(inner))
    return Symbol(recording, recording.add(part), shape, x.dtype)


def _operand_dtype(values: list[Any]) -> np.dtype[Any]:
    dtypes = [v.dtype for v in values if isinstance(v, Symbol) and not v.is_number]
    numbers = [v for v in values if is_number(v)]
    numbers += [
        1.0 for v in values if isinstance(v, Symbol) and v.is_number and v.dtype.kind != "b"
    ]
    return functions.operand_dtype(dtypes, numbers)


def _argument(recording: Recording, value: Any, dtype: np.dtype[Any]) -> int:
    """Return the place of a value in the dtype."""
    if not isinstance(value, Symbol):
        if recording.kind == "solver" and isinstance(value, float) and dtype.kind == "f":
            return recording.scalar(recording.number(value), dtype)
        return recording.constant(value, dtype)
    if not value.is_number:
        return converted(value, dtype).place
    if dtype.kind != "b":
        return recording.scalar(value.place, dtype)
    number = Symbol(recording, recording.scalar(value.place, "float64"), (), "float64")
    is_true: Symbol = elementwise("not_equal", number, 0)
    return is_true.place


def _of_numbers(recording: Recording, name: str, operands: tuple[Any, ...]) -> Symbol:
    """Return the result of a function of the learning rate and numbers."""
    places = tuple(o.place if isinstance(o, Symbol) else recording.number(o) for o in operands)
    operated = places[1:] if name == "where" else places
    kinds = [recording.number_operations[i].dtype for i in operated]
    dtype = np.dtype("bool" if set(kinds) == {"bool"} else "float64")
    dtype = functions.result_dtype(name, dtype)
    op = Operation(name, places, (), dtype.name, None)
    return Symbol(recording, recording.add(op, of_numbers=True), (), dtype, is_number=True)
