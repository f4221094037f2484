"""Columns of Python objects: which type they hold, and the values as one array."""

import datetime
import numbers
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from mlpkit_tabular.encoding.values import ValueKind, Values, all_missing, categories, seconds

_NESTED = (list, tuple, dict, set, frozenset, np.ndarray)
_MISSING = ("NoneType", "NAType", "NaTType")


class MixedTypes(TypeError):
    """A column contains values of several types."""


@lru_cache(maxsize=256)
def kind_of(cls: type) -> ValueKind | None:
    """Return what a column of values of a class contains; None if the class is not supported."""
    if cls.__name__ in _MISSING:
        return "missing"
    kinds: tuple[tuple[ValueKind, tuple[type, ...]], ...] = (
        ("category", (str,)),
        ("boolean", (bool, np.bool_)),
        ("duration", (datetime.timedelta, np.timedelta64)),  # an integer of NumPy
        ("number", (numbers.Real, Decimal)),
        ("date", (datetime.date, np.datetime64)),
        ("time", (datetime.time,)),
    )
    for kind, classes in kinds:
        if issubclass(cls, classes):
            return kind
    return None


def is_missing(value: Any) -> bool:
    """Whether a Python object stands for a missing value: None, NaN, NaT or NA."""
    return type(value).__name__ in _MISSING or bool(
        isinstance(value, (float, np.floating, np.datetime64, np.timedelta64, Decimal))
        and value != value
    )


def excerpt(value: Any) -> str:
    """Return the beginning of the representation of a value, for messages."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def from_objects(values: Sequence[Any], name: str, time_zone: str = "") -> Values:
    """Return the values of a column of Python objects.

    Raises TypeError if the column is nested, contains unsupported values, or mixes types.
    """
    kinds = {kind_of(cls) for cls in set(map(type, values))} - {"missing"}
    if None in kinds:
        _reject(values, name)
    if len(kinds) > 1 or kinds & {"date", "duration"}:  # NaN stands for a missing value of any kind
        values = [None if is_missing(value) else value for value in values]
        kinds = {kind_of(cls) for cls in set(map(type, values))} - {"missing"}
    if not kinds:
        return all_missing(len(values))
    if len(kinds) > 1:
        _reject_mixture(values, name)
    (kind,) = kinds
    if kind == "category":
        return categories([str(v) if isinstance(v, str) else None for v in values], "string")
    if kind == "date":
        return _dates(values, name, time_zone)
    if kind == "duration":
        deltas = np.array(
            ["NaT" if v is None else np.timedelta64(v, "us") for v in values], "timedelta64[us]"
        )
        return Values("duration", seconds(deltas))
    convert = _seconds_of_day if kind == "time" else _number
    assert kind is not None
    return Values(kind, np.array([convert(v) for v in values], dtype=np.float64))


def _number(value: Any) -> float:
    """A number as a float, NaN if it is missing; an integer that is too large is infinite."""
    if type(value).__name__ in _MISSING:
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def _seconds_of_day(time: datetime.time | None) -> float:
    """The seconds since midnight."""
    if not isinstance(time, datetime.time):
        return np.nan
    return time.hour * 3600 + time.minute * 60 + time.second + time.microsecond * 1e-6


def _dates(values: Sequence[Any], name: str, time_zone: str) -> Values:
    """Dates and datetimes; those with a time zone in the wall time of one zone."""
    aware = {getattr(v, "tzinfo", None) is not None for v in values if v is not None}
    if len(aware) > 1:
        raise ValueError(
            f"Column {name!r} mixes dates with a time zone and dates without one. Convert the "
            "column, for example with pandas.to_datetime(..., utc=True)."
        )
    zone = (time_zone or "UTC") if aware == {True} else ""
    if zone:
        target = ZoneInfo(zone)
        values = [v if v is None else v.astimezone(target).replace(tzinfo=None) for v in values]
    microseconds = [np.datetime64("NaT" if v is None else v, "us") for v in values]
    return Values("date", np.array(microseconds, "datetime64[us]"), time_zone=zone)


def _first(values: Sequence[Any], kind: ValueKind | None) -> tuple[int, Any]:
    """The first value of a kind, and its row."""
    return next((i, v) for i, v in enumerate(values) if kind_of(v.__class__) == kind)


def _reject(values: Sequence[Any], name: str) -> None:
    """Raise TypeError about a value of a class that is not supported."""
    row, value = _first(values, None)
    problem = f"Column {name!r} contains {excerpt(value)}, of type {type(value).__name__}, in row "
    if isinstance(value, numbers.Complex):
        raise ValueError(f"Complex data not supported. {problem}{row}. Split it into two columns.")
    advice = "Convert the values to one of these."
    if isinstance(value, _NESTED) or hasattr(value, "__array__"):
        advice = "Give each part of a nested value a column of its own."
    elif isinstance(value, bytes):
        advice = f"Decode the bytes: X[{name!r}].str.decode('utf-8')."
    # the words that scikit-learn's checks of estimators look for
    raise TypeError(
        f"{problem}{row}. Each value of this argument must be a string, a number, a boolean, a date"
        f" or missing. {advice}"
    )


def _reject_mixture(values: Sequence[Any], name: str) -> None:
    """Raise TypeError about a column of several types."""
    kinds = dict.fromkeys(kind_of(v.__class__) for v in values)  # in the order of the rows
    examples = [_first(values, kind) for kind in kinds if kind != "missing"]
    shown = " and ".join(f"{excerpt(v)} ({type(v).__name__}, row {row})" for row, v in examples[:3])
    raise MixedTypes(
        f"Column {name!r} mixes types: {shown}. The values of a column must have one type. To "
        f"use them as categories, convert them: X[{name!r}] = X[{name!r}].astype('string')."
    )
