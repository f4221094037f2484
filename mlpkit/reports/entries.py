"""The entries of reports and comparisons, and their export as tables."""

import csv
import io
from collections.abc import Iterable
from os import PathLike
from typing import Any, NamedTuple

from mlpkit.messages import csv_cell


class Entry(NamedTuple):
    """The value of one metric in one group.

    All rows are the group "all" of the partitioner "all".

    Parameters
    ----------
    metric, partitioner, partition : str
        Names of the metric, of the partitioner and of the group.
    value : float
        The value; NaN where undefined.
    low, high : float
        Confidence interval; NaN unless ``confidence=`` was passed.
    n_rows : int
        Number of rows.
    weight : float
        Sum of their weights.
    eligible : bool
        Whether the group has at least ``min_rows`` rows and a defined value.
    """

    metric: str
    partitioner: str
    partition: str
    value: float
    low: float
    high: float
    n_rows: int
    weight: float
    eligible: bool


class Change(NamedTuple):
    """The values of one metric in one group of two reports.

    Parameters
    ----------
    metric, partitioner, partition : str
        Names of the metric, of the partitioner and of the group.
    value, other : float
        The values in both reports.
    difference : float
        ``value - other``.
    low, high : float
        Confidence interval of the difference.
    n_rows : int
        Number of rows of the group, in the report with fewer.
    eligible : bool
        Whether the group is eligible in both reports.
    """

    metric: str
    partitioner: str
    partition: str
    value: float
    other: float
    difference: float
    low: float
    high: float
    n_rows: int
    eligible: bool

    @property
    def significant(self) -> bool:
        """Whether the group is eligible and the interval does not contain 0."""
        return self.eligible and (self.low > 0 or self.high < 0)


class CalibrationBin(NamedTuple):
    """The rows of one group whose predictions are similar.

    All rows are the group "all" of the partitioner "all".

    Parameters
    ----------
    target : str
        The positive class of a binary classifier, a label, or "output 0" and so on of several
        outputs. Empty for several classes, whose predictions are the probability of the most
        probable class and whose targets are whether it is right, and for one output.
    partitioner, partition : str
        Names of the partitioner and of the group.
    predicted, observed : float
        Weighted means of the predictions and of the targets.
    low, high : float
        Confidence interval of `observed`; NaN unless ``confidence=`` was passed.
    coverage : float
        Fraction of the targets that are in their predicted intervals; NaN if there are no such
        intervals.
    n_rows : int
        Number of rows.
    weight : float
        Sum of their weights.
    """

    target: str
    partitioner: str
    partition: str
    predicted: float
    observed: float
    low: float
    high: float
    coverage: float
    n_rows: int
    weight: float


def to_frame(entries: Iterable[tuple[Any, ...]], fields: tuple[str, ...]) -> Any:
    """A pandas frame with a row for each entry."""
    try:
        import pandas as pd  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas: pip install pandas. Without pandas, iterate over the report."
        ) from error
    return pd.DataFrame(list(entries), columns=list(fields))


def to_csv(
    entries: Iterable[tuple[Any, ...]],
    fields: tuple[str, ...],
    path: "str | PathLike[str] | io.TextIOBase | None",
) -> str | None:
    """A CSV file with a line for each entry, or its text if `path` is None.

    Text is escaped, see `mlpkit.messages.csv_cell`.

    >>> print(to_csv([("=cmd()", 0.5)], ("partition", "value"), None), end="")
    partition,value
    '=cmd(),0.5
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows([csv_cell(value) for value in entry] for entry in entries)
    if path is None:
        return text.getvalue()
    if isinstance(path, str | PathLike):
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
    else:
        path.write(text.getvalue())
    return None
