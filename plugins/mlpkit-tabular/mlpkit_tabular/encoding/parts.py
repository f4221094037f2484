"""What `fit` learns about the columns of a table, in one part for each kind of column."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from mlpkit.plugin import Array, Arrays, Column
from mlpkit_tabular.encoding.categories import Categories, Levels, learn_levels
from mlpkit_tabular.encoding.dates import Dates
from mlpkit_tabular.encoding.level_means import LevelMeans, Means, learn_means
from mlpkit_tabular.encoding.numeric import Booleans, Numbers
from mlpkit_tabular.encoding.schema import Reader
from mlpkit_tabular.encoding.values import Values

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
    def from_state(cls, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """Return the inverse of `state`; other settings are ignored."""
        return cls(
            {
                name: kind.from_state(_of_part(arrays, f"{name}."), settings[name])
                for name, kind in _KINDS.items()
            }
        )


def learn_parts(
    values: list[Values],
    number_targets: Array | None,
    mean_targets: Array | None,
    limits: dict[str, Any],
) -> tuple[Parts, Array]:
    """Fit each part to the columns of its kinds.

    Parameters
    ----------
    values : list of Values
        The columns of the table.
    number_targets, mean_targets : ndarray of shape (n, n_outputs) or None
        The targets for the exact values of numbers, and for the means of levels; None turns these
        off.
    limits : dict
        The arguments ``min_count``, ``max_levels`` and ``max_one_hot`` of `learn_levels`.

    Returns
    -------
    parts : Parts
    means : ndarray of shape (n_means, n)
        The encoded means of the rows of `fit`.
    """
    n = len(values[0].data)

    def of_kind(*kinds: str) -> tuple[list[int], list[Array]]:
        positions = [i for i, v in enumerate(values) if v.kind in kinds]
        return positions, [values[i].data for i in positions]

    def stacked(columns: list[Array]) -> Array:
        return np.stack(columns) if columns else np.empty((0, n))

    positions, numbers = of_kind("number", "duration", "time")
    tied = Numbers.fit(stacked(numbers), positions, number_targets, limits["min_count"])
    date_positions, dates = of_kind("date")
    boolean_positions, booleans = of_kind("boolean")
    categories, means, encoded = _learn_categories(
        values, of_kind("category")[0], mean_targets, limits
    )
    parts = {
        "numbers": tied,
        "dates": Dates.fit(dates, date_positions),
        "booleans": Booleans.fit(stacked(booleans), boolean_positions),
        "categories": categories,
        "means": means,
    }
    return Parts(parts), np.concatenate([np.empty((0, n)), *encoded])


def _learn_categories(
    values: list[Values], positions: list[int], targets: Array | None, limits: dict[str, Any]
) -> tuple[Categories, Means, list[Array]]:
    """Fit the levels of categories and their means; also return the encoded means."""
    features: list[Levels] = []
    means: list[LevelMeans] = []
    encoded: list[Array] = []
    for i in positions:
        feature = learn_levels(values[i], i, **limits)
        features += [] if feature is None else [feature]
        is_folded = feature is None or feature.rare
        if not is_folded or targets is None or len(values[i].levels) < 2:
            continue
        # a constant feature has one slot
        slots = feature.slots(values[i]) if feature else np.zeros(len(targets), dtype=int)
        learned = learn_means(values[i], slots, targets, i)
        if learned:
            means.append(learned[0])
            encoded.append(learned[1])
    return Categories(features), Means(means), encoded


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
