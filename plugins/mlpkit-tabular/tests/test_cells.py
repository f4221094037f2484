"""Few rows, whose cells are read at once: the same numbers and errors as those of many rows."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlpkit_tabular import TabularEncoder
from mlpkit_tabular.encoding.tables import FEW_ROWS, PandasTable

N = 3 * FEW_ROWS


def _frame() -> pd.DataFrame:
    """Columns of many types, with missing and infinite values, and rare levels."""
    rng = np.random.RandomState(0)
    numbers = np.where(rng.rand(N) < 0.2, np.nan, rng.normal(size=N))
    numbers[:2] = np.inf, -np.inf
    words = rng.choice(["a", "b", "c", "é"], N).astype(object)
    codes = np.array([f"c{i}" for i in rng.randint(0, 30, N)], dtype=object)
    with_none, with_nan = words.copy(), words.copy()
    with_none[rng.rand(N) < 0.2] = None
    with_nan[rng.rand(N) < 0.2] = np.nan
    counts = [None if rng.rand() < 0.2 else int(i) for i in rng.randint(1, 10, N)]
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.randint(0, 900, N), unit="D")
    return pd.DataFrame(
        {
            "float": numbers,
            "float32": numbers.astype("float32"),
            "integer": rng.randint(-5, 5, N),
            "large": rng.randint(2**62, 2**63 - 1, N),
            "unsigned": rng.randint(0, 2**63 - 1, N).astype("uint64") * 2,
            "bool": rng.rand(N) < 0.5,
            "nullable": pd.array(counts, "Int8"),
            "decimal": [Decimal(int(i)) / 4 for i in rng.randint(0, 9, N)],
            "words": words,
            "codes": codes,
            "with_none": with_none,
            "with_nan": with_nan,
            "string": pd.array(with_none, "string"),
            "python_string": pd.array(with_none, "string[python]"),
            "str": pd.array(with_none, "str"),
            "category": pd.Categorical(with_none),
            "category_of_strings": pd.Categorical(pd.array(codes, "str")),
            "category_of_objects": pd.Categorical(
                codes, pd.Index(sorted(set(codes)), dtype=object)
            ),
            "numbers_as_category": pd.Categorical(rng.randint(0, 4, N)),
            "day": days,
            "day_string": days.strftime("%Y-%m-%d"),
            "zoned": days.tz_localize("Europe/Zurich"),
            "duration": pd.to_timedelta(rng.randint(0, 900, N), unit="s"),
            "time": [datetime.time(int(h)) for h in rng.randint(0, 24, N)],
        }
    )


FRAME = _frame()
GROUPS: dict[str, list[str]] = {
    "all": list(FRAME),
    "numbers": ["float", "float32", "integer", "large", "unsigned"],
    "numbers and strings": ["float", "words", "integer", "string", "with_nan", "bool"],
    "numbers and dates": ["integer", "day", "float", "category"],
    "categories": ["category", "category_of_strings", "category_of_objects"],
    "no plain column": ["day", "category", "nullable"],
}


@pytest.mark.parametrize("names", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("n", [1, 3, FEW_ROWS])
def test_few_rows_have_the_numbers_of_many(names: list[str], n: int) -> None:
    """Bit for bit, for each type of columns of pandas and any order of the columns."""
    frame = FRAME[names]
    encoder = TabularEncoder().fit(frame, np.arange(N) % 7 == 0)
    expected = encoder.transform(frame)
    few = [encoder.transform(frame[i : i + n]) for i in range(0, N, n)]
    np.testing.assert_array_equal(np.concatenate(few), expected)
    np.testing.assert_array_equal(encoder.transform(frame[:n][names[::-1]]), expected[:n])
    more = frame[:n].assign(new="a")
    np.testing.assert_array_equal(encoder.transform(more), expected[:n])
    assert encoder.transform(frame[:0]).shape == (0, len(encoder.columns))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "object"])
def test_few_rows_of_an_array(dtype: str) -> None:
    """Rows of arrays, too."""
    names = ["words", "codes", "integer", "float"] if dtype == "object" else ["integer", "large"]
    X = FRAME[names].to_numpy(dtype=dtype)
    encoder = TabularEncoder().fit(X, np.arange(N) % 7)
    expected = encoder.transform(X)
    singles = [encoder.transform(X[i : i + 1]) for i in range(N)]
    np.testing.assert_array_equal(np.concatenate(singles), expected)


def test_unseen_and_missing_strings_of_one_row() -> None:
    """They have the slots that they have in many rows."""
    frame = FRAME[["words", "codes", "with_none", "string"]]
    encoder = TabularEncoder().fit(frame)
    for value in ("unseen", None, np.nan, pd.NA, pd.NaT, np.str_("a")):
        new = pd.DataFrame(dict.fromkeys(frame, [value] * N), dtype=object)
        np.testing.assert_array_equal(encoder.transform(new[:1]), encoder.transform(new)[:1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"float": "1.5"}, "Column 'float' contained numbers in fit, but now it contains strings"),
        ({"float": pd.Timestamp(0)}, "Column 'float' contained numbers in fit, .* dates"),
        ({"float": True}, None),
        ({"words": 1}, "Column 'words' contained strings or categories in fit, .* numbers"),
        ({"words": 1.5}, "Column 'words' contained strings or categories in fit, .* numbers"),
        ({"words": False}, "Column 'words' contained strings or categories in fit, .* booleans"),
        ({"words": b"a"}, "Column 'words' contains b'a', of type bytes, in row 0"),
        ({"duration": 3}, "Column 'duration' contained durations in fit, .* numbers"),
        ({"day": "soon"}, "Column 'day' contained dates in fit, .* strings"),
    ],
    ids=str,
)
@pytest.mark.parametrize("n", [1, N])
def test_types_of_one_row_are_checked(n: int, changes: Any, message: str | None) -> None:
    """With the messages for many rows, also for values of an object column."""
    encoder = TabularEncoder().fit(FRAME)
    for dtype in (None, object):
        new = {name: pd.Series([value] * n, dtype=dtype) for name, value in changes.items()}
        rows = FRAME[:n].assign(**new)
        if message is None:
            assert np.isfinite(encoder.transform(rows)).all()
            continue
        with pytest.raises((ValueError, TypeError), match=message):
            encoder.transform(rows)


def test_plain_columns_of_few_rows_are_not_read_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This would take most of the time of a prediction of one row."""
    frame = FRAME[["float", "words", "integer", "string", "str", "codes"]]
    encoder = TabularEncoder(level_means=False).fit(frame)
    read: list[int] = []
    values = PandasTable.values

    def counted(self: PandasTable, position: int, time_zone: str = "") -> Any:
        read.append(position)
        return values(self, position, time_zone)

    monkeypatch.setattr(PandasTable, "values", counted)
    encoder.transform(frame[:1])
    assert read == []
    encoder.transform(frame)
    assert sorted(read) == list(range(frame.shape[1]))
