"""Dataframes that skip scikit-learn's checks give what the checks give, errors included."""

import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import issparse
from sklearn import config_context

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.data.targets import ClassTargets
from mlpkit.encoders import standard
from mlpkit.estimators import validation

pytestmark = pytest.mark.once

NAMES = ["a", "b", "c"]
RNG = np.random.RandomState(0)
X = RNG.standard_normal((6, 3))
Y = [0, 1, 0, 1, 0, 1]
FRAME = pd.DataFrame(X, columns=NAMES)
WHOLE = pd.DataFrame((X * 9).astype(int), columns=NAMES)


class Subclass(pd.DataFrame):
    """A dataframe with methods of its own."""


def with_column(column: Any, frame: pd.DataFrame = FRAME) -> pd.DataFrame:
    """The frame with another column b."""
    return frame.assign(b=column)


def renamed(*names: Any) -> pd.DataFrame:
    """The frame with other names."""
    return pd.DataFrame(X[:, : len(names)], columns=list(names))


PLAIN: dict[str, Any] = {
    "float64": FRAME,
    "float32": FRAME.astype("float32"),
    "float16 beside float32": with_column(FRAME.b.astype("float16"), FRAME.astype("float32")),
    "int64": WHOLE,
    "uint8": WHOLE.abs().astype("uint8"),
    "int64 beside float32": with_column(WHOLE.b, FRAME.astype("float32")),
    "int8 beside int64": with_column(WHOLE.b.astype("int8"), WHOLE),
    "uint64 beside int64": with_column(WHOLE.b.abs().astype("uint64"), WHOLE),
    "one row": FRAME[2:3],
    "every second row": FRAME[::2],
    "selected columns": FRAME.assign(d=0.0)[NAMES],
    "columns of an index of objects": FRAME.set_axis(pd.Index(NAMES, dtype=object), axis=1),
    "made of dicts": pd.DataFrame(FRAME[:2].to_dict("records")),
    "polars float64": pl.DataFrame(X, schema=NAMES),
    "polars float32": pl.DataFrame(X.astype("float32"), schema=NAMES),
    "polars int64": pl.DataFrame(WHOLE.to_numpy(), schema=NAMES),
    "polars mixed": pl.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": [3, 4]}),
    "polars one row": pl.DataFrame(X, schema=NAMES)[2:3],
}
OTHER: dict[str, Any] = {
    "NaN": with_column(np.nan),
    "inf": with_column(np.inf),
    "sum overflows": FRAME.astype("float32") * 0 + np.float32(3e38),
    "bool": FRAME > 0,
    "bool beside float64": with_column(FRAME.b > 0),
    "float16": FRAME.astype("float16"),
    "complex": with_column(1j),
    "numbers as objects": FRAME.astype(object),
    "numbers as text": FRAME.astype(str),
    "text": with_column("red"),
    "lists": with_column([[1]] * 6),
    "categories": with_column(pd.Categorical([1, 2, 1, 2, 1, 2])),
    "dates": with_column(pd.Timestamp("2020-01-01")),
    "durations": with_column(pd.Timedelta(1, "h")),
    "nullable integers": WHOLE.astype("Int64"),
    "nullable floats": FRAME.astype("Float32"),
    "nullable with a missing value": with_column(pd.array([1, None] * 3, dtype="Int64")),
    "nullable booleans": with_column(pd.array([True] * 6, dtype="boolean")),
    "types of pyarrow": FRAME.astype("double[pyarrow]"),
    "all columns sparse": WHOLE.astype(pd.SparseDtype("int64", 0)),
    "some columns sparse": with_column(pd.arrays.SparseArray([0.0, 1.0] * 3)),
    "other order": FRAME[["b", "a", "c"]],
    "a missing column": FRAME[["a", "b"]],
    "a further column": FRAME.assign(d=0.0),
    "other names": renamed("a", "b", "z"),
    "duplicate names": renamed("a", "b", "b"),
    "numbers as names": renamed(0, 1, 2),
    "too many numbers as names": FRAME.assign(d=0.0).set_axis(range(4), axis=1),
    "mixed names": renamed("a", "b", 2),
    "NumPy's strings as names": renamed(*map(np.str_, NAMES)).set_axis(
        pd.Index(list(map(np.str_, NAMES)), dtype=object), axis=1
    ),
    "dates as names": renamed(*pd.date_range("2020-01-01", periods=3)),
    "levels of names": renamed(("a", 1), ("b", 1), ("c", 2)),
    "no rows": FRAME[:0],
    "no columns": FRAME[[]],
    "a subclass": Subclass(FRAME),
    "a column of pandas": FRAME["a"],
    "array": X,
    "array of integers": WHOLE.to_numpy(),
    "lists of numbers": X.tolist(),
    "polars null": pl.DataFrame({"a": [1, 2], "b": [0.5, None], "c": [3, 4]}),
    "polars NaN": pl.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": [3, 4]}),
    "polars text": pl.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [3, 4]}),
    "polars bool": pl.DataFrame({"a": [1, 2], "b": [True, False], "c": [3, 4]}),
    "polars lists": pl.DataFrame({"a": [1, 2], "b": [[1], [2]], "c": [3, 4]}),
    "polars categories": pl.DataFrame({"a": [1], "b": ["x"], "c": [3]}).cast({"b": pl.Categorical}),
    "polars decimals": pl.DataFrame({"a": [1], "b": [Decimal("1.5")], "c": [3]}),
    "polars other order": pl.DataFrame(X, schema=["b", "a", "c"]),
    "polars no rows": pl.DataFrame(X, schema=NAMES)[:0],
    "polars lazy": pl.DataFrame(X, schema=NAMES).lazy(),
    "pyarrow": pa.table({name: X[:, i] for i, name in enumerate(NAMES)}),
}
FITTED_ON = {"names": FRAME, "numbered columns": renamed(0, 1, 2), "an array": X}


def outcome(call: Callable[[], Any]) -> tuple[Any, ...]:
    """The type and the values of an array or a sparse matrix, or the error; and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            returned = call()
            values = returned.toarray() if issparse(returned) else returned
            result: tuple[Any, ...] = (type(returned), values.dtype, repr(values.tolist()))
        except Exception as error:
            result = (type(error), str(error))
    return *result, [(w.category, str(w.message)) for w in caught]


def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scikit-learn check all rows."""
    monkeypatch.setattr(validation, "plain_X", lambda X, estimator: None)
    monkeypatch.setattr(validation, "plain_data", lambda X, y, estimator: None)


@pytest.mark.parametrize("fitted_on", FITTED_ON)
@pytest.mark.parametrize("name", [*PLAIN, *OTHER])
def test_predictions_are_those_after_all_checks(
    name: str, fitted_on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values, dtypes, errors and warnings equal those of scikit-learn's validation."""
    rows = {**PLAIN, **OTHER}[name]
    clf = MLPClassifier((4,), tol=10.0, n_iter_no_change=1, random_state=0)
    clf.fit(FITTED_ON[fitted_on], Y)
    actual = outcome(lambda: clf.predict_proba(rows))
    with config_context(assume_finite=True):
        unchecked = outcome(lambda: clf.predict_proba(rows))
    checked(monkeypatch)
    assert actual == outcome(lambda: clf.predict_proba(rows))
    with config_context(assume_finite=True):
        assert unchecked == outcome(lambda: clf.predict_proba(rows))


@pytest.mark.parametrize("name", [*PLAIN, *OTHER])
def test_values_are_those_of_scikit_learn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The validation of rows returns the same array in the same dtype."""
    rows = {**PLAIN, **OTHER}[name]
    model = MLPRegressor(hidden_layer_sizes=(4,), tol=10.0, n_iter_no_change=1)
    model.fit(FRAME, X[:, 0])
    actual = outcome(lambda: validation.validated_X(model, rows))
    checked(monkeypatch)
    assert actual == outcome(lambda: validation.validated_X(model, rows))


@pytest.mark.parametrize("name", PLAIN)
def test_numeric_dataframes_skip_the_checks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames with the columns of `fit` are converted without scikit-learn's validation."""
    clf = MLPClassifier((4,), tol=10.0, n_iter_no_change=1).fit(FRAME, Y)
    monkeypatch.delattr(validation, "validate_data")
    for method in (clf.predict, clf.predict_proba, clf.predict_log_proba):
        assert len(method(PLAIN[name])) == len(PLAIN[name])
    assert clf.score(FRAME, Y) <= 1.0


@pytest.mark.parametrize("rows", [X, WHOLE.to_numpy(), renamed(0, 1, 2)], ids=type)
def test_rows_without_names_skip_the_checks(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So do arrays and numbered columns after a fit without names."""
    clf = MLPClassifier((4,), tol=10.0, n_iter_no_change=1).fit(X, Y)
    monkeypatch.delattr(validation, "validate_data")
    assert clf.predict(rows).shape == (6,)


@pytest.mark.parametrize("name", [*PLAIN, *OTHER])
def test_steps_of_partial_fit_are_those_after_all_checks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk of a dataframe trains the same network, or raises the same error."""
    rows = {**PLAIN, **OTHER}[name]
    targets = np.resize(X[:, 0], rows.shape[0] if hasattr(rows, "shape") else 6)

    def weights() -> Any:
        model = MLPRegressor(hidden_layer_sizes=(4,), random_state=0).partial_fit(FRAME, X[:, 0])
        return model.partial_fit(rows, targets).coefs_[0]

    actual = outcome(weights)
    checked(monkeypatch)
    assert actual == outcome(weights)


def test_frames_are_not_modified() -> None:
    """A prediction leaves the values of a frame as they are, although it may share them."""
    frame = FRAME.copy()
    clf = MLPClassifier((), tol=10.0, n_iter_no_change=1).fit(frame, Y)
    clf.predict_proba(frame)
    pd.testing.assert_frame_equal(frame, FRAME)


@pytest.mark.parametrize("name", [*PLAIN, *OTHER])
def test_standardized_rows_are_those_of_each_column(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder "standard" gives the same rows whether it converts a frame at once or not."""
    rows = {**PLAIN, **OTHER}[name]
    encoder = standard.StandardEncoder().fit(FRAME)
    actual = outcome(lambda: encoder.transform(rows))
    monkeypatch.setattr(standard, "frame_values", lambda X, names: None)
    assert actual == outcome(lambda: encoder.transform(rows))


@pytest.mark.parametrize("labels", [[5], [0, 1], [3, 1, 2], ["b", "a"], ["x", "z", "y"]])
def test_labels_are_those_of_the_binarizer(labels: list[Any]) -> None:
    """Outputs are decoded to what `LabelBinarizer.inverse_transform` returns, NaN included."""
    targets = ClassTargets(labels)
    n_outputs = len(labels) if len(labels) > 2 else 1
    p = RNG.random_sample((50, n_outputs)).round(1)
    p[0] = 0.5
    p[1, -1] = np.nan
    expected = targets.binarizer.inverse_transform(p if n_outputs > 1 else p.ravel())
    actual = targets.decode(p)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)
