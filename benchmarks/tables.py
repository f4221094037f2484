"""Markdown tables whose rows are contenders and whose columns are questions."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from benchmarks.contenders import CONTENDERS, TITLES


class Column(NamedTuple):
    """A column: its title, the value of each contender, and how a value is written."""

    title: str
    value: Callable[[str], float | None]
    form: str = "{:#.3g}"


def ours(name: str) -> bool:
    """Return whether a contender is a backend of mlpkit that trains."""
    return name.startswith("mlpkit") and name != "mlpkit-idle"


def floor(name: str) -> bool:
    """Return whether a contender computes only the matrix products."""
    return name.startswith("floor")


def peer(name: str) -> bool:
    """Return whether a contender is another library."""
    return not (name.startswith("mlpkit") or floor(name))


def title(name: str) -> str:
    """Return how tables name a contender."""
    return TITLES.get(name, name)


def by_contender(
    columns: Sequence[Column],
    names: Sequence[str] = tuple(CONTENDERS),
    first: Sequence[list[str]] = (),
    last: Sequence[list[str]] = (),
) -> str:
    """Return a table with a row for each contender that has a value.

    The shortest time of each column is bold. ``first`` and ``last`` are other rows, before and
    after these.
    """
    values = {name: [column.value(name) for column in columns] for name in names}
    values = {name: row for name, row in values.items() if any(v is not None for v in row)}
    lines = [["", *(column.title for column in columns)], *first]
    rivals = [row for name, row in values.items() if ours(name) or peer(name)]
    least = [
        min((v for v in column if v is not None), default=None)
        for column in zip(*rivals, strict=True)
    ]
    for name, row in values.items():
        cells = [text(v, c.form) for v, c in zip(row, columns, strict=True)]
        if not floor(name):
            cells = [
                f"**{cell}**" if v is not None and v == low and len(rivals) > 1 else cell
                for cell, v, low in zip(cells, row, least, strict=True)
            ]
        lines.append([title(name), *cells])
    return markdown([*lines, *last])


def markdown(lines: Sequence[list[str]]) -> str:
    """Return a table in Markdown; the first line has the names of the columns."""
    rule = ["---"] * len(lines[0])
    return "\n".join("| " + " | ".join(line) + " |" for line in (lines[0], rule, *lines[1:]))


def text(value: Any, form: str = "{:#.3g}") -> str:
    """Return a cell."""
    if value is None:
        return ""
    is_large = isinstance(value, int) or value >= 1_000
    return f"{value:,.0f}" if is_large else form.format(value).removesuffix(".")
