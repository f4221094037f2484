"""Numbers, booleans, durations and times of day."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mlpkit_tabular import TabularEncoder
from mlpkit_tabular.encoding.scaling import learn_scales


def encoded(values: object, **options: object) -> dict[str, np.ndarray]:
    """The encoded columns of a table of one column, by name."""
    frame = pd.DataFrame({"a": values})
    encoder = TabularEncoder(**options).fit(frame)
    return dict(zip(encoder.get_feature_names_out(), encoder.transform(frame).T, strict=True))


def test_numbers_are_scaled_by_median_and_iqr_and_clipped_smoothly() -> None:
    """The formula of the documentation."""
    x = np.random.default_rng(0).standard_cauchy(500)
    first, center, third = np.percentile(x, [25, 50, 75])
    z = (x - center) / (third - first)
    np.testing.assert_allclose(z / np.sqrt(1 + (z / 3) ** 2), encoded(x)["a"], rtol=1e-5, atol=1e-6)


def test_the_range_replaces_an_iqr_of_zero() -> None:
    """Most values are equal."""
    x = np.array([0.0] * 9 + [4.0])
    assert encoded(x)["a"][-1] == pytest.approx(2 / np.sqrt(1 + (2 / 3) ** 2))


def test_missing_numbers_are_the_median_and_have_an_indicator() -> None:
    """NaN and None."""
    columns = encoded([1.0, np.nan, 2.0, None, 3.0])
    assert columns["a"].tolist()[1::2] == [0, 0]
    assert columns["a_missing"].tolist() == [0, 1, 0, 1, 0]


def test_missing_numbers_that_fit_did_not_see_are_the_median() -> None:
    """There is no indicator."""
    encoder = TabularEncoder().fit(np.array([[1.0], [2.0], [3.0]]))
    assert encoder.transform(np.array([[np.nan]])).tolist() == [[0]]


def test_infinite_numbers_are_the_largest_and_smallest_of_fit() -> None:
    """In fit as later."""
    columns = encoded([1.0, 2.0, 3.0, 4.0, np.inf, -np.inf])
    assert columns["a"][4] == columns["a"][3]
    assert columns["a"][5] == columns["a"][0]
    assert "a_missing" not in columns


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e300, 8.9e307])
def test_extreme_numbers_stay_finite_and_in_order(scale: float) -> None:
    """Neither the range nor the quotients overflow."""
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) * scale
    z = encoded(x)["a"]
    assert np.isfinite(z).all()
    assert np.array_equal(np.sign(z), np.sign(x))


def test_a_constant_column_vanishes_and_keeps_its_indicator() -> None:
    """Only whether the value is missing varies."""
    frame = pd.DataFrame({"a": [1.0, 1, 1], "b": [2.0, np.nan, 2], "c": [1, 2, 3]})
    assert TabularEncoder().fit(frame).get_feature_names_out().tolist() == ["c", "b_missing"]


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, None, 3], dtype="Int64"),
        pd.array([1, None, 3], dtype="Float32"),
        pd.array([1, None, 3], dtype="uint8[pyarrow]"),
        pd.array([1, np.nan, 3], dtype="Sparse[float]"),
        [Decimal(1), None, Decimal(3)],
        [1, None, Fraction(3)],
        [np.int8(1), pd.NA, np.float32(3)],
    ],
    ids=lambda values: str(getattr(values, "dtype", "object")),
)
def test_every_type_of_number_is_a_number(values: object) -> None:
    """Nullable, backed by Arrow, decimals, objects."""
    expected = encoded([1.0, np.nan, 3.0])
    actual = encoded(pd.Series(values, dtype=getattr(values, "dtype", object)))
    assert list(expected) == list(actual)
    np.testing.assert_array_equal(list(expected.values()), list(actual.values()))


def test_huge_integers_count_as_infinite() -> None:
    """Python's integers have no limit."""
    z = encoded(pd.Series([10**400, -(10**400), 1, 2], dtype=object))["a"]
    assert z.tolist()[:2] == [z[3], z[2]]


def test_booleans_are_zero_or_one() -> None:
    """Missing ones are zero, with an indicator."""
    assert encoded([True, False])["a"].tolist() == [1, 0]
    columns = encoded(pd.array([True, None, False], dtype="boolean"))
    assert columns["a"].tolist() == [1, 0, 0]
    assert columns["a_missing"].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "values",
    [
        [
            datetime.timedelta(seconds=1),
            None,
            datetime.timedelta(seconds=5),
            np.timedelta64(3, "s"),
        ],
        [datetime.time(0, 0, 1), None, datetime.time(0, 0, 5), datetime.time(0, 0, 3)],
    ],
    ids=["durations", "times"],
)
def test_durations_and_times_of_day_are_seconds(values: list[object]) -> None:
    """Scaled as numbers."""
    actual = encoded(pd.Series(values, dtype=object))
    np.testing.assert_array_equal(list(encoded([1, np.nan, 5, 3]).values()), list(actual.values()))


def test_scales_of_a_column_without_finite_values_are_zero() -> None:
    """It vanishes."""
    assert learn_scales(np.array([[np.nan, np.inf]])).factor.tolist() == [0]


def test_masked_values_are_missing() -> None:
    """In masked arrays."""
    masked = np.ma.masked_array([[1.0], [5.0], [3.0]], mask=[[False], [True], [False]])
    expected = TabularEncoder().fit_transform(np.array([[1.0], [np.nan], [3.0]]))
    assert np.array_equal(expected, TabularEncoder().fit_transform(masked))


def test_integers_that_numpy_lacks_are_numbers() -> None:
    """Those of 128 bits of polars."""
    frame = pl.DataFrame({"a": pl.Series([1, 2**100, None], dtype=pl.Int128)})
    expected = TabularEncoder().fit_transform(np.array([[1.0], [2.0**100], [np.nan]]))
    assert np.array_equal(expected, TabularEncoder().fit_transform(frame))
