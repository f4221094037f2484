"""Strings and categories."""

import numpy as np
import pandas as pd
import pytest

from mlpkit.plugin import Column
from mlpkit_tabular import TabularEncoder


def fitted(values: object, **options: object) -> TabularEncoder:
    """The encoder of a table of one column."""
    return TabularEncoder(**options).fit(pd.DataFrame({"a": values}))


def codes(encoder: TabularEncoder, values: object) -> list[list[float]]:
    """The encoded rows of one column."""
    return encoder.transform(pd.DataFrame({"a": values})).tolist()


def test_few_levels_are_one_hot_columns() -> None:
    """Sorted; a level that fit did not see is all zeros."""
    encoder = fitted(["b", "a", "c"])
    assert encoder.get_feature_names_out().tolist() == ["a_a", "a_b", "a_c"]
    assert codes(encoder, ["a", "c", "new"]) == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_missing_is_a_slot_if_fit_saw_it() -> None:
    """As a column here, and as a code with many levels."""
    encoder = fitted(["b", "a", None])
    assert encoder.columns[-1] == Column("a_missing", "a", "missing")
    assert codes(encoder, ["a", None, "new"]) == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert codes(fitted(["b", "a"]), ["a", None]) == [[1, 0], [0, 0]]
    assert codes(fitted(["b", "a", None], max_one_hot=1), ["b", None, "new"]) == [[1], [2], [3]]
    assert codes(fitted(["b", "a"], max_one_hot=1), ["b", None, "new"]) == [[1], [2], [2]]


def test_more_than_eight_levels_are_codes() -> None:
    """Levels, then one slot for levels that fit did not see."""
    letters = list("ihgfedcba")
    assert len(fitted(letters[1:]).columns) == 8
    encoder = fitted(letters)
    assert encoder.columns == (Column("a", "a", "category", 10),)
    assert codes(encoder, ["a", "i", "z"]) == [[0], [8], [9]]


def test_rare_levels_share_a_slot_with_those_that_fit_did_not_see() -> None:
    """Levels seen fewer than min(10, n / 200) times."""
    values = ["x"] * 500 + ["y"] * 491 + ["r"] * 5 + ["s"] * 4
    encoder = fitted(values)
    assert encoder.get_feature_names_out().tolist() == ["a_r", "a_x", "a_y", "a_rare"]
    assert codes(encoder, ["r", "s", "new"]) == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    by_code = fitted([*values, None], min_count=5, max_one_hot=2)
    assert by_code.columns == (Column("a", "a", "category", 5),)
    assert codes(by_code, ["r", "y", "s", "new", None]) == [[0], [2], [3], [3], [4]]


@pytest.mark.parametrize(("n", "times"), [(200, 1), (400, 2), (2000, 10), (4000, 10)])
def test_the_minimum_count_depends_on_the_rows(n: int, times: int) -> None:
    """A level at the minimum is kept, and one below it is rare."""
    filler = ["x"] * (n - 2 * times + 1)
    encoder = fitted([*filler, *["at"] * times, *["below"] * (times - 1)])
    names = encoder.get_feature_names_out().tolist()
    assert names == ["a_at", "a_x", *["a_rare"] * (times > 1)]


def test_options_set_the_limits() -> None:
    """Of rare levels, one-hot columns and levels."""
    values = [*"aaabbc"]
    assert fitted(values, min_count=2).get_feature_names_out().tolist() == ["a_a", "a_b", "a_rare"]
    assert fitted(values, max_one_hot=2).columns[0].kind == "category"
    assert fitted(values, max_levels=1).get_feature_names_out().tolist() == ["a_a", "a_rare"]


def test_a_constant_category_vanishes() -> None:
    """Its indicator of missing values stays."""
    frame = pd.DataFrame({"a": ["x"] * 3, "b": ["x", None, "x"]})
    encoder = TabularEncoder().fit(frame)
    assert encoder.columns == (Column("b_missing", "b", "missing"),)
    assert encoder.transform(frame).ravel().tolist() == [0, 1, 0]


def test_identifiers_vanish() -> None:
    """Strings that are all different are all rare, so that they are constant."""
    frame = pd.DataFrame({"id": [f"id {i}" for i in range(1000)], "x": np.arange(1000)})
    assert TabularEncoder().fit(frame).get_feature_names_out().tolist() == ["x"]


@pytest.mark.parametrize(
    "values",
    [
        ["b", None, "a", "b"],
        pd.array(["b", None, "a", "b"], dtype="string"),
        pd.array(["b", None, "a", "b"], dtype="string[pyarrow]"),
        pd.Categorical(["b", None, "a", "b"], categories=["b", "never", "a"]),
        pd.Series(["b", np.nan, "a", "b"], dtype=object),
    ],
    ids=["str", "string", "arrow", "categorical", "object"],
)
def test_every_type_of_string_gives_the_same_levels(values: object) -> None:
    """Categories that do not occur do not become levels."""
    encoder = fitted(values)
    assert encoder.get_feature_names_out().tolist() == ["a_a", "a_b", "a_missing"]
    assert codes(encoder, values) == codes(encoder, ["b", None, "a", "b"])


def test_long_and_short_columns_of_strings_are_read_alike() -> None:
    """Long ones are factorized by pandas."""
    values = [*["b", None, "a"] * 1000]
    encoder = fitted(values)
    assert codes(encoder, values)[:3] == codes(encoder, values[:3])


def test_categories_of_numbers_accept_numbers_and_strings() -> None:
    """The level is the number."""
    encoder = fitted(pd.Categorical([1, 2, 3, 1]))
    assert encoder.get_feature_names_out().tolist() == ["a_1", "a_2", "a_3"]
    for values in ([2, 4], [2.0, np.nan], ["2", "4"], pd.Categorical([2, None])):
        assert codes(encoder, values) == [[0, 1, 0], [0, 0, 0]]


def test_categories_of_booleans_accept_booleans() -> None:
    """The levels are False and True."""
    encoder = fitted(pd.Categorical([True, False, None]))
    assert codes(encoder, [True, False]) == [[0, 1, 0], [1, 0, 0]]


def test_intervals_are_categories() -> None:
    """pandas.cut makes them."""
    x = pd.Series(np.arange(10.0))
    for values in (pd.cut(x, 2), pd.cut(x, 2).astype("interval")):
        assert len(fitted(values).columns) == 2
