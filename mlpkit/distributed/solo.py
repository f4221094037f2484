"""The group of one process."""

from typing import Any

from mlpkit.plugin import Array


class Solo:
    """An `mlpkit.plugin.Group` of one process, which does not communicate.

    Examples
    --------
    >>> Solo().gather("a")
    ['a']
    """

    rank, size = 0, 1

    def add(self, a: Array) -> Array:
        """Return a copy of the array.

        Parameters
        ----------
        a : ndarray
            The array.

        Returns
        -------
        ndarray
        """
        return a.copy()

    def same(self, value: Any) -> Any:
        """Return the value.

        Parameters
        ----------
        value : object
            Any value.

        Returns
        -------
        object
        """
        return value

    def gather(self, value: Any) -> list[Any]:
        """Return a list of the value.

        Parameters
        ----------
        value : object
            Any value.

        Returns
        -------
        list
        """
        return [value]
