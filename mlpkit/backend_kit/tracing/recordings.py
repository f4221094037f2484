"""The operations of a solver or a loss while it is called on symbols."""

from typing import Any, Literal

import numpy as np

from mlpkit.backend_kit.tracing.programs import Operation
from mlpkit.plugin import InvalidResult, PluginError, Unsupported


class Rows:
    """The number of rows of a traced array, or of weights: unknown, so it is not an int.

    It equals itself, and may be part of a shape.
    """

    def __init__(self, recording: "Recording", text: str = "n") -> None:
        self.recording, self.text = recording, text

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def _used(self, *others: Any) -> Any:
        raise self.recording.error("used the length of the first axis as a number", _OTHER_ROWS)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _used
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __pow__ = __mod__ = _used
    __lt__ = __le__ = __gt__ = __ge__ = __int__ = __float__ = __index__ = __bool__ = _used


_OTHER_ROWS = {
    "solver": "An update of a `Solver` is elementwise; a `Joint` receives whole arrays.",
    "loss": "The loss of a row may only depend on that row.",
}


class Recording:
    """A list of operations without duplicates.

    There are two lists: operations of arrays, and operations of numbers alone, which are evaluated
    in float64 before the steps. The numbers of a solver that arrays meet are among the latter, so
    another value of an option needs no other program.

    Parameters
    ----------
    kind : {"solver", "loss"}
        What is called, for messages.
    """

    def __init__(self, kind: Literal["solver", "loss"]) -> None:
        self.kind = kind
        self.operations: list[Operation] = []
        self.number_operations: list[Operation] = []
        self._places: dict[tuple[bool, Operation], int] = {}
        self._scalars: dict[int, int] = {}
        self.rows = Rows(self)

    @property
    def scalar_outputs(self) -> tuple[int, ...]:
        """The operations of numbers whose values the program of arrays receives, in its order."""
        return tuple(self._scalars)

    def add(self, op: Operation, of_numbers: bool = False) -> int:
        """Return the place of an operation. It is added unless the list contains an equal one."""
        operations = self.number_operations if of_numbers else self.operations
        place = self._places.setdefault((of_numbers, op), len(operations))
        if place == len(operations):
            operations.append(op)
        return place

    def constant(self, value: Any, dtype: Any) -> int:
        """Return the place of a number in an operation of arrays."""
        name = np.dtype(dtype).name
        text = repr(bool(value)) if name == "bool" else repr(float(value))
        return self.add(Operation("constant", (), (text,), name, None))

    def number(self, value: float) -> int:
        """Return the place of a number among the operations of numbers.

        Equal floats are different places: they may be different options of another solver.
        """
        op = Operation("constant", (), (repr(float(value)),), "float64", None)
        if isinstance(value, int):
            return self.add(op, of_numbers=True)
        self.number_operations.append(op)
        return len(self.number_operations) - 1

    def scalar(self, place: int, dtype: Any) -> int:
        """Return the place of the value of an operation of numbers in an operation of arrays."""
        index = self._scalars.setdefault(place, len(self._scalars))
        return self.add(Operation("scalar", (), (index,), np.dtype(dtype).name, None))

    def error(self, what: str, remedy: dict[str, str] | str = "") -> PluginError:
        """Return the error about something that cannot be traced."""
        remedy = remedy if isinstance(remedy, str) else remedy[self.kind]
        return InvalidResult(f"The {self.kind} {what}. {remedy}".rstrip(), self.kind)

    def value_error(self, what: str) -> PluginError:
        """Return the error about code that depends on the value of a symbol."""
        error = self.error(
            f"used the value of {what} in Python, for example in an `if`",
            "Use xp.where instead of `if`.",
        )
        if self.kind == "loss":
            return error
        unsupported = Unsupported("branching_solvers")
        unsupported.__cause__ = error
        return unsupported
