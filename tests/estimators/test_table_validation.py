"""Validation of tables that an encoder receives: names, shapes, nested and missing values."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from encoders import Levels
from people import AGE, FRAMES, ROWS, SEX, SHORT, Y, frame

from mlpkit import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("library", FRAMES)
def test_other_columns_are_named_in_the_error(library: str) -> None:
    """Columns that are missing or new are named as scikit-learn does."""
    clf = MLPClassifier(encoder=Levels(), **SHORT).fit(frame(library), Y)
    with pytest.raises(ValueError, match="unseen at fit time:\n- income\n"):
        clf.predict(frame(library, sex=SEX.tolist(), age=AGE, income=AGE))
    with pytest.raises(ValueError, match="yet now missing:\n- age\n"):
        clf.predict(frame(library, sex=SEX.tolist()))
    with pytest.raises(ValueError, match="validation rows: .*\n.*unseen at fit time:\n- income"):
        clf.fit(frame(library), Y, X_val=frame(library, income=AGE), y_val=Y)


def test_names_of_methods_as_columns() -> None:
    """A column may have the name of an attribute of a dataframe."""
    names = ["column_names", "select", "columns", "iloc"]
    values = {name: AGE + i for i, name in enumerate(names)}
    X = frame("pandas", **values)
    clf = MLPClassifier(encoder=Levels(), partitions=["select"], metrics="accuracy", **SHORT).fit(
        X, Y
    )
    assert clf.feature_names_in_.tolist() == names
    np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(X[names[::-1]]))


def test_targets_of_another_form() -> None:
    """The name of a column, and real numbers, of which the message contains none."""
    with pytest.raises(ValueError, match=r"y must have shape \(n_samples,\) .*, got 'age'\."):
        MLPClassifier(encoder=Levels(), **SHORT).fit(frame("pandas"), "age")
    mixed = np.array([1, "a"] * (len(Y) // 2), dtype=object)
    with pytest.raises(TypeError, match=r"y contains 1 \(int\), 'a' \(str\)\..* y.astype\(str\)"):
        MLPClassifier(encoder=Levels(), **SHORT).fit(frame("pandas"), mixed)
    intervals = pd.cut(np.linspace(0, 1, len(Y)), 3)
    with pytest.raises(ValueError, match=r"y contains Interval.* \(Interval\)\. Labels must be"):
        MLPClassifier(encoder=Levels(), **SHORT).fit(frame("pandas"), intervals)
    two = np.array([["a", "b"]] * len(Y))
    with pytest.raises(ValueError, match=r"shape \(60, 2\)\. Fit a classifier for each column"):
        MLPClassifier(encoder=Levels(), **SHORT).fit(frame("pandas"), two)
    numbers = np.linspace(0, 1, len(Y))
    with pytest.raises(ValueError, match=r"Unknown label type: continuous\. Maybe"):
        MLPClassifier(encoder=Levels(), **SHORT).fit(frame("pandas"), numbers)


def test_arrays_of_objects_and_lists() -> None:
    """They have no names, and the encoder receives an array of objects."""
    clf = MLPClassifier(encoder=Levels(), **SHORT).fit(ROWS, Y)
    assert not hasattr(clf, "feature_names_in_")
    np.testing.assert_array_equal(clf.predict(ROWS), clf.predict(ROWS.tolist()))
    with pytest.raises(ValueError, match="X has 1 features, but MLPClassifier is expecting 2"):
        clf.predict(ROWS[:, :1])
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        clf.predict(ROWS[0])
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        clf.predict(ROWS[:0])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (None, "or a list of rows, got NoneType.$"),
        ("people.csv", "got str. Read the file first, .* pass mlpkit.scan"),
        (Path("people.csv"), "Path. Read the file first, .* pass mlpkit.scan"),
        ({"sex": ["f"], "age": [3]}, r"got dict. Convert it: pandas.DataFrame\(X\)"),
        ([{"sex": "f", "age": 3}], r"got list of dict. Convert it: pandas.DataFrame\(X\)"),
        (iter(["f", 3]), "or a list of rows, got list_iterator.$"),
    ],
)
def test_what_is_no_table(X: Any, message: str) -> None:
    """The message contains the type, and how to make a table of the object."""
    clf = MLPClassifier(encoder=Levels(), **SHORT)
    with pytest.raises(TypeError, match=f"X must be a dataframe .*{message}"):
        clf.fit(X, Y)
    clf.fit(ROWS, Y)
    with pytest.raises(TypeError, match="X must be a dataframe"):
        clf.predict(X)


def test_names_on_one_side_only_are_a_warning() -> None:
    """It is that of scikit-learn."""
    clf = MLPClassifier(encoder=Levels(), **SHORT).fit(ROWS, Y)
    named = frame("pandas", x0=SEX, x1=AGE)
    with pytest.warns(
        UserWarning, match="X has feature names, but MLPClassifier was fitted without"
    ):
        clf.predict(named)
    clf.fit(named, Y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        clf.predict(ROWS)


def test_bad_tables() -> None:
    """The errors name the column."""
    pandas = pytest.importorskip("pandas")
    clf = MLPClassifier(encoder=Levels(), **SHORT)
    twice = pandas.DataFrame(ROWS, columns=["a", "a"])
    with pytest.raises(ValueError, match="several columns of the same name: 'a'"):
        clf.fit(twice, Y)
    with pytest.raises(TypeError, match="strings, got 1 of type int"):
        clf.fit(pandas.DataFrame(ROWS, columns=["a", 1]), Y)
    with pytest.raises(ValueError, match=r"0 sample\(s\) \(shape=\(0, 2\)\)"):
        clf.fit(frame("pandas").iloc[:0], Y[:0])
    with pytest.raises(ValueError, match=r"0 feature\(s\) \(shape=\(60, 0\)\)"):
        clf.fit(frame("pandas")[[]], Y)
    with pytest.raises(ValueError, match="X has 60 rows and y has 59"):
        clf.fit(ROWS, Y[1:])
    with pytest.raises(ValueError, match="structured array"):
        clf.fit(np.zeros(60, [("a", float)]), Y)


@pytest.mark.parametrize("library", [*FRAMES, "numpy"])
def test_nested_values(library: str) -> None:
    """Values that are lists are reported with the name of the column."""
    lists = [[1, 2]] * 60
    if library == "numpy":
        X, name = np.array([[s, v] for s, v in zip(SEX, lists, strict=True)], object), "1"
    else:
        X, name = frame(library, sex=SEX.tolist(), tags=lists), "'tags'"
    with pytest.raises(ValueError, match=f"nested values in column {name}: .*[lL]ist"):
        MLPClassifier(encoder=Levels(), **SHORT).fit(X, Y)


@pytest.mark.parametrize("missing", [None, np.nan, "NA"])
def test_missing_targets(missing: Any) -> None:
    """They are counted, with the first row."""
    if missing == "NA":
        missing = pytest.importorskip("pandas").NA
    y: Any = Y.astype(object)
    y[[3, 7]] = missing
    with pytest.raises(ValueError, match=r"2 of 60 are missing, the first one in row 3"):
        MLPClassifier(encoder=Levels(), **SHORT).fit(ROWS, y)
    with pytest.raises(ValueError, match=r"2 of 60 are missing, the first one in row 3"):
        MLPRegressor(encoder=Levels(), **SHORT).fit(
            ROWS, np.where(np.isin(range(60), [3, 7]), np.nan, 1.0)
        )
