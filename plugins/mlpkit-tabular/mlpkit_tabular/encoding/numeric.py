"""The encoding of numbers, booleans, durations and times of day."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from mlpkit.plugin import Array, Arrays, Column
from mlpkit_tabular.encoding.scaling import Scales, learn_scales
from mlpkit_tabular.encoding.schema import Reader
from mlpkit_tabular.encoding.tied_values import codes_of, tied_values


def varies(flags: Array) -> Array:
    """Whether some but not all flags of each row are set, (k,) of (k, n)."""
    return np.asarray(flags.any(axis=1) & ~flags.all(axis=1))


def joined_flags(flags: Sequence[Array]) -> Array:
    """The flags of several parts as one array."""
    return np.concatenate([np.zeros(0, dtype=bool), *flags])


class Numbers(NamedTuple):
    """Numeric columns: scaled numbers, indicators of missing values, codes of exact values.

    Parameters
    ----------
    positions : tuple of int
        The columns of the table, k of them.
    scales : Scales
        How they are scaled. A column whose factor is zero has no scaled numbers.
    missing : ndarray of shape (k,)
        Whether the column has an indicator of missing values.
    tied : dict of ndarray
        The exact values that have a code, by position in ``positions``.
    """

    positions: tuple[int, ...]
    scales: Scales
    missing: Array
    tied: dict[int, Array]

    @classmethod
    def fit(cls, x: Array, position: int, y: Array | None, min_count: float) -> Self:
        """Learn from a column of numbers, (n,), NaN where they are missing."""
        scales, missing = learn_scales(x[None]), varies(np.isnan(x[None]))
        if not scales.factor[0] and not missing[0]:
            return cls.joined([])
        values = np.zeros(0) if y is None else tied_values(x, y, min_count)
        return cls((position,), scales, missing, {0: values} if len(values) else {})

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the columns of several parts as one."""
        sizes = [len(part.positions) for part in parts]
        starts = [sum(sizes[:i]) for i in range(len(parts))]
        return cls(
            tuple(position for part in parts for position in part.positions),
            Scales.joined([part.scales for part in parts]),
            joined_flags([part.missing for part in parts]),
            {
                start + i: values
                for start, part in zip(starts, parts, strict=True)
                for i, values in part.tied.items()
            },
        )

    def columns(self, names: tuple[str, ...]) -> list[Column]:
        """The encoded columns."""
        sources = [names[position] for position in self.positions]
        varying = self.scales.factor > 0
        return [
            *(Column(s, s) for s, v in zip(sources, varying, strict=True) if v),
            *(
                Column(f"{s}_missing", s, "missing")
                for s, m in zip(sources, self.missing, strict=True)
                if m
            ),
            *(
                Column(f"{sources[i]}_value", sources[i], "category", len(values) + 1)
                for i, values in self.tied.items()
            ),
        ]

    def encode(self, reader: Reader) -> list[Array]:
        """The encoded columns of rows, each (n,)."""
        if not self.positions:
            return []
        x = reader.read_numbers(self.positions)
        varying = self.scales.factor > 0
        return [
            *self.scales.of(varying)(x[varying]),
            *np.isnan(x[self.missing]),
            *(codes_of(x[i], values) for i, values in self.tied.items()),
        ]

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays, and values that JSON can represent."""
        arrays = {"scales": np.stack(self.scales), "missing": self.missing}
        arrays |= {f"tied.{i}": values for i, values in self.tied.items()}
        return arrays, {"positions": list(self.positions), "tied": list(self.tied)}

    @classmethod
    def from_state(cls, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """The inverse of `state`."""
        return cls(
            tuple(settings["positions"]),
            Scales(*np.asarray(arrays["scales"])),
            np.asarray(arrays["missing"], dtype=bool),
            {i: np.asarray(arrays[f"tied.{i}"]) for i in settings["tied"]},
        )


class Booleans(NamedTuple):
    """Boolean columns: 0 or 1, and indicators of missing values, which count as 0.

    Parameters
    ----------
    positions : tuple of int
        The columns of the table, k of them.
    varying, missing : ndarray of shape (k,)
        Whether the column has a column of 0 and 1, and an indicator of missing values.
    """

    positions: tuple[int, ...]
    varying: Array
    missing: Array

    @classmethod
    def fit(cls, x: Array, position: int) -> Self:
        """Learn from a column of 0, 1 and NaN, (n,)."""
        varying, missing = bool((x == 0).any() and (x == 1).any()), varies(np.isnan(x[None]))
        kept = (position,) if varying or missing[0] else ()
        return cls(kept, np.array([varying])[: len(kept)], missing[: len(kept)])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the columns of several parts as one."""
        return cls(
            tuple(position for part in parts for position in part.positions),
            joined_flags([part.varying for part in parts]),
            joined_flags([part.missing for part in parts]),
        )

    def columns(self, names: tuple[str, ...]) -> list[Column]:
        """The encoded columns."""
        sources = np.array([names[position] for position in self.positions], dtype=object)
        return [
            *(Column(s, s, "boolean") for s in sources[self.varying]),
            *(Column(f"{s}_missing", s, "missing") for s in sources[self.missing]),
        ]

    def encode(self, reader: Reader) -> list[Array]:
        """The encoded columns of rows, each (n,)."""
        if not self.positions:
            return []
        x = np.stack([reader.read(position).data for position in self.positions])
        return [*(x[self.varying] == 1), *np.isnan(x[self.missing])]

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays, and values that JSON can represent."""
        arrays = {"varying": self.varying, "missing": self.missing}
        return arrays, {"positions": list(self.positions)}

    @classmethod
    def from_state(cls, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """The inverse of `state`."""
        varying, missing = (np.asarray(arrays[key], dtype=bool) for key in ("varying", "missing"))
        return cls(tuple(settings["positions"]), varying, missing)
