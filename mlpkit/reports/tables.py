"""Tables of named tuples, and their export as a data frame and as CSV."""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator
from os import PathLike
from typing import Any, ClassVar

from mlpkit.messages import csv_cell


class Table(ABC):
    """Named tuples with the same fields: the rows of a table, which iterating over it yields."""

    _columns: ClassVar[tuple[str, ...]]  # the fields of the named tuples

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows."""

    def to_frame(self) -> Any:
        """Convert to a tidy data frame with a row for each item that iterating yields.

        Names are as in the data; `to_csv` escapes them.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd  # type: ignore[import-untyped,unused-ignore]
        except ImportError as error:
            raise ImportError(
                "to_frame needs pandas: pip install pandas. Without pandas, iterate over the"
                f" {type(self).__name__}."
            ) from error
        return pd.DataFrame(list(self), columns=list(self._columns))

    def to_csv(self, path: Any = None) -> str | None:
        """Write the rows of `to_frame` to a CSV file.

        Text is escaped: control characters are replaced, and an apostrophe precedes names that a
        spreadsheet would interpret as a formula, which begin with ``=``, ``+``, ``-`` or ``@``.
        For unchanged text use ``to_frame().to_csv(path)``.

        Parameters
        ----------
        path : str, path or file, default=None
            Where to write the file.

        Returns
        -------
        str or None
            The text, if `path` is None.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self._columns)
        writer.writerows([csv_cell(value) for value in row] for row in self)
        if path is None:
            return text.getvalue()
        if isinstance(path, str | PathLike):
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text.getvalue())
        else:
            path.write(text.getvalue())
        return None
