"""Test scores of mlpkit and of models of scikit-learn: ``python -m benchmarks.quality``.

Five-fold cross-validation with the default parameters of each model. Above 10,000 rows networks
stop early, as histogram gradient boosting does by default. The data sets come with scikit-learn;
with ``--data FOLDER`` there are also Adult (adult.csv.gz) and 20,000 rows of covertype
(covertype-93k.csv.gz).
"""

import argparse
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import mlpkit
from benchmarks import machine


class DataSet(NamedTuple):
    """A data set, and whether its targets are classes."""

    name: str
    X: Any
    y: Any
    classification: bool = True


def data_sets(folder: Path | None) -> list[DataSet]:
    """The data sets of scikit-learn and of the folder."""
    sets = [
        DataSet("digits", *load_digits(return_X_y=True)),
        DataSet("breast cancer", *load_breast_cancer(return_X_y=True)),
        DataSet("diabetes", *load_diabetes(return_X_y=True), classification=False),
    ]
    if folder is not None:
        import pandas as pd

        table = pd.read_csv(folder / "adult.csv.gz", skipinitialspace=True)
        texts = table.select_dtypes(exclude="number").columns
        table[texts] = table[texts].fillna("missing").astype("category")
        sets.append(DataSet("Adult", table.drop(columns="income"), table["income"].astype(str)))
        table = pd.read_csv(folder / "covertype-93k.csv.gz").sample(20_000, random_state=0)
        sets.append(DataSet("covertype, 20,000 rows", table.iloc[:, :-1], table.iloc[:, -1]))
    return sets


def models(data: DataSet) -> dict[str, Any]:
    """The models by name; columns are scaled or one-hot encoded, except for trees."""

    def prepared(model: Any) -> Any:
        if not hasattr(data.X, "columns"):
            return make_pipeline(StandardScaler(), model)
        columns = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), _is_category),
            remainder=StandardScaler(),
        )
        return make_pipeline(columns, model)

    if data.classification:
        early = len(data.y) > 10_000
        network: Any = mlpkit.MLPClassifier(early_stopping=early, random_state=0)
        linear: Any = LogisticRegression(max_iter=1000)
        trees: Any = HistGradientBoostingClassifier(
            categorical_features="from_dtype", random_state=0
        )
    else:
        network = TransformedTargetRegressor(
            mlpkit.MLPRegressor(random_state=0), transformer=StandardScaler()
        )
        linear = RidgeCV()
        trees = HistGradientBoostingRegressor(random_state=0)
    return {
        "mlpkit": prepared(network),
        "linear model": prepared(linear),
        "HistGradientBoosting": trees,
    }


_is_category = make_column_selector(dtype_include="category")


def main() -> None:
    """Print a table: a row for each data set, a column for each model."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with adult.csv.gz and covertype")
    folder = parser.parse_args().data
    warnings.simplefilter("ignore", ConvergenceWarning)
    for data in data_sets(folder):
        splitter = StratifiedKFold if data.classification else KFold
        folds = splitter(5, shuffle=True, random_state=0)
        for name, model in models(data).items():
            scores = cross_val_score(model, data.X, data.y, cv=folds)
            measure = "accuracy" if data.classification else "R2"
            print(
                f"{data.name} ({len(data.y)} rows), {name}: {measure} {scores.mean():.3f},"
                f" standard deviation over folds {np.std(scores, ddof=1):.3f}",
                flush=True,
            )
    print(", ".join(f"{name} {value}" for name, value in machine.about().items()))


if __name__ == "__main__":
    main()
