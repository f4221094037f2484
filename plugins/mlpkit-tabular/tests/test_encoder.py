"""The encoder as a whole: libraries of frames, state, rows, names."""

import datetime
import json
import pickle
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlpkit_tabular import TabularEncoder

DAYS = datetime.timedelta(days=100)
DTYPES = {
    "number": (st.floats(allow_nan=False) | st.none(), pl.Float64),
    "integer": (st.integers(-(2**63), 2**63 - 1) | st.none(), pl.Int64),
    "unsigned": (st.integers(0, 2**64 - 1), pl.UInt64),
    "decimal": (st.decimals(-1000, 1000, places=2) | st.none(), pl.Decimal(10, 2)),
    "boolean": (st.booleans() | st.none(), pl.Boolean),
    "string": (st.text(max_size=3) | st.none(), pl.String),
    "category": (st.sampled_from(["a", "b", "é"]) | st.none(), pl.Categorical),
    "enum": (st.sampled_from(["a", "b"]), pl.Enum(["b", "a"])),
    "date": (st.dates() | st.none(), pl.Date),
    "datetime": (st.datetimes() | st.none(), pl.Datetime("us")),
    "zoned": (st.datetimes(), pl.Datetime("us")),
    "duration": (st.timedeltas(-DAYS, DAYS), pl.Duration("us")),
    "time": (st.times(), pl.Time),
}


@st.composite
def frames(draw: Any) -> pl.DataFrame:
    """Frames of columns of random types, of 1 to 30 rows."""
    n = draw(st.integers(1, 30))
    names = draw(st.lists(st.sampled_from(sorted(DTYPES)), min_size=1, max_size=5, unique=True))
    return pl.DataFrame(
        {
            name: pl.Series(draw(st.lists(DTYPES[name][0], min_size=n, max_size=n)), dtype=dtype)
            for name in names
            for dtype in [DTYPES[name][1]]
        }
    ).with_columns(pl.col("^zoned$").dt.replace_time_zone("UTC"))


def fit_or_none(frame: Any) -> TabularEncoder | None:
    """A fitted encoder; None if no column varies."""
    try:
        return TabularEncoder().fit(frame)
    except ValueError as error:
        if not re.search("constant|All values of X are missing", str(error)):
            raise
        return None


@settings(deadline=None, max_examples=40)
@given(frames())
def test_all_libraries_give_the_same_numbers(frame: pl.DataFrame) -> None:
    """Encoded rows are finite and the same from polars, pyarrow and pandas with either backend."""
    encoder = fit_or_none(frame)
    arrow_backed = frame.to_pandas(use_pyarrow_extension_array=True)
    others = [frame.to_arrow(), frame.to_pandas(), arrow_backed]
    for other in others:
        encoder_of_other = fit_or_none(other)
        assert (encoder is None) == (encoder_of_other is None)
        if encoder is None or encoder_of_other is None:
            continue
        expected = encoder.transform(frame)
        assert np.isfinite(expected).all()
        assert encoder.columns == encoder_of_other.columns
        assert np.array_equal(expected, encoder_of_other.transform(other))
        assert np.array_equal(expected, encoder.transform(other))


@settings(deadline=None, max_examples=40)
@given(frames(), frames())
def test_rows_do_not_depend_on_each_other_and_state_is_complete(
    frame: pl.DataFrame, other: pl.DataFrame
) -> None:
    """Rows encoded one by one, from a file, in another order."""
    encoder = fit_or_none(frame)
    if encoder is None:
        return
    expected = encoder.transform(frame)
    arrays, values = encoder.get_state()
    restored = TabularEncoder().set_state(arrays, json.loads(json.dumps(values)))
    assert encoder.columns == restored.columns
    assert np.array_equal(expected, restored.transform(frame))
    singles = [encoder.transform(frame[i : i + 1]) for i in range(len(frame))]
    assert np.array_equal(expected, np.concatenate(singles))
    assert np.array_equal(expected[::-1], encoder.transform(frame[::-1]))
    assert encoder.transform(frame[:0]).shape == (0, len(encoder.columns))
    if set(frame.columns) <= set(other.columns):  # values that fit did not see
        encoded = encoder.transform(other)
        assert np.isfinite(encoded).all()
        for i, column in enumerate(encoder.columns):
            if column.kind == "category":
                assert encoded[:, i].min() >= 0 and encoded[:, i].max() < column.n_levels
                assert np.array_equal(encoded[:, i], encoded[:, i].round())
            if column.kind in ("one_hot", "boolean", "missing"):
                assert set(encoded[:, i]) <= {0, 1}


def table(n: int = 60) -> pd.DataFrame:
    """One column of each kind."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "s": rng.choice(["a", "b"], size=n),
            "many": rng.choice([*"abcdefghijkl"], size=n),
            "b": rng.random(n) < 0.5,
            "t": pd.date_range("2024-01-01", periods=n, freq="5h"),
        }
    )


def test_it_is_a_transformer_of_scikit_learn() -> None:
    """In a pipeline, as a frame, cloned and pickled."""
    X = table()
    pipe = make_pipeline(TabularEncoder(), LogisticRegression()).fit(X, X["x"] > 0)
    assert pipe.score(X, X["x"] > 0) > 0.9
    encoder = clone(TabularEncoder(max_one_hot=20)).set_output(transform="pandas").fit(X)
    encoded = encoder.transform(X)
    assert encoded.columns.tolist() == encoder.get_feature_names_out().tolist()
    assert encoded.filter(like="many_").shape[1] == 12
    assert encoder.feature_names_in_.tolist() == X.columns.tolist()
    assert encoder.n_features_in_ == 5
    restored = pickle.loads(pickle.dumps(encoder))
    assert restored.transform(X).equals(encoded)


def test_it_must_be_fitted() -> None:
    """Every method but fit says so."""
    for method in ("transform", "get_feature_names_out", "get_state"):
        arguments = [table()] if method == "transform" else []
        with pytest.raises(NotFittedError):
            getattr(TabularEncoder(), method)(*arguments)


def test_names_are_unique() -> None:
    """A number is appended to a name that occurs before."""
    frame = pd.DataFrame({"a": [1.0, None, 3.0], "a_missing": [1.0, 2.0, 3.0]})
    names = TabularEncoder().fit(frame).get_feature_names_out().tolist()
    assert names == ["a", "a_missing", "a_missing_2"]


def test_rows_of_weight_zero_are_ignored() -> None:
    """Medians and levels do not depend on them, nor on the size of other weights."""
    X = table()
    w = np.r_[np.zeros(20), np.full(40, 2.0)]
    expected = TabularEncoder().fit(X[20:]).transform(X)
    assert np.array_equal(expected, TabularEncoder().fit(X, sample_weight=w).transform(X))


def test_arrays_and_lists_are_tables() -> None:
    """Their columns are x0, x1, ..."""
    rows = [[1.0, "a", None], [2.0, "b", True], [np.nan, "a", False]]
    encoder = TabularEncoder().fit(rows)
    assert encoder.get_feature_names_out().tolist() == [
        *("x0", "x0_missing", "x2", "x2_missing", "x1_a", "x1_b")
    ]
    assert not hasattr(encoder, "feature_names_in_")
    assert np.array_equal(encoder.transform(rows), encoder.transform(np.array(rows, dtype=object)))
    assert TabularEncoder().fit(np.array([["1", "a"], ["2", "b"]])).columns[0].kind == "one_hot"
    dates = np.array([["2024-01-01"], ["2024-01-03"]], "datetime64[D]")
    assert {column.kind for column in TabularEncoder().fit(dates).columns} == {"date"}


def test_a_second_fit_forgets_the_first() -> None:
    """Also the names of columns."""
    encoder = TabularEncoder().fit(table())
    encoder.fit(np.array([[1.0], [2.0]]))
    assert len(encoder.columns) == encoder.n_features_in_ == 1
    assert not hasattr(encoder, "feature_names_in_")


def test_a_failed_fit_leaves_the_encoder_as_it_was() -> None:
    """No column varies."""
    encoder = TabularEncoder().fit(table())
    expected = encoder.transform(table())
    with pytest.raises(ValueError, match="constant"):
        encoder.fit(np.ones((3, 2)))
    assert np.array_equal(expected, encoder.transform(table()))


def test_importing_it_imports_no_library_of_frames() -> None:
    """Nor does encoding an array; scikit-learn may have imported some."""
    program = (
        "import sys, mlpkit, sklearn.utils.validation, numpy as np; before = set(sys.modules)\n"
        "from mlpkit_tabular import TabularEncoder\n"
        "TabularEncoder().fit(np.eye(3)).transform(np.eye(3))\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "known = {'mlpkit', 'mlpkit_tabular', 'pluggy', 'sklearn', 'scipy'}\n"
        "assert new - sys.stdlib_module_names <= known, new"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


COUNTS = "levels are counted and quantiles taken over rows, whatever their weights"


@parametrize_with_checks(
    [TabularEncoder()],
    expected_failed_checks=lambda _: {"check_sample_weight_equivalence_on_dense_data": COUNTS},
)
def test_the_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    """All that apply to transformers."""
    check(estimator)


def test_pyarrow_tables_may_have_several_chunks() -> None:
    """And dictionaries of strings."""
    first = pa.table({"a": pa.array(["x", "y"]).dictionary_encode()})
    second = pa.table({"a": pa.array(["z", None]).dictionary_encode()})
    both = pa.concat_tables([first, second], promote_options="default")
    assert TabularEncoder().fit_transform(both).tolist() == np.eye(4).tolist()


@pytest.mark.parametrize(
    "options",
    [{"max_one_hot": -1}, {"min_count": "few"}, {"max_levels": 0}, {"tied_values": 2}],
    ids=str,
)
def test_invalid_options_are_named(options: dict[str, Any]) -> None:
    """In `fit`, as in scikit-learn."""
    (name,) = options
    with pytest.raises(ValueError, match=f"The '{name}' parameter of TabularEncoder must be"):
        TabularEncoder(**options).fit(table())
