"""Which rows a process of a group has, and what belongs to all rows."""

import numpy as np

from mlpkit.plugin import Array, Group


class Placement:
    """The place of each row of this process among the rows of all processes of a group.

    Parameters
    ----------
    places : ndarray of shape (n_local,)
        The index of each row among all rows, int.
    n_rows : int
        The number of all rows.
    group : Group
    """

    def __init__(self, places: Array, n_rows: int, group: Group) -> None:
        dtype = np.int32 if n_rows < 2**31 else np.int64
        self.places, self.n_rows, self.group = np.asarray(places, dtype), n_rows, group
        self._gathered: list[Array] | None = None

    @property
    def _of_all(self) -> list[Array]:
        """The places of the rows of each process."""
        # the lock of a cached_property in Python 3.11 would stop the other threads of a group
        if self._gathered is None:
            self._gathered = self.group.gather(self.places)
        return self._gathered

    @property
    def local_index(self) -> Array:
        """The index of each of all rows in this process, int (n_rows,); -1 for rows of others."""
        index = np.full(self.n_rows, -1, self.places.dtype)
        index[self.places] = np.arange(len(self.places))
        return index

    @property
    def order(self) -> Array:
        """The index of each row in the concatenated rows of all processes, int (n_rows,)."""
        return np.argsort(np.concatenate(self._of_all), kind="stable")

    def gathered(self, values: Array) -> Array:
        """Values of all rows in their order, (n_rows, ...), from those of each process.

        All processes must call it. A process without rows may pass values of any shape and dtype.
        """
        parts = self.group.gather(values)
        with_rows = [part for part in parts if len(part)]
        dtype = np.result_type(*with_rows) if with_rows else values.dtype
        if any(part.dtype.kind == "O" for part in with_rows):
            dtype = np.dtype(object)
        gathered = np.empty((self.n_rows, *(with_rows or parts)[0].shape[1:]), dtype)
        for places, part in zip(self._of_all, parts, strict=True):
            if len(part):
                gathered[places] = part
        return gathered

    def taken(self, indices: Array) -> tuple[Array, "Placement"]:
        """Select rows by their indices among all rows.

        Returns the local indices of the selected rows of this process, and their placement in the
        selection.
        """
        local = self.local_index[indices]
        is_here = local >= 0
        places = np.flatnonzero(is_here)
        return local[is_here], Placement(places, len(indices), self.group)
