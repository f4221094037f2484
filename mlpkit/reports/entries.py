"""What a report says of one metric in one group; many of them as a frame."""

import csv
import io
from collections.abc import Iterable
from os import PathLike
from typing import Any, NamedTuple

from mlpkit.messages import csv_cell


class Entry(NamedTuple):
    """One metric in one group; the whole is the group "all" of the partitioner "all"."""

    metric: str
    partitioner: str
    partition: str
    value: float
    low: float  # NaN without confidence=
    high: float
    n_rows: int
    weight: float
    decides: bool  # it has enough rows, and a value


class Change(NamedTuple):
    """One metric in one group, in two reports."""

    metric: str
    partitioner: str
    partition: str
    value: float
    other: float
    difference: float  # value - other
    low: float
    high: float
    n_rows: int
    decides: bool  # in both


def frame(entries: Iterable[tuple[Any, ...]], fields: tuple[str, ...]) -> Any:
    """A pandas frame with a row for each entry."""
    try:
        import pandas as pd  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas: pip install pandas. Without it, iterate over the report."
        ) from error
    return pd.DataFrame(list(entries), columns=list(fields))


def to_csv(
    entries: Iterable[tuple[Any, ...]],
    fields: tuple[str, ...],
    path: "str | PathLike[str] | io.TextIOBase | None",
) -> str | None:
    """A CSV file with a line for each entry, or its text where ``path`` is None.

    Text is neutralised: see `mlpkit.messages.csv_cell`.

    >>> print(to_csv([("=cmd()", 0.5)], ("partition", "value"), None), end="")
    partition,value
    '=cmd(),0.5
    """
    found = io.StringIO(newline="")
    writer = csv.writer(found, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows([csv_cell(value) for value in entry] for entry in entries)
    if path is None:
        return found.getvalue()
    if isinstance(path, str | PathLike):
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(found.getvalue())
    else:
        path.write(found.getvalue())
    return None
