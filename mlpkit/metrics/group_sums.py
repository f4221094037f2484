"""Sums over rows by group, from which reports are merged, resampled and computed."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mlpkit.plugin import Array


@dataclass(frozen=True)
class GroupSums:
    """What rows added up to: arrays (n_groups, n_strata, n_blocks) and (..., k), float64.

    Strata are the classes where these are balanced later, else 1. Blocks share the rows of
    a group evenly for resampling, else 1. ``row_statistics`` holds k sums of weight
    times statistic. Of q
    spread columns v there are the sums of w (v - centre) and w (v - centre)^2 with a centre
    of each cell's own, so that nothing cancels, wherever v lies: the shifted form of Chan,
    Golub and LeVeque, "Algorithms for computing the sample variance", 1983.
    """

    rows: Array
    weight: Array
    square: Array  # of squared weights
    row_statistics: Array  # (..., k)
    centre: Array  # (..., q)
    first: Array  # (..., q)
    second: Array  # (..., q)

    def __add__(self, other: Self) -> "GroupSums":
        """GroupSums over both; groups, columns and blocks are those of one plan."""
        centre = mean_centre(
            np.stack([self.centre, other.centre]), np.stack([self.weight, other.weight])[..., None]
        )
        a, b = self.about(centre), other.about(centre)
        return GroupSums(
            self.rows + other.rows,
            self.weight + other.weight,
            self.square + other.square,
            self.row_statistics + other.row_statistics,
            centre,
            a.first + b.first,
            a.second + b.second,
        )

    def about(self, centre: Array) -> "GroupSums":
        """The same sums with other centres, (..., q)."""
        first, second = moved(self.first, self.second, self.weight[..., None], self.centre, centre)
        return GroupSums(
            self.rows, self.weight, self.square, self.row_statistics, centre, first, second
        )

    def placed(self, places: Array, n_groups: int) -> "GroupSums":
        """The same groups among n_groups, at these places; the others are empty."""

        def put(array: Array) -> Array:
            wide = np.zeros((n_groups, *array.shape[1:]))
            wide[places] = array
            return wide

        return GroupSums(*(put(getattr(self, name)) for name in self.__dataclass_fields__))

    def of(self, groups: Any, terms: Any = slice(None), spreads: Any = slice(None)) -> "GroupSums":
        """Some groups and columns, by index."""
        one, two, three = (getattr(self, n)[groups] for n in ("rows", "weight", "square"))
        moments = (getattr(self, n)[groups][..., spreads] for n in ("centre", "first", "second"))
        return GroupSums(one, two, three, self.row_statistics[groups][..., terms], *moments)

    def trimmed(self) -> "GroupSums":
        """Without the last blocks, as far as they have no rows in any group."""
        used = np.flatnonzero(self.rows.any(axis=(0, 1)))
        n = int(used[-1]) + 1 if len(used) else 1
        return GroupSums(*(getattr(self, name)[:, :, :n] for name in self.__dataclass_fields__))

    def folded(self) -> "GroupSums":
        """The same sums in half as many blocks."""
        half = self.rows.shape[2] // 2
        parts = [getattr(self, name) for name in self.__dataclass_fields__]
        return GroupSums(*(a[:, :, :half] for a in parts)) + GroupSums(
            *(a[:, :, half:] for a in parts)
        )

    def balance(self, rows: Array) -> Array:
        """The weight of each class, n_rows / (n_classes * rows of the class), as scikit-learn's.

        ``rows`` is (n_groups, n_strata, d); so is what comes back.
        """
        present = (rows > 0).sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(rows > 0, rows.sum(axis=1, keepdims=True) / (present * rows), 0.0)

    def totals(self, balanced: bool = False, draws: Array | None = None) -> Array:
        """Weight, terms and squares about the mean, (n_groups, n_draws, 1 + k + q).

        ``draws`` (n_draws, n_blocks) says how often each draw has each block; None is one
        draw that has each once.
        """

        def drawn(part: Array) -> Array:
            if draws is None:
                return part if part.shape[2] == 1 else part.sum(axis=2, keepdims=True)
            found: Array = draws @ part
            return found

        factor = np.ones(1)
        if balanced:
            factor = self.balance(drawn(self.rows[..., None])[..., 0])[..., None]
        weight = self.weight[..., None]
        parts = [(factor * drawn(part)).sum(axis=1) for part in (weight, self.row_statistics)]
        if self.centre.shape[-1]:
            centre = mean_centre(self.centre, weight, axis=(1, 2))[:, None, None]
            first, second = moved(self.first, self.second, weight, self.centre, centre)
            one, two, mass = (
                (factor * drawn(part)).sum(axis=1) for part in (first, second, weight)
            )
            with np.errstate(divide="ignore", invalid="ignore"):
                parts.append(np.maximum(two - one**2 / mass, 0.0))
        return np.concatenate(parts, axis=-1)

    def blocks(self, balanced: bool = False) -> Array:
        """Weight and terms of each block, (n_groups, n_blocks, 1 + k)."""
        factor = self.balance(self.rows.sum(axis=2, keepdims=True)) if balanced else np.ones(())
        weighted = np.concatenate([self.weight[..., None], self.row_statistics], axis=-1)
        found: Array = (factor[..., None] * weighted).sum(axis=1)
        return found

    def squares(self, balanced: bool = False) -> Array:
        """The sum of squared weights of each group, (n_groups,)."""
        factor = self.balance(self.rows.sum(axis=2, keepdims=True)) if balanced else np.ones(())
        found: Array = (factor**2 * self.square).sum(axis=(1, 2))
        return found

    @property
    def n_rows(self) -> Array:
        """Rows of each group, int (n_groups,)."""
        return self.rows.sum(axis=(1, 2)).astype(np.int64)  # type: ignore[no-any-return]


def mean_centre(centre: Array, weight: Array, axis: int | tuple[int, ...] = 0) -> Array:
    """About the mean of cells with these centres; it need not be exact, but near.

    Where no cell has weight it is 0.
    """
    total = weight.sum(axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, (weight * centre).sum(axis=axis) / total, 0.0)


def moved(
    first: Array, second: Array, weight: Array, centre: Array, to: Array
) -> tuple[Array, Array]:
    """GroupSums of w (v - centre) and w (v - centre)^2, about another centre."""
    d = np.where(weight > 0, centre - to, 0.0)
    return first + d * weight, second + 2 * d * first + d**2 * weight
