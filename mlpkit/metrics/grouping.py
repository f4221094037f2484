"""Rows into the sums of all groups of all partitioners, in one pass.

The codes of several partitioners are packed into one number a row; one `numpy.bincount` over
it serves them all, and summing over the other axes of the small result unpacks them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mlpkit.metrics.group_sums import GroupSums, mean_centre, moved
from mlpkit.plugin import Array, CellCounts, Groups

LIMIT = 2**14  # cells of a pack: the sums stay in the processor's cache
Label = tuple[str, str]  # partitioner and group


class Axis(NamedTuple):
    """Codes that no row has two of; those of ``groups`` are the groups at ``places``."""

    codes: Array
    size: int
    groups: Array
    places: Array


class Pack(NamedTuple):
    """Several axes in one code a row; its cells have the shape (*sizes, n_strata, n_blocks)."""

    codes: Array
    axes: tuple[Axis, ...]
    shape: tuple[int, ...]


class Grouping:
    """Which row is in which group, with what weight: made once, used in every epoch.

    ``groups`` by partitioner; ``weight`` (n,) or None; ``strata`` int codes (n,) with their
    number, to balance classes later; ``blocks`` shares the rows of each group evenly among
    so many blocks, which go on from the rows ``seen`` before in each group.

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
        seen: Mapping[Label, int] | None = None,
    ) -> None:
        self.groups, self.n_rows = dict(groups), n_rows
        self.labels = [(name, group) for name, g in groups.items() for group in g.names]
        self.weight = None if weight is None else np.asarray(weight, dtype=np.float64)
        self.strata, self.n_blocks = strata, blocks
        self._axes = list(_axes(groups))
        self._seen = np.array([(seen or {}).get(label, 0) for label in self.labels], dtype=int)
        self._made: dict[int, list[Pack]] = {}
        self._fixed: tuple[Array, Array, Array] | None = None

    def sums(self, terms: Sequence[Array | CellCounts], spreads: Sequence[Array] = ()) -> GroupSums:
        """Weighted sums of terms, (n,) or (n, k) or `Tally`, and of spreads, (n,) or (n, q)."""
        if self._fixed is None:
            rows = self._dense([None], weighted=False)[..., 0]
            if self.weight is None:
                self._fixed = rows, rows, rows
            else:
                w = self.weight
                both = self._dense([w, w**2], weighted=False)
                self._fixed = rows, both[..., 0], both[..., 1]
        parts = [
            self._tally(t) if isinstance(t, CellCounts) else self._dense(_columns(t)) for t in terms
        ]
        empty = np.zeros((*self._fixed[0].shape, 0))
        moments = [self._moments(v) for part in spreads for v in _columns(part)]
        return GroupSums(
            *self._fixed,
            parts[0] if len(parts) == 1 else np.concatenate([empty, *parts], axis=-1),
            *(
                np.stack(part, axis=-1) if part else empty
                for part in (zip(*moments, strict=True) if moments else ([], [], []))
            ),
        )

    def _dense(self, columns: Iterable[Array | None], weighted: bool = True) -> Array:
        """The sums of columns, (n_groups, n_strata, n_blocks, k); None counts rows."""
        found = []
        for column in columns:
            if weighted and self.weight is not None and column is not None:
                column = self.weight * column
            out = self._empty()
            for pack in self._packs(1):
                _unpack(pack, _bins(pack.codes, column, pack.shape), out)
            found.append(out)
        return found[0][..., None] if len(found) == 1 else np.stack(found, axis=-1)

    def _tally(self, tally: CellCounts) -> Array:
        """The sums of a tally's cells, (n_groups, n_strata, n_blocks, cells)."""
        values, out = tally.values, self._empty(tally.cells)
        if self.weight is not None:
            values = self.weight if values is None else self.weight * values
        for pack in self._packs(tally.cells):
            shape = (*pack.shape, tally.cells)
            total: Array | None = None
            for codes in tally.codes.T if tally.codes.ndim == 2 else [tally.codes]:
                at, value = pack.codes * tally.cells + codes, values
                if codes.size and codes.min() < 0:
                    counts = codes >= 0
                    at, value = at[counts], None if values is None else values[counts]
                part = _bins(at, value, shape)
                total = part if total is None else total + part
            if total is not None:
                _unpack(pack, total, out)
        return out

    def _moments(self, v: Array) -> tuple[Array, Array, Array]:
        """Centre, and sums of w (v - centre) and its square, (n_groups, n_strata, n_blocks)."""
        centre, first, second = self._empty(), self._empty(), self._empty()
        w = self.weight
        for pack in self._packs(1):
            mass = _bins(pack.codes, w, pack.shape)
            total = _bins(pack.codes, v if w is None else w * v, pack.shape)
            own = np.divide(total, mass, out=np.zeros(pack.shape), where=mass > 0)
            gap = v - own.ravel()[pack.codes]
            weighted = gap if w is None else w * gap
            one = _bins(pack.codes, weighted, pack.shape)
            two = _bins(pack.codes, weighted * gap, pack.shape)
            for i, axis in enumerate(pack.axes):
                others = tuple(j for j in range(len(pack.axes)) if j != i)
                near = np.expand_dims(mean_centre(own, mass, others), others)
                a, b = (part.sum(axis=others) for part in moved(one, two, mass, own, near))
                centre[axis.places] = near.squeeze(others)[axis.groups]
                first[axis.places], second[axis.places] = a[axis.groups], b[axis.groups]
        return centre, first, second

    def _empty(self, *cells: int) -> Array:
        n_strata = 1 if self.strata is None else self.strata[1]
        return np.zeros((len(self.labels), n_strata, self.n_blocks, *cells))

    def _packs(self, cells: int) -> list[Pack]:
        """Packs for tallies of so many cells."""
        limit = 0 if self.n_blocks > 1 else max(LIMIT // cells, 1)  # blocks: one axis a pack
        if limit not in self._made:
            packed: list[list[Axis]] = []
            size = limit + 1
            for axis in self._axes:
                if size * axis.size > limit:
                    packed.append([])
                    size = 1
                packed[-1].append(axis)
                size *= axis.size
            self._made[limit] = [self._pack(axes) for axes in packed]
        return self._made[limit]

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
        """The block of each row: its rank within its group, going round."""
        order = np.argsort(axis.codes, kind="stable")
        sizes = np.bincount(axis.codes, minlength=axis.size)
        start = -(np.cumsum(sizes) - sizes)
        start[axis.groups] += self._seen[axis.places]
        rank = np.empty(self.n_rows, dtype=np.intp)
        rank[order] = np.arange(self.n_rows) + np.repeat(start, sizes)
        return rank % self.n_blocks


class Members:
    """The rows of each group, sorted by group once for each partitioner."""

    def __init__(self, groups: Mapping[str, Groups]) -> None:
        self.groups = groups
        self._found: dict[str, dict[str, Array]] = {}

    def __call__(self, label: Label) -> Array:
        """The rows of a group, int, ascending; empty for one that is not here."""
        name, group = label
        if name not in self._found:
            self._found[name] = _members(self.groups[name]) if name in self.groups else {}
        return self._found[name].get(group, np.zeros(0, dtype=int))


def _members(groups: Groups) -> dict[str, Array]:
    codes, names = groups
    if codes.ndim == 2:
        return {name: np.flatnonzero(codes[:, i]) for i, name in enumerate(names)}
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(names) + 1))
    return {name: order[ends[i] : ends[i + 1]] for i, name in enumerate(names)}


def _axes(groups: Mapping[str, Groups]) -> Iterable[Axis]:
    """One axis for groups that part the rows, one for each group where they overlap."""
    place = 0
    for codes, names in groups.values():
        n_groups = len(names)
        places = np.arange(place, place + n_groups)
        place += n_groups
        if codes.ndim == 2:
            for i in range(n_groups):
                yield Axis(codes[:, i].astype(np.intp), 2, np.array([1]), places[i : i + 1])
        elif n_groups:
            outside = bool((codes < 0).any())
            codes = (np.where(codes < 0, n_groups, codes) if outside else codes).astype(np.intp)
            yield Axis(codes, n_groups + outside, np.arange(n_groups), places)


def _columns(array: Array) -> Iterable[Array]:
    """The columns of (n,) or (n, k), as floats side by side in memory."""
    if array.ndim == 1:
        return [array]
    return np.ascontiguousarray(array.T, dtype=np.float64)


def _bins(codes: Array, column: Array | None, shape: tuple[int, ...]) -> Array:
    size = int(np.prod(shape))
    return np.bincount(codes, column, minlength=size).reshape(shape)


def _unpack(pack: Pack, total: Array, out: Array) -> None:
    """Sum over the other axes of the pack, for each axis."""
    for i, axis in enumerate(pack.axes):
        others = tuple(j for j in range(len(pack.axes)) if j != i)
        found = total.sum(axis=others) if others else total
        out[_run(axis.places)] = found[_run(axis.groups)]


def _run(places: Array) -> slice | Array:
    """Ascending places as a slice, which copies nothing, where they follow on each other."""
    if len(places) and places[-1] - places[0] + 1 == len(places):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places
