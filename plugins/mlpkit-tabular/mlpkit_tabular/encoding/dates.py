"""The encoding of dates: elapsed time and the parts that vary."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from mlpkit.plugin import Array, Arrays, Column
from mlpkit_tabular.encoding.numeric import joined_flags, varies
from mlpkit_tabular.encoding.scaling import Scales, learn_scales
from mlpkit_tabular.encoding.schema import Reader

DAY, YEAR = 24 * 3600.0, 365.2425
PARTS = (
    "elapsed",
    "year",
    "month",
    "day",
    "day_of_week",
    "hour",
    "season_sin",
    "season_cos",
    "hour_sin",
    "hour_cos",
)


def parts_of(dates: Array) -> Array:
    """Return the parts of dates, float64 (10, n), NaN for missing dates, in the order of `PARTS`.

    Elapsed time is in days since 1970. Hours have fractions. The sines and cosines are those of
    the day in the year and of the time in the day, so that the end of a year is close to the
    beginning of the next one.

    >>> import numpy as np
    >>> parts_of(np.array(["2024-02-29T06:00"], "datetime64[us]"))[:6].ravel()
    array([1.978225e+04, 2.024000e+03, 2.000000e+00, 2.900000e+01,
           3.000000e+00, 6.000000e+00])
    """
    missing = np.isnat(dates)
    dates = np.where(missing, np.datetime64(0, "us"), dates)
    days, months, years = (dates.astype(f"datetime64[{unit}]") for unit in "DMY")
    in_day = (dates - days) / np.timedelta64(1, "s")
    day_number = days.astype(np.int64)
    season = 2 * np.pi * ((days - years).astype(np.int64) / YEAR)
    time = 2 * np.pi * in_day / DAY
    result = np.array(
        [
            day_number + in_day / DAY,
            years.astype(np.int64) + 1970,
            months.astype(np.int64) % 12 + 1,
            (days - months).astype(np.int64) + 1,
            (day_number + 3) % 7,  # 0 is Monday; 1970 began on a Thursday
            in_day / 3600,
            np.sin(season),
            np.cos(season),
            np.sin(time),
            np.cos(time),
        ]
    )
    result[:, missing] = np.nan
    return result


class Dates(NamedTuple):
    """Columns of dates: the scaled parts that vary, and indicators of missing dates.

    Parameters
    ----------
    positions : tuple of int
        The columns of the table, k of them.
    scales : Scales
        How the ten parts of each are scaled, k * 10 of them. Parts whose factor is zero are left
        out.
    missing : ndarray of shape (k,)
        Whether the column has an indicator of missing dates.
    """

    positions: tuple[int, ...]
    scales: Scales
    missing: Array

    @classmethod
    def fit(cls, dates: Array, position: int) -> Self:
        """Learn from a column of dates, datetime64[us] (n,)."""
        scales = learn_scales(parts_of(dates))
        return cls((position,), scales, varies(np.isnat(dates)[None]))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the columns of several parts as one."""
        return cls(
            tuple(position for part in parts for position in part.positions),
            Scales.joined([part.scales for part in parts]),
            joined_flags([part.missing for part in parts]),
        )

    def columns(self, names: tuple[str, ...]) -> list[Column]:
        """The encoded columns."""
        sources = [names[position] for position in self.positions]
        parts = [Column(f"{s}_{part}", s, "date") for s in sources for part in PARTS]
        varying = np.flatnonzero(self.scales.factor > 0)
        indicators = [
            Column(f"{s}_missing", s, "missing")
            for s, m in zip(sources, self.missing, strict=True)
            if m
        ]
        return [*(parts[i] for i in varying), *indicators]

    def encode(self, reader: Reader) -> list[Array]:
        """The encoded columns of rows, each (n,)."""
        if not self.positions:
            return []
        dates = [reader.read(position).data for position in self.positions]
        x = np.concatenate([parts_of(column) for column in dates])
        varying = self.scales.factor > 0
        indicators = [np.isnat(d) for d, m in zip(dates, self.missing, strict=True) if m]
        return [*self.scales.of(varying)(x[varying]), *indicators]

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays, and values that JSON can represent."""
        arrays = {"scales": np.stack(self.scales), "missing": self.missing}
        return arrays, {"positions": list(self.positions)}

    @classmethod
    def from_state(cls, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """The inverse of `state`."""
        missing = np.asarray(arrays["missing"], dtype=bool)
        return cls(tuple(settings["positions"]), Scales(*np.asarray(arrays["scales"])), missing)
