"""The description of the encoder for exporters: in NumPy, it encodes as the encoder does."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlpkit import numpy_namespace
from mlpkit_tabular import TabularEncoder
from mlpkit_tabular.encoding.schema import Reader
from mlpkit_tabular.encoding.tables import as_table


def arrays_of(encoder: TabularEncoder, X: Any) -> list[np.ndarray]:
    """The arrays of the columns, as an exporter makes them of its inputs."""
    reader, arrays = Reader(encoder._schema, as_table(X)), []
    for column in encoder.portable().columns:
        values = reader.read(column.position)
        if column.kind == "category":
            levels = list(map(str, column.levels))
            if column.levels and not column.has_strings:
                levels = [str(int(level)) for level in column.levels]  # of these tests
                if values.origin == "boolean":
                    levels = [str(bool(level)) for level in column.levels]
            codes = [levels.index(v) if v in levels else len(levels) for v in values.levels]
            arrays.append(np.array([*codes, len(levels) + 1])[values.data])
        elif column.kind == "date":
            microseconds = values.data.astype(np.int64).astype(float)
            arrays.append(np.where(np.isnat(values.data), np.nan, microseconds))
        else:
            arrays.append(values.data.astype(float))
    return arrays


def check(encoder: TabularEncoder, X: Any) -> None:
    """The rows equal those of `transform`, in their dtype."""
    rows = encoder.portable().encode(numpy_namespace, arrays_of(encoder, X))
    expected = encoder.transform(X)
    assert rows.dtype == expected.dtype
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-6)


def wide(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A frame with every kind of column, and targets that depend on ties and rare levels."""
    rng = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "income": np.where(rng.rand(n) < 0.1, np.nan, rng.lognormal(3, 1, n)),
            "sex": rng.choice(["f", "m"], n),
            "city": pd.Categorical(rng.choice([f"c{i:02d}" for i in range(15)], n)),
            "member": rng.rand(n) < 0.4,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.randint(0, 900, n), "D"),
            "note": np.where(rng.rand(n) < 0.3, None, "x"),
        }
    )
    frame["numbers"] = pd.Categorical(rng.choice([1, 2, 3, 10], n))
    frame["booleans"] = pd.Categorical(rng.rand(n) < 0.5)
    frame["tied"] = np.where(rng.rand(n) < 0.5, rng.choice(np.arange(90) / 10, n), rng.rand(n) * 9)
    frame["zip"] = [f"z{i}" for i in rng.randint(0, 450, n)]
    frame["flag"] = pd.array(np.where(rng.rand(n) < 0.1, None, rng.rand(n) < 0.5), "boolean")
    frame["infinite"] = np.select([rng.rand(n) < 0.1, rng.rand(n) < 0.1], [np.inf, -np.inf], 1.5)
    frame["infinite"] += rng.rand(n)
    frame["wait"] = pd.to_timedelta(rng.randint(0, 999, n), "s")
    frame["none"] = None
    frame["constant"] = 1.0
    tied = (np.round(frame["tied"] * 10) % 2).where(frame["tied"] * 10 % 1 == 0, 0.5)
    rare = frame["zip"].str[1:].astype(int) % 7
    return frame, 2 * tied.to_numpy() + rare.to_numpy()


@pytest.mark.parametrize("min_count", [None, 0])
def test_the_description_encodes_as_the_encoder_does(min_count: float | None) -> None:
    """New rows with missing values and unknown levels in every column; one row, and no row."""
    frame, y = wide(3000, 0)
    encoder = TabularEncoder(min_count=min_count).fit(frame, y)
    kinds = {column.kind for column in encoder.columns}
    names = [column.name for column in encoder.columns]
    assert kinds == {"numeric", "category", "one_hot", "boolean", "date", "missing"}
    assert min_count == 0 or {"tied_value", "zip_mean"} <= set(names)
    new, _ = wide(500, 1)
    for i, name in enumerate(set(new) - {"booleans", "member"}):
        new[name] = new[name].astype(object) if name in ("sex", "zip") else new[name]
        new.loc[10 * i : 10 * i + 5, name] = None
    new.loc[400:, "sex"], new.loc[450:, "zip"] = "unknown", "unknown"
    for rows in (frame, new, new[:1], new[:0]):
        check(encoder, rows)
    state = encoder.get_state()
    check(TabularEncoder().set_state(*state), new)


def test_dates_of_all_times() -> None:
    """Leap days, turns of years and of days, and dates before 1970, to the microsecond."""
    days = pd.date_range("1700-02-27", "2250-03-02", freq="373h").to_series()
    turns = [
        f"{y}-{d}"
        for y in (1700, 1899, 1900, 1969, 1970, 2000, 2023, 2024, 2100, 2200)
        for d in ("01-01", "02-28", "03-01", "12-31")
    ]
    more = pd.Series(pd.to_datetime(turns).astype("datetime64[us]"))
    more = pd.concat(
        [more, more - pd.Timedelta(1, "us"), more + pd.Timedelta(86_399_999_999, "us")]
    )
    values = pd.concat([days.astype("datetime64[us]"), more]).reset_index(drop=True)
    frame = pd.DataFrame({"when": values})
    encoder = TabularEncoder().fit(frame)
    assert len(encoder.columns) == 10
    check(encoder, frame)


def test_columns_of_the_table() -> None:
    """Their kinds, and the levels as in the table."""
    frame, _ = wide(300, 0)
    columns = {c.name: c for c in TabularEncoder().fit(frame).portable().columns}
    assert "none" not in columns  # without a value, its type is not known
    assert columns["numbers"].levels == (1.0, 10.0, 2.0, 3.0)
    assert columns["booleans"].levels == (0.0, 1.0) and not columns["booleans"].has_strings
    assert columns["sex"].levels == ("f", "m") and not columns["sex"].missing
    assert columns["note"].missing and columns["since"].kind == "date"
    assert columns["wait"].kind == columns["constant"].kind == "number"
    assert [c.position for c in columns.values()] == sorted(c.position for c in columns.values())
