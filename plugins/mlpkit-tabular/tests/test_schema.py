"""Tables that cannot be encoded, in `fit` and later; messages name the column."""

import datetime
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from mlpkit_tabular import TabularEncoder

FRAME = pd.DataFrame(
    {
        "age": [30, 40, 50],
        "sex": ["f", "m", "f"],
        "member": [True, False, True],
        "since": pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"]),
        "stay": pd.to_timedelta([1, 2, 3], unit="h"),
    }
)


@pytest.fixture
def encoder() -> TabularEncoder:
    """Fitted to five types of columns."""
    return TabularEncoder().fit(FRAME)


def test_the_order_of_columns_does_not_matter(encoder: TabularEncoder) -> None:
    """New columns are ignored."""
    shuffled = FRAME[["since", "sex", "stay", "age", "member"]].assign(new=1)
    assert np.array_equal(encoder.transform(FRAME), encoder.transform(shuffled))


@pytest.mark.parametrize(
    "types",
    [
        {"age": "float32", "sex": "category"},
        {"age": "Int8", "sex": object, "since": "datetime64[ns]"},
        {"age": object, "member": "boolean", "stay": object, "since": object},
        {"member": "int8", "since": "datetime64[s]"},
        {"member": float},
    ],
    ids=str,
)
def test_types_of_the_same_kind_are_accepted(encoder: TabularEncoder, types: dict) -> None:  # type: ignore[type-arg]
    """Other integers and floats, categories for strings, 0 and 1 for booleans."""
    assert np.array_equal(encoder.transform(FRAME), encoder.transform(FRAME.astype(types)))


def test_columns_of_missing_values_are_accepted(encoder: TabularEncoder) -> None:
    """Whatever the column contained in fit."""
    missing = pd.DataFrame(None, index=FRAME.index, columns=FRAME.columns, dtype=object)
    assert np.isfinite(encoder.transform(missing)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"age": ["30", "old", "50"]},
            "Column 'age' contained numbers in fit, but now it contains strings or categories, "
            "such as '30' in row 0. Convert it to numbers, for example with pandas.to_numeric.",
        ),
        (
            {"age": [None, datetime.date(2024, 1, 1), None]},
            "Column 'age' contained numbers in fit, but now it contains dates, such as "
            "'2024-01-01T00:00:00.000000' in row 1.",
        ),
        (
            {"sex": [np.nan, 1, 2]},
            "Column 'sex' contained strings or categories in fit, but now it contains numbers, "
            "such as 1.0 in row 1. Convert it to strings.",
        ),
        (
            {"sex": [True, False, True]},
            "Column 'sex' contained strings or categories in fit, but now it contains booleans, "
            "such as True in row 0. Convert it to strings.",
        ),
        (
            {"member": [1, 2, 3]},
            "Column 'member' contained booleans in fit, but now it contains numbers, such as 2.0 "
            "in row 1. Convert it to booleans.",
        ),
        (
            {"since": [2020, 2021, 2022]},
            "Column 'since' contained dates in fit, but now it contains numbers, such as 2020.0 in "
            "row 0. Convert it to dates, for example with pandas.to_datetime.",
        ),
        (
            {"since": FRAME["since"].dt.tz_localize("UTC")},
            "Column 'since' contained dates without a time zone in fit, but now it contains dates "
            "with a time zone. Convert it: X['since'].dt.tz_localize(None).",
        ),
        (
            {"stay": [datetime.time(1), None, None]},
            "Column 'stay' contained durations in fit, but now it contains times of day, such as "
            "3600.0 seconds in row 0.",
        ),
    ],
)
def test_columns_of_another_kind_are_rejected(
    encoder: TabularEncoder,
    changes: dict,  # type: ignore[type-arg]
    message: str,
) -> None:
    """The message has the name, both kinds, and the first value of the new kind."""
    with pytest.raises(ValueError, match=re.escape(message)):
        encoder.transform(FRAME.assign(**changes))


def test_dates_need_the_time_zone_that_they_had() -> None:
    """The message says how to add it."""
    aware = FRAME.assign(since=FRAME["since"].dt.tz_localize("Europe/Berlin"))
    encoder = TabularEncoder().fit(aware)
    with pytest.raises(ValueError, match=re.escape("X['since'].dt.tz_localize('Europe/Berlin').")):
        encoder.transform(FRAME)


def test_absent_columns_are_named(encoder: TabularEncoder) -> None:
    """With the column that is spelled almost like it."""
    with pytest.raises(ValueError, match=r"X lacks a column that fit saw: 'age'\. Add it, filled"):
        encoder.transform(FRAME.drop(columns="age"))
    with pytest.raises(ValueError, match=r"X lacks columns that fit saw: 'age', 'sex'\."):
        encoder.transform(FRAME.drop(columns=["age", "sex"]))
    with pytest.raises(ValueError, match=re.escape("X.rename(columns={'Age': 'age'})")):
        encoder.transform(FRAME.rename(columns={"age": "Age"}))
    with pytest.raises(ValueError, match=r"X has columns that fit did not see: 'unlike'\."):
        encoder.transform(FRAME.rename(columns={"age": "unlike"}))


def test_arrays_match_by_position(encoder: TabularEncoder) -> None:
    """The number of columns must be the same."""
    rows = FRAME.astype(object).to_numpy()
    assert np.array_equal(encoder.transform(FRAME), encoder.transform(rows))
    with pytest.raises(
        ValueError, match="X has 4 features, but TabularEncoder is expecting 5 feat"
    ):
        encoder.transform(rows[:, :4])


MESSAGES = {
    "duplicates": (
        pd.DataFrame(np.eye(3), columns=["a", "b", "a"]),
        "The names of the columns of X must be unique, but several columns are named 'a'.",
    ),
    "duplicates in Arrow": (
        pa.table([[1, 2], [3, 4]], names=["a", "a"]),
        "'a'",
    ),
    "equal as strings": (
        pd.DataFrame(np.eye(2), columns=[1, "1"]),
        "The names of the columns of X must be unique, but several columns are named '1'.",
    ),
    "lists": (
        pd.DataFrame({"a": [[1], [2]]}),
        "Column 'a' contains [1], of type list, in row 0. Each value of this argument must be a "
        "string, a number, a boolean, a date or missing. Give each part of a nested value a column",
    ),
    "lists of polars": (pl.DataFrame({"a": [[1], [2]]}), "Column 'a' contains [1], of type list"),
    "structs": (pl.DataFrame({"a": [{"b": 1}]}), "Column 'a' contains {'b': 1}, of type dict"),
    "dictionaries": (
        pd.DataFrame({"a": [None, {}]}),
        "Column 'a' contains {}, of type dict, in row 1",
    ),
    "bytes": (pd.DataFrame({"a": [b"x"]}), "Decode the bytes: X['a'].str.decode('utf-8')."),
    "other objects": (pd.DataFrame({"a": [object]}), "of type type, in row 0."),
    "complex": (np.array([[1j]]), "Complex data not supported. Column 'x0' contains 1j"),
    "mixed types": (
        pd.DataFrame({"a": pd.Series([None, 1, "x", True], dtype=object)}),
        "Column 'a' mixes types: 1 (int, row 1) and 'x' (str, row 2) and True (bool, row 3). The "
        "values of a column must have one type. To use them as categories, convert them: X['a'] = "
        "X['a'].astype('string').",
    ),
    "several mixed columns": (
        pd.DataFrame({"a": [1, "x"], "b": [1, 2], "c": ["x", True], "d": [{}, 1]}),
        "X['a'].astype('string'). The same applies to these columns: 'c'.",
    ),
    "mixed categories": (
        pd.DataFrame({"a": pd.Categorical([1, "x"], categories=[1, "x"])}),
        "Column 'a' mixes types: 1 (int, row 0) and 'x' (str, row 1).",
    ),
    "mixed time zones": (
        [[datetime.datetime(2024, 1, 1)], [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)]],
        "Column 'x0' mixes dates with a time zone and dates without one.",
    ),
    "ragged rows": (
        [[1, 2], [3]],
        "The rows of X must have the same number of values, got rows of 1",
    ),
    "a vector": ([1.0, 2.0], "Expected 2D array, got 1D array instead."),
    "nothing": (None, "or a list of rows, got NoneType."),
    "a dictionary": ({"a": [1, 2]}, "got dict. Convert it to a frame: pandas.DataFrame(X)."),
    "dictionaries as rows": ([{"a": 1}], "Convert them to a frame: pandas.DataFrame(X)."),
    "a number": (np.float64(1), "Expected 2D array, got scalar array instead."),
    "sparse rows": (
        csr_array(np.eye(2)),
        "Sparse data was passed for X, but dense data is required.",
    ),
    "a lazy frame": (pl.LazyFrame({"a": [1]}), "X is a lazy frame. Collect its rows first"),
    "no rows": (FRAME[:0], "X has 0 sample(s) (shape=(0, 5)) while a minimum of 1 is required."),
    "no columns": (
        FRAME[[]],
        "X has 0 feature(s) (shape=(3, 0)) while a minimum of 1 is required.",
    ),
    "missing values only": (
        pd.DataFrame({"a": [None, None], "b": [np.nan, np.nan]}),
        "All values of X are missing, in 2 rows and 2 columns.",
    ),
    "constants": (
        pd.DataFrame({"a": [1, 1], "b": ["x", "x"]}),
        "All columns of X are constant in its 2 rows ('a', 'b'), so nothing can be",
    ),
    "one row": (FRAME[:1], "X has 1 sample (n_samples=1), so all of its columns are constant."),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_invalid_tables_are_rejected(name: str) -> None:
    """The message says what was found, and what to do."""
    table, message = MESSAGES[name]
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        TabularEncoder().fit(table)


def test_targets_and_weights_need_the_length_of_the_table() -> None:
    """And some weight must not be zero."""
    with pytest.raises(ValueError, match="y must have one target for each of the 3 rows, got 2"):
        TabularEncoder().fit(FRAME, [1, 2])
    with pytest.raises(ValueError, match="y must have one target for each of the 3 rows, got 7"):
        TabularEncoder().fit(FRAME, 7)
    with pytest.raises(ValueError, match=r"the 3 rows, shape \(3,\), got shape \(2,\)"):
        TabularEncoder().fit(FRAME, sample_weight=[1, 2])
    with pytest.raises(ValueError, match="at least one non-zero number"):
        TabularEncoder().fit(FRAME, sample_weight=[0, 0, 0])
