"""The group of one process."""

from typing import Any

from mlpkit.plugin import Array


class Solo:
    """The group of one process, which communicates with nobody.

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
            Any array.

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
