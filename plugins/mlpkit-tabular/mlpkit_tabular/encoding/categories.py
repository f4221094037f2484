"""The encoding of categories: one-hot columns for a few levels, codes for more."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from mlpkit.plugin import Array, Arrays, Column
from mlpkit_tabular.encoding.schema import Reader
from mlpkit_tabular.encoding.values import Values


class Levels(NamedTuple):
    """The levels of a categorical column.

    The slots of a column are its levels, in their order, then one for rare levels, if there were
    any, then one for missing values, if there were any, and, if there were no rare levels, one for
    levels that were not seen; with rare levels, a level that was not seen counts as rare.

    Parameters
    ----------
    position : int
        The column of the table.
    levels : tuple of str
        The frequent levels, sorted.
    rare, missing : bool
        Whether there were rare levels, and missing values.
    one_hot : bool
        Whether the slots are columns. The last one is all zeros then, if it is for unseen levels.
    """

    position: int
    levels: tuple[str, ...]
    rare: bool
    missing: bool
    one_hot: bool

    @property
    def n_slots(self) -> int:
        """The number of slots."""
        return len(self.levels) + 1 + self.missing

    def slots(self, values: Values, known: dict[str, int] | None = None) -> Array:
        """The slot of each value, (n,); ``known`` has the slot of each level."""
        known = {level: i for i, level in enumerate(self.levels)} if known is None else known
        unseen, missing = self.last_slots()
        of_level = [known.get(level, unseen) for level in values.levels]
        return np.array([*of_level, missing])[values.data]  # -1 is the last one

    def slots_of_strings(self, strings: list[str | None], known: dict[str, int]) -> list[int]:
        """The slot of each string; None is a missing value."""
        unseen, missing = self.last_slots()
        return [missing if s is None else known.get(s, unseen) for s in strings]

    def last_slots(self) -> tuple[int, int]:
        """The slot of levels that are rare or were not seen, and that of missing values."""
        n = len(self.levels)
        unseen = n if self.rare else n + self.missing
        return unseen, n + self.rare if self.missing else unseen

    def columns(self, name: str) -> list[Column]:
        """The encoded columns."""
        if not self.one_hot:
            return [Column(name, name, "category", self.n_slots)]
        names = [*self.levels, *["rare"] * self.rare]
        indicators = [Column(f"{name}_missing", name, "missing")] * self.missing
        return [*(Column(f"{name}_{level}", name, "one_hot") for level in names), *indicators]


def learn_levels(
    values: Values, position: int, *, min_count: float, max_levels: int, max_one_hot: int
) -> Levels | None:
    """Return the levels of a categorical column, or None if it is constant.

    Parameters
    ----------
    values : Values
        The values of the column.
    position : int
        The position of the column in the table.
    min_count : float
        Levels that occur less often are rare.
    max_levels : int
        The most frequent levels that are not rare.
    max_one_hot : int
        Up to this number of levels, the slots are columns.
    """
    counts = np.bincount(values.data[values.data >= 0], minlength=len(values.levels))
    order = sorted(range(len(counts)), key=lambda i: (-counts[i], values.levels[i]))
    frequent = [i for i in order if counts[i] >= max(min_count, 1)][:max_levels]
    levels = tuple(sorted(values.levels[i] for i in frequent))
    rare = bool(np.count_nonzero(counts) > len(levels))
    missing = bool(np.any(values.data < 0))
    if len(levels) + rare + missing <= 1:
        return None
    if len(levels) + rare == 1:  # only whether it is missing varies
        levels, rare = (), False
    return Levels(position, levels, rare, missing, len(levels) <= max_one_hot)


class Categories:
    """Categorical columns."""

    def __init__(self, features: list[Levels]) -> None:
        self.features = features
        self.known = [{level: i for i, level in enumerate(f.levels)} for f in features]

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the columns of several parts as one."""
        return cls([feature for part in parts for feature in part.features])

    def columns(self, names: tuple[str, ...]) -> list[Column]:
        """The encoded columns."""
        return [column for f in self.features for column in f.columns(names[f.position])]

    def encode(self, reader: Reader) -> list[Array]:
        """The encoded columns of rows, each (n,)."""
        result: list[Array] = []
        for feature, known in zip(self.features, self.known, strict=True):
            strings = reader.read_strings(feature.position)
            if strings is None:
                slots = feature.slots(reader.read(feature.position), known)
            else:
                slots = np.array(feature.slots_of_strings(strings, known))
            if feature.one_hot:
                width = len(feature.levels) + feature.rare + feature.missing
                result += list(np.arange(width)[:, None] == slots)
            else:
                result.append(slots)
        return result

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """No arrays, and values that JSON can represent."""
        return {}, {"features": [[*f[:1], list(f.levels), *f[2:]] for f in self.features]}

    @classmethod
    def from_state(cls, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """The inverse of `state`."""
        return cls(
            [
                Levels(position, tuple(levels), *flags)
                for position, levels, *flags in settings["features"]
            ]
        )
