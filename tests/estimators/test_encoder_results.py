"""Encoded rows: results of encoders and transformers, their columns, and invalid ones."""

from typing import Any, Self

import numpy as np
import pytest
from encoders import Levels
from people import AGE, ROWS, SEX, SHORT, Y, frame
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlpkit import MLPClassifier
from mlpkit.plugin import Column, InvalidResult
from mlpkit.registry.lookup import Registry, installed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Wrong(Levels):
    """An encoder with an invalid result."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def transform(self, X: Any) -> Any:
        """Encode rows, not as the contract requires."""
        return self.result(super().transform(X))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda A: A[:-1], r"shape \(59, 2\); expected \(60, 2\)"),
        (lambda A: A[:, :1], r"shape \(60, 1\); expected \(60, 2\)"),
        (lambda A: A.tolist(), "a list; expected a NumPy array"),
        (lambda A: A.astype(int), "of dtype int64; expected a NumPy array of dtype float32"),
        (lambda A: A / [1, 0], r"(NaN|infinity) in column 'x1' \(row 0\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_invalid_results_of_an_encoder(result: Any, message: str) -> None:
    """The error names the encoder, in training and in prediction."""
    with pytest.raises(InvalidResult, match=f"encoder .*Wrong.* returned .*{message}"):
        MLPClassifier(encoder=Wrong(result), **SHORT).fit(ROWS, Y)


def test_invalid_results_of_a_transformer() -> None:
    """The user can do something about them: they are of type ValueError."""
    X = np.column_stack([AGE, AGE]).astype(float)
    X[4, 1] = np.nan
    clf = MLPClassifier(encoder=StandardScaler(), **SHORT)
    with pytest.raises(ValueError, match=r"StandardScaler returned NaN in column 'x1' \(row 4\)"):
        clf.fit(X, Y)
    clf = MLPClassifier(encoder=make_column_transformer(("passthrough", [0, 1])), **SHORT)
    with pytest.raises(
        ValueError,
        match="returned values of 'passthrough__x0' that are not numbers, such as '[fm]'",
    ):
        clf.fit(ROWS, Y)
    with pytest.raises(ValueError, match="unknown encoder 'none'"):
        MLPClassifier(encoder="none", **SHORT).fit(ROWS, Y)
    with pytest.raises(ValueError, match="unknown encoder 'tabular'.* part of mlpkit-tabular: pip"):
        Registry(installed().plugins[:1]).find("encoder", "tabular")
    with pytest.raises(ValueError, match="got the class StandardScaler. Did you mean"):
        MLPClassifier(encoder=StandardScaler, **SHORT).fit(ROWS, Y)
    with pytest.raises(ValueError, match="encoder_options requires the name"):
        MLPClassifier(encoder=Levels(), encoder_options={"a": 1}, **SHORT).fit(ROWS, Y)
    with pytest.raises(ValueError, match="initialize requires encoder=None"):
        MLPClassifier(encoder=Levels(), **SHORT).initialize(2, [0, 1])


def test_sparse_results(backend: str) -> None:
    """They are passed on if the backend supports sparse rows, and made dense otherwise."""
    X = SEX[:, None]
    sparse = MLPClassifier(encoder=OneHotEncoder(), backend=backend, **SHORT).fit(X, Y)
    dense = MLPClassifier(encoder=OneHotEncoder(sparse_output=False), backend=backend, **SHORT).fit(
        X, Y
    )
    np.testing.assert_allclose(sparse.predict_proba(X), dense.predict_proba(X), rtol=1e-6)


class Selector(TransformerMixin, BaseEstimator):
    """A transformer with a parameter `columns`, and without names of its own."""

    def __init__(self, columns: tuple[str, ...] = ("age",)) -> None:
        self.columns = columns

    def fit(self, X: Any, y: Any = None) -> Self:
        """Do nothing."""
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        """Select the columns."""
        return X[list(self.columns)]


def test_a_transformer_with_a_parameter_columns() -> None:
    """The names in a transformer are not those of a `Column`."""
    clf = MLPClassifier(encoder=Selector(), **SHORT).fit(frame("pandas"), Y)
    assert clf._encoding.columns == (Column("x0", ""),)


def test_sources_of_columns() -> None:
    """Columns that keep their names come from the columns of the table, also in a Pipeline."""
    X = frame("pandas", age=AGE, height=AGE + 1)
    for encoder in (StandardScaler(), make_pipeline(StandardScaler())):
        clf = MLPClassifier(encoder=encoder, **SHORT).fit(X, Y)
        assert clf._encoding.columns == (Column("age", "age"), Column("height", "height"))


@pytest.mark.parametrize(
    ("values", "shown"),
    [(["1.5", "abc"], "'abc'"), ([None, "abc"], "'abc'"), ([1, 10**400], "1000+.*000")],
)
def test_the_value_that_is_not_a_number_is_shown(values: list[Any], shown: str) -> None:
    """Neither one that can be converted, nor one of another column."""
    X = np.array([values * 30, AGE], dtype=object).T
    clf = MLPClassifier(encoder=make_column_transformer(("passthrough", [1, 0])), **SHORT)
    with pytest.raises(ValueError, match=f"of 'passthrough__x0' that are not numbers.* {shown}"):
        clf.fit(X, Y)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_as_results(library: str) -> None:
    """A ColumnTransformer may return dataframes."""
    X = frame(library)
    encoder = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["sex"]), (StandardScaler(), ["age"])
    )
    expected = MLPClassifier(encoder=encoder, **SHORT).fit(X, Y)
    actual = MLPClassifier(encoder=clone(encoder).set_output(transform=library), **SHORT).fit(X, Y)
    np.testing.assert_array_equal(actual.predict_proba(X), expected.predict_proba(X))
    assert actual._encoding.columns == expected._encoding.columns
