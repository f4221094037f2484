"""Groups by time: calendar units and overlapping windows."""

from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]

from mlpkit.plugin import Array, Dataset, Groups, Partitioner
from mlpkit_partitions.tables import column

Unit = Literal["year", "quarter", "month", "week", "day", "hour", "weekday", "hour of day"]
UNITS = get_args(Unit)
PERIODS = {"year": "Y", "quarter": "Q", "month": "M", "week": "W", "day": "D", "hour": "h"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EPOCH = pd.Timestamp("1970-01-01")


def calendar(column: str | int, unit: Unit = "month", name: str | None = None) -> Partitioner:
    """Group rows by a calendar unit of a date column.

    Each unit that occurs is a group, such as "2024-02" for a month. Weeks start on Monday.
    Missing dates are the group "missing". Text is parsed by `pandas.to_datetime`.

    Parameters
    ----------
    column : str or int
        Name or index of the column.
    unit : str, default="month"
        Calendar unit: "year", "quarter", "month", "week", "day", "hour", "weekday" or
        "hour of day".
    name : str or None, default=None
        Name of the partitioner, by default the unit and the column.

    Returns
    -------
    Partitioner
        Nothing is fitted, so that dates of any later data form new groups.

    Raises
    ------
    ValueError
        If `unit` is unknown.

    Examples
    --------
    >>> from mlpkit import by
    >>> from mlpkit.plugin import Dataset
    >>> dataset = Dataset(pd.DataFrame({"when": ["2024-01-31", "2024-02-01", None]}))
    >>> month = by("calendar", column="when")
    >>> month.assign(month.fit(dataset), dataset)
    Groups(codes=array([0, 1, 2]), names=('2024-01', '2024-02', 'missing'))
    """
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(map(repr, UNITS))}, got {unit!r}.")
    return Partitioner(name or f"{unit} of {column}", _fit_nothing, partial(_by_unit, column, unit))


def rolling(
    column: str | int, width: str = "7D", step: str | None = None, name: str | None = None
) -> Partitioner:
    """Group rows into overlapping time windows.

    Windows are aligned to 1970-01-01, so that they are the same in every chunk of a stream.
    Missing dates are the group "missing". Text is parsed by `pandas.to_datetime`.

    Parameters
    ----------
    column : str or int
        Name or index of the column.
    width : str, default="7D"
        Length of a window as a pandas duration, such as "7D", "12h" or "30min".
    step : str or None, default=None
        Time between the starts of two windows. None means half of `width`.
    name : str or None, default=None
        Name of the partitioner, by default the width and the column.

    Returns
    -------
    Partitioner
        Nothing is fitted, so that dates of any later data form new groups.

    Raises
    ------
    ValueError
        If `step` is not positive or is greater than `width`.

    Examples
    --------
    >>> from mlpkit import by
    >>> from mlpkit.plugin import Dataset
    >>> dataset = Dataset(pd.DataFrame({"when": ["1970-01-01", "1970-01-02"]}))
    >>> days = by("rolling", column="when", width="2D")
    >>> groups = days.assign(days.fit(dataset), dataset)
    >>> groups.names[1:]
    ('1970-01-01 to 1970-01-03', '1970-01-02 to 1970-01-04')
    >>> groups.codes.sum(axis=1)
    array([2, 2])
    """
    window_width = pd.Timedelta(width)
    window_step = window_width / 2 if step is None else pd.Timedelta(step)
    if not pd.Timedelta(0) < window_step <= window_width:
        raise ValueError(
            f"step must be positive and at most the width {width!r}, got step={step!r}."
        )
    assign = partial(_by_window, column, window_width, window_step)
    return Partitioner(name or f"{width} of {column}", _fit_nothing, assign)


def _fit_nothing(dataset: Dataset) -> tuple[()]:
    """Return no fitted groups, since the groups depend only on the dates."""
    return ()


def _times(dataset: Dataset, key: str | int) -> "pd.DatetimeIndex":
    values = column(dataset.X, key)
    try:
        times = pd.DatetimeIndex(pd.to_datetime(values, errors="raise"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"Column {key!r} must contain dates: {error}") from error
    return times.tz_localize(None) if times.tz is not None else times


def _by_unit(key: str | int, unit: Unit, fitted: Any, dataset: Dataset) -> Groups:
    times = _times(dataset, key)
    missing = np.asarray(times.isna())
    known = times[~missing]
    if unit == "weekday":
        texts, order = [DAYS[d] for d in known.day_of_week], list(DAYS)
    elif unit == "hour of day":
        texts = [f"{h:02d}:00" for h in known.hour]
        order = sorted(set(texts))
    else:
        texts = [str(p) for p in known.to_period(PERIODS[unit])]
        order = sorted(set(texts))
    names = [text for text in order if text in set(texts)]
    codes_by_name = {text: i for i, text in enumerate(names)}
    codes = np.full(len(times), len(names), dtype=np.intp)
    codes[~missing] = [codes_by_name[text] for text in texts]
    return Groups(codes, (*names, *["missing"] * bool(missing.any())))


def _by_window(
    key: str | int, width: "pd.Timedelta", step: "pd.Timedelta", fitted: Any, dataset: Dataset
) -> Groups:
    times = _times(dataset, key)
    missing = np.asarray(times.isna())
    elapsed = np.asarray((times - EPOCH) / step)  # in steps; NaN if missing
    last = np.floor(np.where(missing, 0, elapsed)).astype(np.int64)  # the latest window of each row
    offsets = np.arange(int(np.ceil(width / step)))
    windows = last[:, None] - offsets
    inside = (elapsed[:, None] - windows < width / step) & ~missing[:, None]
    occurring: Array = np.unique(windows[inside])
    members = np.zeros((len(times), len(occurring)), dtype=bool)
    rows, columns = np.nonzero(inside)
    members[rows, np.searchsorted(occurring, windows[rows, columns])] = True
    names = [_span(EPOCH + int(w) * step, width) for w in occurring]
    if missing.any():
        members, names = np.column_stack([members, missing]), [*names, "missing"]
    return Groups(members, tuple(names))


def _span(start: "pd.Timestamp", width: "pd.Timedelta") -> str:
    """Start and end, without the time of day if both are at midnight."""
    bounds = [start, start + width]
    date_format = "%Y-%m-%d" if all(t == t.normalize() for t in bounds) else "%Y-%m-%d %H:%M"
    return " to ".join(t.strftime(date_format) for t in bounds)
