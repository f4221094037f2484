"""Groups by time: units of the calendar, and windows that roll over it."""

from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]

from mlpkit.plugin import Array, Dataset, Groups, Partitioner
from mlpkit_partitions.tables import column

Unit = Literal["year", "quarter", "month", "week", "day", "hour", "weekday", "hour of day"]
PERIODS = {"year": "Y", "quarter": "Q", "month": "M", "week": "W", "day": "D", "hour": "h"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EPOCH = pd.Timestamp("1970-01-01")


def calendar(column: str | int, unit: Unit = "month", name: str | None = None) -> Partitioner:
    """A group for each year, quarter, month, week (from Monday), day or hour that occurs, or
    for each weekday or hour of the day; text is read as `pandas.to_datetime` reads it.
    """
    if unit not in (*PERIODS, "weekday", "hour of day"):
        raise ValueError(f"unit={unit!r}; possible: {', '.join(PERIODS)}, weekday, hour of day.")
    return Partitioner(name or f"{unit} of {column}", _fit_nothing, partial(_by_unit, column, unit))


def rolling(
    column: str | int, width: str = "7D", step: str | None = None, name: str | None = None
) -> Partitioner:
    """Windows of a width, one beginning every step (half a width): they overlap.

    Windows are counted from 1970-01-01, so a stream has the same ones in every chunk. Width
    and step are pandas' offsets: "7D", "12h", "30min".
    """
    wide = pd.Timedelta(width)
    every = wide / 2 if step is None else pd.Timedelta(step)
    if not pd.Timedelta(0) < every <= wide:
        raise ValueError(f"step={step!r} is more than 0, and at most width={width!r}.")
    return Partitioner(
        name or f"{width} of {column}", _fit_nothing, partial(_by_window, column, wide, every)
    )


def _fit_nothing(dataset: Dataset) -> tuple[()]:
    """Nothing is fitted: the calendar is fixed."""
    return ()


def _times(dataset: Dataset, key: str | int) -> "pd.DatetimeIndex":
    values = column(dataset.X, key)
    try:
        times = pd.DatetimeIndex(pd.to_datetime(values, errors="raise"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {key!r} has no dates: {error}") from error
    return times.tz_localize(None) if times.tz is not None else times


def _by_unit(key: str | int, unit: Unit, fitted: Any, dataset: Dataset) -> Groups:
    times = _times(dataset, key)
    gone = np.asarray(times.isna())
    known = times[~gone]
    if unit == "weekday":
        texts, order = [DAYS[d] for d in known.day_of_week], list(DAYS)
    elif unit == "hour of day":
        texts = [f"{h:02d}:00" for h in known.hour]
        order = sorted(set(texts))
    else:
        texts = [str(p) for p in known.to_period(PERIODS[unit])]
        order = sorted(set(texts))
    names = [text for text in order if text in set(texts)]
    place = {text: i for i, text in enumerate(names)}
    codes = np.full(len(times), len(names), dtype=np.intp)
    codes[~gone] = [place[text] for text in texts]
    return Groups(codes, (*names, *["missing"] * bool(gone.any())))


def _by_window(
    key: str | int, width: "pd.Timedelta", step: "pd.Timedelta", fitted: Any, dataset: Dataset
) -> Groups:
    times = _times(dataset, key)
    gone = np.asarray(times.isna())
    since = np.asarray((times - EPOCH) / step)  # in steps; NaN where missing
    last = np.floor(np.where(gone, 0, since)).astype(np.int64)  # the last window begun
    back = np.arange(int(np.ceil(width / step)))
    windows = last[:, None] - back
    inside = (since[:, None] - windows < width / step) & ~gone[:, None]
    used: Array = np.unique(windows[inside])
    members = np.zeros((len(times), len(used)), dtype=bool)
    rows, which = np.nonzero(inside)
    members[rows, np.searchsorted(used, windows[rows, which])] = True
    names = [_span(EPOCH + int(w) * step, width) for w in used]
    if gone.any():
        members, names = np.column_stack([members, gone]), [*names, "missing"]
    return Groups(members, tuple(names))


def _span(start: "pd.Timestamp", width: "pd.Timedelta") -> str:
    """From and to, without times of day where both are midnight."""
    ends = [start, start + width]
    form = "%Y-%m-%d" if all(t == t.normalize() for t in ends) else "%Y-%m-%d %H:%M"
    return " to ".join(t.strftime(form) for t in ends)
