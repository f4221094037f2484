"""What peers need before they read a raw frame."""

from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin


def texts(X: Any) -> list[str]:
    """The names of the columns that are not numbers."""
    return list(X.select_dtypes(exclude=["number", "bool"]).columns)


class _Frames(TransformerMixin, BaseEstimator):
    """A transformer of frames without anything to learn."""

    def fit(self, X: Any, y: Any = None) -> Any:
        self.texts_ = texts(X)
        return self


class Categories(_Frames):
    """Text becomes categories: those of the training rows, and missing where there are others."""

    def fit(self, X: Any, y: Any = None) -> Any:
        import pandas as pd

        super().fit(X)
        self.types_ = {
            name: pd.CategoricalDtype(sorted(X[name].dropna().unique())) for name in self.texts_
        }
        return self

    def transform(self, X: Any) -> Any:
        return X.assign(**{name: _cast(X[name], type_) for name, type_ in self.types_.items()})


class Codes(_Frames):
    """Categories of more levels than a limit become their codes, missing ones NaN."""

    def __init__(self, above: int) -> None:
        self.above = above

    def fit(self, X: Any, y: Any = None) -> Any:
        super().fit(X)
        self.large_ = [name for name in self.texts_ if len(X[name].cat.categories) > self.above]
        return self

    def transform(self, X: Any) -> Any:
        codes = {name: X[name].cat.codes.astype(float) for name in self.large_}
        return X.assign(**{name: code.where(code >= 0) for name, code in codes.items()})


class Texts(_Frames):
    """Missing text becomes a text."""

    def transform(self, X: Any) -> Any:
        return X.assign(
            **{name: X[name].astype(object).fillna("missing").astype(str) for name in self.texts_}
        )


class Medians(_Frames):
    """Missing numbers become the median, with a column that says where they were."""

    def fit(self, X: Any, y: Any = None) -> Any:
        super().fit(X)
        numbers = X.drop(columns=self.texts_)
        self.medians_ = numbers.median().to_dict()
        self.missing_ = [name for name in numbers if numbers[name].isna().any()]
        return self

    def transform(self, X: Any) -> Any:
        indicators = {f"{name} is missing": X[name].isna().astype(float) for name in self.missing_}
        return X.fillna(self.medians_).assign(**indicators)


def _cast(column: Any, type_: Any) -> Any:
    return column.where(column.isin(type_.categories)).astype(type_)
