"""Means of the targets by level, for columns with many rare levels that predict them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from mlpkit.plugin import Array, Arrays, Column
from mlpkit_tabular.encoding.held_out import N_FOLDS, explains_more, held_out_means
from mlpkit_tabular.encoding.scaling import Scales, learn_scales
from mlpkit_tabular.encoding.schema import Reader
from mlpkit_tabular.encoding.values import Values

SMOOTHING = 10.0  # rows with the overall mean that are added to each level


class LevelMeans(NamedTuple):
    """The means of a categorical column.

    Parameters
    ----------
    position : int
        The column of the table.
    levels : tuple of str
        All levels of `fit`.
    means : ndarray of shape (n_levels + 1, n_outputs)
        The smoothed mean of each level, and the overall mean, for missing values and levels that
        `fit` did not see.
    scales : Scales
        How the means are scaled.
    """

    position: int
    levels: tuple[str, ...]
    means: Array
    scales: Scales

    def encode(self, values: Values, known: dict[str, int]) -> Array:
        """The scaled means of rows, (n_outputs, n); ``known`` has the row of each level."""
        last = len(self.levels)
        row = np.array([*(known.get(level, last) for level in values.levels), last])
        return self.scales(self.means[row[values.data]].T)


def learn_means(
    values: Values, slots: Array, y: Array, position: int
) -> tuple[LevelMeans, Array] | None:
    """Return the means of a column and the encoded rows of `fit`, or None if they do not help.

    The mean of a row of `fit` comes from rows of other folds, so that it does not contain the
    row's own target. The means help if they explain more of the targets than the means by slot.

    Parameters
    ----------
    values : Values
        The values of the column.
    slots : ndarray of shape (n,)
        The slots of the levels, see `Levels`.
    y : ndarray of shape (n, n_outputs)
        The targets.
    position : int
        The position of the column in the table.

    Returns
    -------
    means : LevelMeans
    encoded : ndarray of shape (n_outputs, n)
    """
    if len(y) < 2 * N_FOLDS:
        return None
    level = np.where(values.data < 0, len(values.levels), values.data)
    held_out = held_out_means(level, y, SMOOTHING)
    if not explains_more(y, held_out, held_out_means(slots, y)):
        return None
    overall = y.mean(axis=0)
    n_levels = len(values.levels)
    counts = np.bincount(level, minlength=n_levels)[:n_levels]
    sums = np.stack([np.bincount(level, t, n_levels + 1)[:n_levels] for t in y.T], axis=1)
    means = (sums + SMOOTHING * overall) / (counts + SMOOTHING)[:, None]
    scales = learn_scales(held_out.T)
    learned = LevelMeans(position, values.levels, np.vstack([means, overall]), scales)
    return learned, scales(held_out.T)


class Means:
    """The columns that have means."""

    def __init__(self, features: list[LevelMeans]) -> None:
        self.features = features
        self.known = [{level: i for i, level in enumerate(f.levels)} for f in features]

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the columns of several parts as one."""
        return cls([feature for part in parts for feature in part.features])

    def columns(self, names: tuple[str, ...]) -> list[Column]:
        """The encoded columns."""
        return [
            Column(f"{names[f.position]}_mean{'' if n == 1 else i}", names[f.position])
            for f in self.features
            for n in [f.means.shape[1]]
            for i in range(n)
        ]

    def encode(self, reader: Reader) -> list[Array]:
        """The encoded columns of rows, each (n,)."""
        pairs = zip(self.features, self.known, strict=True)
        return [row for f, known in pairs for row in f.encode(reader.read(f.position), known)]

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays, and values that JSON can represent."""
        arrays: Arrays = {}
        for i, f in enumerate(self.features):
            arrays |= {f"{i}.means": f.means, f"{i}.scales": np.stack(f.scales)}
        return arrays, {"features": [[f.position, list(f.levels)] for f in self.features]}

    @classmethod
    def from_state(cls, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """The inverse of `state`."""
        return cls(
            [
                LevelMeans(
                    position,
                    tuple(levels),
                    np.asarray(arrays[f"{i}.means"]),
                    Scales(*np.asarray(arrays[f"{i}.scales"])),
                )
                for i, (position, levels) in enumerate(settings["features"])
            ]
        )
