"""What `fit` learns about the columns of a table, in one part for each kind of column."""

from collections.abc import Iterable, Iterator
from typing import Any, Self

from mlpkit.plugin import Array, Arrays, Column
from mlpkit_tabular.encoding.categories import Categories
from mlpkit_tabular.encoding.dates import Dates
from mlpkit_tabular.encoding.learning import LearnedColumn
from mlpkit_tabular.encoding.level_means import Means
from mlpkit_tabular.encoding.numeric import Booleans, Numbers
from mlpkit_tabular.encoding.schema import Reader

_KINDS: dict[str, Any] = {
    "numbers": Numbers,
    "dates": Dates,
    "booleans": Booleans,
    "categories": Categories,
    "means": Means,
}


class Parts:
    """The fitted parts of an encoder.

    Parameters
    ----------
    by_name : dict
        The parts by name, in the order of the encoded columns.
    """

    def __init__(self, by_name: dict[str, Any]) -> None:
        self.by_name = by_name

    def columns(self, names: tuple[str, ...]) -> tuple[Column, ...]:
        """Return the encoded columns of a table with these names of columns."""
        columns = [c for part in self.by_name.values() for c in part.columns(names)]
        return tuple(_with_unique_names(columns))

    def encode(self, reader: Reader) -> Iterator[Array]:
        """Return the encoded columns of rows, each (n,)."""
        return (column for part in self.by_name.values() for column in part.encode(reader))

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return arrays, and values that JSON can represent."""
        arrays: Arrays = {}
        settings: dict[str, Any] = {}
        for name, part in self.by_name.items():
            of_part, settings[name] = part.state()
            arrays |= {f"{name}.{key}": array for key, array in of_part.items()}
        return arrays, settings

    @classmethod
    def of_columns(cls, columns: Iterable[LearnedColumn]) -> Self:
        """Return the parts of all columns from what was learned about each of them."""
        learned: dict[str, list[Any]] = {name: [] for name in _KINDS}
        for column in columns:
            for name, part in column.parts.items():
                learned[name].append(part)
        return cls({name: kind.joined(learned[name]) for name, kind in _KINDS.items()})

    @classmethod
    def from_state(cls, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """Return the inverse of `state`; other settings are ignored."""
        return cls(
            {
                name: kind.from_state(_of_part(arrays, f"{name}."), settings[name])
                for name, kind in _KINDS.items()
            }
        )


def _of_part(arrays: Arrays, prefix: str) -> Arrays:
    """Return the arrays whose names begin with the prefix, without it."""
    return {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}


def _with_unique_names(columns: list[Column]) -> list[Column]:
    """The columns; a name that occurs before gets a number."""
    taken: set[str] = set()
    result = []
    for column in columns:
        name, number = column.name, 2
        while name in taken:
            name, number = f"{column.name}_{number}", number + 1
        taken.add(name)
        result.append(column._replace(name=name))
    return result
