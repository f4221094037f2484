"""What a report says of one metric in one group; many of them as a frame."""

from collections.abc import Iterable
from typing import Any, NamedTuple


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
