"""Sums over rows by group, from which metrics are computed, merged and resampled."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mlpkit.plugin import Array


@dataclass(frozen=True)
class GroupSums:
    """Sums over the rows of each group, stratum and block, float64.

    There is one stratum for each class if classes are balanced later, else one. Blocks contain
    equal shares of the rows of a group, for resampling; without intervals there is one.

    The deviations of a column v are summed around a centre near its mean, which each group,
    stratum and block has for itself, so that nothing cancels however large v is: the shifted
    form of Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983.

    Parameters
    ----------
    rows, weight, square : ndarray of shape (n_groups, n_strata, n_blocks)
        Number of rows, sum of their weights, and sum of their squared weights.
    row_statistics : ndarray of shape (n_groups, n_strata, n_blocks, k)
        Sums of weight times row statistic.
    centre, first, second : ndarray of shape (n_groups, n_strata, n_blocks, q)
        The centres, and the sums of w (v - centre) and w (v - centre)^2.
    """

    rows: Array
    weight: Array
    square: Array
    row_statistics: Array
    centre: Array
    first: Array
    second: Array

    def __add__(self, other: Self) -> "GroupSums":
        """The sums over the rows of both, whose groups, columns and blocks are the same."""
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

    def placed(self, indices: Array, n_groups: int) -> "GroupSums":
        """The sums of these groups at the given indices among n_groups; the others are empty."""

        def put(array: Array) -> Array:
            wide = np.zeros((n_groups, *array.shape[1:]))
            wide[indices] = array
            return wide

        return GroupSums(*(put(getattr(self, name)) for name in self.__dataclass_fields__))

    def of(
        self, groups: Any, statistics: Any = slice(None), deviations: Any = slice(None)
    ) -> "GroupSums":
        """The sums of some groups, row statistics and deviations, by index."""
        rows, weight, square = (getattr(self, n)[groups] for n in ("rows", "weight", "square"))
        moments = (getattr(self, n)[groups][..., deviations] for n in ("centre", "first", "second"))
        row_statistics = self.row_statistics[groups][..., statistics]
        return GroupSums(rows, weight, square, row_statistics, *moments)

    def trimmed(self) -> "GroupSums":
        """The sums without the last blocks that are empty in all groups."""
        used = np.flatnonzero(self.rows.any(axis=(0, 1)))
        n = int(used[-1]) + 1 if len(used) else 1
        return GroupSums(*(getattr(self, name)[:, :, :n] for name in self.__dataclass_fields__))

    def folded(self) -> "GroupSums":
        """The same sums in half as many blocks."""
        half = self.rows.shape[2] // 2
        arrays = [getattr(self, name) for name in self.__dataclass_fields__]
        return GroupSums(*(a[:, :, :half] for a in arrays)) + GroupSums(
            *(a[:, :, half:] for a in arrays)
        )

    def balance(self, rows: Array) -> Array:
        """The weight of each class, n_rows / (n_classes * rows of the class), as in scikit-learn.

        The argument and the result have shape (n_groups, n_strata, d).
        """
        present = (rows > 0).sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(rows > 0, rows.sum(axis=1, keepdims=True) / (present * rows), 0.0)

    def totals(self, balanced: bool = False, draws: Array | None = None) -> Array:
        """Weight, row statistics and squared deviations, (n_groups, n_draws, 1 + k + q).

        ``draws`` (n_draws, n_blocks) contains how often each block is in each draw. None means
        one draw that contains each block once.
        """

        def drawn(sums: Array) -> Array:
            if draws is None:
                return sums if sums.shape[2] == 1 else sums.sum(axis=2, keepdims=True)
            products: Array = draws @ sums
            return products

        factor = np.ones(1)
        if balanced:
            factor = self.balance(drawn(self.rows[..., None])[..., 0])[..., None]
        weight = self.weight[..., None]
        columns = [(factor * drawn(sums)).sum(axis=1) for sums in (weight, self.row_statistics)]
        if self.centre.shape[-1]:
            centre = mean_centre(self.centre, weight, axis=(1, 2))[:, None, None]
            first, second = moved(self.first, self.second, weight, self.centre, centre)
            one, two, mass = (
                (factor * drawn(sums)).sum(axis=1) for sums in (first, second, weight)
            )
            with np.errstate(divide="ignore", invalid="ignore"):
                columns.append(np.maximum(two - one**2 / mass, 0.0))
        return np.concatenate(columns, axis=-1)

    def blocks(self, balanced: bool = False) -> Array:
        """Weight and row statistics of each block, (n_groups, n_blocks, 1 + k)."""
        factor = self.balance(self.rows.sum(axis=2, keepdims=True)) if balanced else np.ones(())
        weighted = np.concatenate([self.weight[..., None], self.row_statistics], axis=-1)
        sums: Array = (factor[..., None] * weighted).sum(axis=1)
        return sums

    def squares(self, balanced: bool = False) -> Array:
        """The sum of squared weights of each group, (n_groups,)."""
        factor = self.balance(self.rows.sum(axis=2, keepdims=True)) if balanced else np.ones(())
        sums: Array = (factor**2 * self.square).sum(axis=(1, 2))
        return sums

    @property
    def n_rows(self) -> Array:
        """Number of rows of each group, int (n_groups,)."""
        return self.rows.sum(axis=(1, 2)).astype(np.int64)


def mean_centre(centre: Array, weight: Array, axis: int | tuple[int, ...] = 0) -> Array:
    """The weighted mean of centres, a centre for the merged sums; 0 where the weight is 0.

    The sums are exact around any centre; it should only be near the mean.
    """
    total = weight.sum(axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, (weight * centre).sum(axis=axis) / total, 0.0)


def moved(
    first: Array, second: Array, weight: Array, centre: Array, new: Array
) -> tuple[Array, Array]:
    """The sums of w (v - centre) and w (v - centre)^2 around another centre."""
    d = np.where(weight > 0, centre - new, 0.0)
    return first + d * weight, second + 2 * d * first + d**2 * weight
