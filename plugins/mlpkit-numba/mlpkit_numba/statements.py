"""The values of a program as statements of Python, each computed once."""

from mlpkit.backend_kit import Operation, Program
from mlpkit_numba.expressions import expression, step


class Statements:
    """The statements that compute values of one row, or inside a loop over the elements of vectors.

    Parameters
    ----------
    program : Program
        The program.
    inputs : dict of str
        The text of an input of the program by name, such as "y[i]"; for a vector, the name of an
        array of its elements.
    outside : Statements or None, default=None
        The statements before the loop, which compute the values that are scalars.

    Attributes
    ----------
    lines : list of str
        The statements so far.
    """

    def __init__(
        self, program: Program, inputs: dict[str, str], outside: "Statements | None" = None
    ) -> None:
        self.program, self.inputs, self.outside = program, inputs, outside
        self.lines: list[str] = []
        self._names: dict[tuple[int, str], str] = {}

    def add_numbers(self) -> None:
        """Append the statements of all values that are scalars, in the order of the program."""
        for place, op in enumerate(self.program.operations):
            if op.length is None:
                self.value(place)

    def value(self, place: int, element: str = "") -> str:
        """Return the name of a value, or of the element of a vector with this index."""
        op = self.program.operations[place]
        if op.name == "column":
            return self.value(op.arguments[0], str(op.detail[0]))
        if op.length is None:
            element = ""
            if self.outside is not None:
                return self.outside.value(place)
        key = place, element
        if key not in self._names:
            text = self._text(op, element)
            others = sum(known == place for known, _ in self._names)
            name = f"v{place}" if self.outside is None else f"e{place}"  # which the loop changes
            self._names[key] = f"{name}_{others}" if others else name
            self.lines.append(f"{self._names[key]} = {text}")
        return self._names[key]

    def _text(self, op: Operation, element: str) -> str:
        if op.name == "input":
            text = self.inputs[op.detail[0]]
            return f"{text}[{element}]" if op.length is not None else text
        if op.name == "slice":
            start, _, by = op.detail
            return self.value(op.arguments[0], f"{start} + {by} * ({element})")
        if op.name in ("sum", "max", "min"):
            return self._reduced(op)
        return expression(op, [self.value(place, element) for place in op.arguments])

    def _reduced(self, op: Operation) -> str:
        """Append a loop over the elements of a vector."""
        (place,) = op.arguments
        first = f"{op.dtype}(0)" if op.name == "sum" else self.value(place, "0")
        total = f"r{len(self.lines)}"
        inside = Statements(self.program, self.inputs, outside=self)
        element = inside.value(place, "j")
        self.lines += [f"{total} = {first}", f"for j in range({self._length(place)}):"]
        inside.lines.append(f"{total} = {step(op, total, element)}")
        self.lines += indented(inside.lines)
        return total

    def _length(self, place: int) -> int:
        return self.program.operations[place].length or 1


def indented(lines: list[str], depth: int = 1) -> list[str]:
    """Return lines with more indentation."""
    return [" " * 4 * depth + line for line in lines]
