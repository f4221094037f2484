"""Sums over rows for all groups of all partitioners, in one pass over the rows.

The codes of several partitioners are packed into one code per row. A single `numpy.bincount` over
the packed codes serves all of them; summing the small result over the other axes unpacks it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mlpkit.metrics.group_sums import GroupSums, mean_centre, moved
from mlpkit.plugin import Array, CellCounts, Groups

MAX_CELLS = 2**14  # cells in a pack, so that its sums fit into the cache of the processor
GroupLabel = tuple[str, str]  # names of partitioner and group


class Axis(NamedTuple):
    """Codes of groups that do not overlap.

    The codes in `groups` belong to the groups with the indices `places`.
    """

    codes: Array
    size: int
    groups: Array
    places: Array


class Pack(NamedTuple):
    """Several axes packed into one code per row; `shape` is (*sizes, n_strata, n_blocks)."""

    codes: Array
    axes: tuple[Axis, ...]
    shape: tuple[int, ...]


class Grouping:
    """The groups and weights of rows, computed once and used in every epoch.

    Parameters
    ----------
    groups : dict of Groups
        Groups by partitioner.
    n_rows : int
        Number of rows.
    weight : ndarray of shape (n_rows,) or None, default=None
        Weights of the rows.
    strata : tuple of (ndarray of shape (n_rows,), int) or None, default=None
        Codes of classes that are balanced later, and their number.
    blocks : int, default=1
        Number of blocks into which the rows of each group are divided evenly.
    earlier_rows : dict of int or None, default=None
        Number of earlier rows of each group, after which the division into blocks continues.

    Examples
    --------
    >>> sex = Groups(np.array([0, 1, 0]), ("f", "m"))
    >>> grouping = Grouping({"sex": sex}, 3)
    >>> grouping.labels
    [('sex', 'f'), ('sex', 'm')]
    >>> grouping.sums([np.array([1.0, 2.0, 3.0])]).row_statistics.ravel().tolist()
    [4.0, 2.0]
    """

    def __init__(
        self,
        groups: Mapping[str, Groups],
        n_rows: int,
        weight: Array | None = None,
        strata: tuple[Array, int] | None = None,
        blocks: int = 1,
        earlier_rows: Mapping[GroupLabel, int] | None = None,
    ) -> None:
        self.groups, self.n_rows = dict(groups), n_rows
        self.labels = [(name, group) for name, g in groups.items() for group in g.names]
        self.weight = None if weight is None else np.asarray(weight, dtype=np.float64)
        self.strata, self.n_blocks = strata, blocks
        self._axes = list(_axes(groups))
        earlier = earlier_rows or {}
        self._earlier = np.array([earlier.get(label, 0) for label in self.labels], dtype=int)
        self._packs: dict[int, list[Pack]] = {}
        self._counts: tuple[Array, Array, Array] | None = None

    def sums(
        self, statistics: Sequence[Array | CellCounts], deviations: Sequence[Array] = ()
    ) -> GroupSums:
        """Weighted sums of row statistics, (n,), (n, k) or `CellCounts`, and of deviations."""
        if self._counts is None:
            rows = self._dense([None], weighted=False)[..., 0]
            if self.weight is None:
                self._counts = rows, rows, rows
            else:
                w = self.weight
                both = self._dense([w, w**2], weighted=False)
                self._counts = rows, both[..., 0], both[..., 1]
        sums = [
            self._cells(s) if isinstance(s, CellCounts) else self._dense(_columns(s))
            for s in statistics
        ]
        empty = np.zeros((*self._counts[0].shape, 0))
        moments = [self._moments(v) for array in deviations for v in _columns(array)]
        return GroupSums(
            *self._counts,
            sums[0] if len(sums) == 1 else np.concatenate([empty, *sums], axis=-1),
            *(
                np.stack(arrays, axis=-1) if arrays else empty
                for arrays in (zip(*moments, strict=True) if moments else ([], [], []))
            ),
        )

    def _dense(self, columns: Iterable[Array | None], weighted: bool = True) -> Array:
        """The sums of columns, (n_groups, n_strata, n_blocks, k); None counts rows."""
        sums = []
        for column in columns:
            if weighted and self.weight is not None and column is not None:
                column = self.weight * column
            out = self._zeros()
            for pack in self._packed(1):
                _unpack(pack, _bincount(pack.codes, column, pack.shape), out)
            sums.append(out)
        return sums[0][..., None] if len(sums) == 1 else np.stack(sums, axis=-1)

    def _cells(self, counts: CellCounts) -> Array:
        """The sums of the cells, (n_groups, n_strata, n_blocks, cells)."""
        values, out = counts.values, self._zeros(counts.cells)
        if self.weight is not None:
            values = self.weight if values is None else self.weight * values
        for pack in self._packed(counts.cells):
            shape = (*pack.shape, counts.cells)
            total: Array | None = None
            for codes in counts.codes.T if counts.codes.ndim == 2 else [counts.codes]:
                packed, value = pack.codes * counts.cells + codes, values
                if codes.size and codes.min() < 0:
                    inside = codes >= 0
                    packed, value = packed[inside], None if values is None else values[inside]
                sums = _bincount(packed, value, shape)
                total = sums if total is None else total + sums
            if total is not None:
                _unpack(pack, total, out)
        return out

    def _moments(self, v: Array) -> tuple[Array, Array, Array]:
        """Centre, and sums of w (v - centre) and its square, (n_groups, n_strata, n_blocks)."""
        centre, first, second = self._zeros(), self._zeros(), self._zeros()
        w = self.weight
        for pack in self._packed(1):
            mass = _bincount(pack.codes, w, pack.shape)
            total = _bincount(pack.codes, v if w is None else w * v, pack.shape)
            own = np.divide(total, mass, out=np.zeros(pack.shape), where=mass > 0)
            gap = v - own.ravel()[pack.codes]
            weighted = gap if w is None else w * gap
            one = _bincount(pack.codes, weighted, pack.shape)
            two = _bincount(pack.codes, weighted * gap, pack.shape)
            for i, axis in enumerate(pack.axes):
                others = tuple(j for j in range(len(pack.axes)) if j != i)
                near = np.expand_dims(mean_centre(own, mass, others), others)
                a, b = (sums.sum(axis=others) for sums in moved(one, two, mass, own, near))
                centre[axis.places] = near.squeeze(others)[axis.groups]
                first[axis.places], second[axis.places] = a[axis.groups], b[axis.groups]
        return centre, first, second

    def _zeros(self, *cells: int) -> Array:
        n_strata = 1 if self.strata is None else self.strata[1]
        return np.zeros((len(self.labels), n_strata, self.n_blocks, *cells))

    def _packed(self, cells: int) -> list[Pack]:
        """Packs for row statistics of so many cells."""
        # the blocks of a row differ between axes, so that each axis needs its own pack
        limit = 0 if self.n_blocks > 1 else max(MAX_CELLS // cells, 1)
        if limit not in self._packs:
            packed: list[list[Axis]] = []
            size = limit + 1
            for axis in self._axes:
                if size * axis.size > limit:
                    packed.append([])
                    size = 1
                packed[-1].append(axis)
                size *= axis.size
            self._packs[limit] = [self._pack(axes) for axes in packed]
        return self._packs[limit]

    def _pack(self, axes: list[Axis]) -> Pack:
        codes = np.zeros(self.n_rows, dtype=np.intp)
        for axis in axes:
            codes = codes * axis.size + axis.codes
        n_strata = 1
        if self.strata is not None:
            n_strata = self.strata[1]
            codes = codes * n_strata + self.strata[0]
        if self.n_blocks > 1:
            (axis,) = axes
            codes = codes * self.n_blocks + self._block(axis)
        return Pack(codes, tuple(axes), (*(a.size for a in axes), n_strata, self.n_blocks))

    def _block(self, axis: Axis) -> Array:
        """The block of each row: its rank within its group, modulo the number of blocks."""
        order = np.argsort(axis.codes, kind="stable")
        sizes = np.bincount(axis.codes, minlength=axis.size)
        start = -(np.cumsum(sizes) - sizes)
        start[axis.groups] += self._earlier[axis.places]
        rank = np.empty(self.n_rows, dtype=np.intp)
        rank[order] = np.arange(self.n_rows) + np.repeat(start, sizes)
        return rank % self.n_blocks


class Members:
    """The rows of each group; the rows are sorted by group once for each partitioner."""

    def __init__(self, groups: Mapping[str, Groups]) -> None:
        self.groups = groups
        self._indices: dict[str, dict[str, Array]] = {}

    def __call__(self, label: GroupLabel) -> Array:
        """The indices of the rows of a group, int, ascending; empty for an unknown group."""
        name, group = label
        if name not in self._indices:
            self._indices[name] = _members(self.groups[name]) if name in self.groups else {}
        return self._indices[name].get(group, np.zeros(0, dtype=int))


def _members(groups: Groups) -> dict[str, Array]:
    codes, names = groups
    if codes.ndim == 2:
        return {name: np.flatnonzero(codes[:, i]) for i, name in enumerate(names)}
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(names) + 1))
    return {name: order[ends[i] : ends[i + 1]] for i, name in enumerate(names)}


def _axes(groups: Mapping[str, Groups]) -> Iterable[Axis]:
    """One axis for the groups of a partitioner; one for each group if they overlap."""
    start = 0
    for codes, names in groups.values():
        n_groups = len(names)
        places = np.arange(start, start + n_groups)
        start += n_groups
        if codes.ndim == 2:
            for i in range(n_groups):
                yield Axis(codes[:, i].astype(np.intp), 2, np.array([1]), places[i : i + 1])
        elif n_groups:
            outside = bool((codes < 0).any())
            codes = (np.where(codes < 0, n_groups, codes) if outside else codes).astype(np.intp)
            yield Axis(codes, n_groups + outside, np.arange(n_groups), places)


def _columns(array: Array) -> Iterable[Array]:
    """The columns of (n,) or (n, k), each contiguous in memory."""
    if array.ndim == 1:
        return [array]
    return np.ascontiguousarray(array.T, dtype=np.float64)


def _bincount(codes: Array, column: Array | None, shape: tuple[int, ...]) -> Array:
    size = int(np.prod(shape))
    return np.bincount(codes, column, minlength=size).reshape(shape)


def _unpack(pack: Pack, total: Array, out: Array) -> None:
    """Write the sums of each axis, which are sums over the other axes of the pack."""
    for i, axis in enumerate(pack.axes):
        others = tuple(j for j in range(len(pack.axes)) if j != i)
        sums = total.sum(axis=others) if others else total
        out[_index(axis.places)] = sums[_index(axis.groups)]


def _index(indices: Array) -> slice | Array:
    """Consecutive indices as a slice, which copies nothing."""
    if len(indices) and indices[-1] - indices[0] + 1 == len(indices):
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices
