"""Dates and datetimes."""

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mlpkit_tabular import TabularEncoder
from mlpkit_tabular.encoding.dates import PARTS, parts_of


def names(values: object) -> list[str]:
    """The encoded columns of a table of one column of dates."""
    return TabularEncoder().fit(pd.DataFrame({"t": values})).get_feature_names_out().tolist()


def test_the_parts_are_those_of_pandas() -> None:
    """Also before 1970, and in leap years."""
    times = pd.date_range("1899-12-30", "2101-01-01", freq="39999h6min").to_series()
    parts = dict(zip(PARTS, parts_of(times.to_numpy("datetime64[us]")), strict=True))
    assert np.array_equal(parts["year"], times.dt.year)
    assert np.array_equal(parts["month"], times.dt.month)
    assert np.array_equal(parts["day"], times.dt.day)
    assert np.array_equal(parts["day_of_week"], times.dt.day_of_week)
    np.testing.assert_allclose(parts["hour"], times.dt.hour + times.dt.minute / 60)
    angle = 2 * np.pi * (times.dt.day_of_year - 1) / 365.2425
    np.testing.assert_allclose(parts["season_cos"], np.cos(angle))
    days = (times - pd.Timestamp(0)) / pd.Timedelta("1D")
    np.testing.assert_allclose(parts["elapsed"], days)


def test_only_parts_that_vary_are_kept() -> None:
    """Days of one month have no year, month or hour."""
    days = pd.date_range("2024-05-01", "2024-05-31")
    assert set(names(days)) == {
        *("t_elapsed", "t_day", "t_day_of_week", "t_season_sin", "t_season_cos")
    }
    assert set(names(pd.date_range("2024-05-01", periods=24, freq="h"))) == {
        *("t_elapsed", "t_hour", "t_hour_sin", "t_hour_cos")
    }


def test_missing_dates_have_an_indicator() -> None:
    """Their parts are the medians."""
    frame = pd.DataFrame({"t": [pd.Timestamp("2024-01-01"), pd.NaT, pd.Timestamp("2025-01-02")]})
    encoder = TabularEncoder().fit(frame)
    kinds = [column.kind for column in encoder.columns]
    assert set(kinds) == {"date", "missing"}
    encoded = encoder.transform(frame)
    assert encoded[1].tolist() == [float(kind == "missing") for kind in kinds]
    assert encoded[0, kinds.index("missing")] == 0


DAYS = [datetime.date(2024, 1, 1), None, datetime.date(2025, 6, 7)]


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(pd.Series(DAYS)),
        pd.Series(DAYS, dtype=object),
        pd.Series(DAYS, dtype="date32[pyarrow]"),
        pd.Series([*map(np.datetime64, DAYS)], dtype=object),
        pd.Series(pd.PeriodIndex(DAYS, freq="D")),
    ],
    ids=["datetime64", "object", "arrow", "NumPy", "period"],
)
def test_every_type_of_date_gives_the_same_parts(values: pd.Series) -> None:
    """As in polars."""
    expected = TabularEncoder().fit_transform(pl.DataFrame({"t": DAYS}))
    assert np.array_equal(expected, TabularEncoder().fit_transform(pd.DataFrame({"t": values})))


def test_parts_are_those_of_the_time_zone_of_fit() -> None:
    """Later tables may have another zone."""
    times = pd.date_range("2024-01-01", periods=100, freq="7h", tz="America/New_York")
    frame = pd.DataFrame({"t": times})
    encoder = TabularEncoder().fit(frame)
    expected = encoder.transform(frame)
    in_utc = frame["t"].dt.tz_convert("UTC")
    objects = pd.Series([t.astimezone(ZoneInfo("Asia/Tokyo")) for t in times], dtype=object)
    for values in (in_utc, in_utc.astype("timestamp[us, tz=UTC][pyarrow]"), objects):
        assert np.array_equal(expected, encoder.transform(pd.DataFrame({"t": values})))
    local = pd.DataFrame({"t": times.tz_localize(None)})
    assert np.array_equal(expected, TabularEncoder().fit_transform(local))


def test_offsets_without_a_name_are_read_in_utc() -> None:
    """No library can convert to them by name."""
    times = pd.date_range("2024-01-01", periods=9, freq="7h", tz="UTC")
    shifted = pd.DataFrame({"t": times.tz_convert("+02:30")})
    expected = TabularEncoder().fit_transform(pd.DataFrame({"t": times}))
    assert np.array_equal(expected, TabularEncoder().fit_transform(shifted))


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"])
@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_strings_that_are_dates_are_dates(form: str, library: type) -> None:
    """Dates and strings may replace each other in later tables."""
    times = pd.date_range("2024-01-01", periods=50, freq="31h").to_list()
    dates, strings = library({"t": times}), library({"t": [t.strftime(form) for t in times]})
    encoder = TabularEncoder().fit(dates)
    expected = encoder.transform(dates)
    assert np.array_equal(expected, encoder.transform(strings))
    of_strings = TabularEncoder().fit(strings)
    assert of_strings.columns == encoder.columns
    assert np.array_equal(expected, of_strings.transform(dates))
    assert np.array_equal(expected[:1], of_strings.transform(strings[:1]))


def test_other_strings_stay_categories() -> None:
    """A day that does not exist, one other string, a year, and a categorical column."""
    days = ["2024-01-01", "2024-01-02"]
    for values in ([*days, "2024-02-30"], [*days, "soon"], ["2024", "2025"], pd.Categorical(days)):
        kinds = {c.kind for c in TabularEncoder().fit(pd.DataFrame({"t": values})).columns}
        assert kinds == {"one_hot"}


def test_strings_that_are_no_dates_are_rejected_later() -> None:
    """The message shows the first string."""
    encoder = TabularEncoder().fit(pd.DataFrame({"t": ["2024-01-01", "2024-01-02"]}))
    with pytest.raises(ValueError, match="'t' contained dates in fit.*such as 'soon' in row 0"):
        encoder.transform(pd.DataFrame({"t": ["soon", "2024-01-02"]}))
