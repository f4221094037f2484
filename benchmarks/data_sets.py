"""The data that the benchmarks fit: from scikit-learn, from a folder, or generated."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.datasets import load_breast_cancer, load_digits

Rows = tuple[Any, Any]  # X (n, n_features) float32, and y (n,) int64 with the classes 0..k-1
CELLS = (9, 16, 7, 15, 6, 5, 2, 42)  # levels of the categorical columns of Adult


@cache
def data(name: str, folder: str | None = None) -> Rows:
    """The rows of a data set, in C order or, for "sparse", in CSR.

    "adult" and "covertype" are read from ``adult.csv.gz`` and ``covertype-93k.csv.gz`` in the
    folder; without a folder they are generated in the same shape.
    """
    X, y = SETS[name](None if folder is None else Path(folder))
    return X, y.astype(np.int64)


def digits(folder: Path | None) -> Rows:
    """1,797 x 64, ten classes."""
    X, y = load_digits(return_X_y=True)
    return np.ascontiguousarray(X / 16, dtype=np.float32), y


def breast_cancer(folder: Path | None) -> Rows:
    """569 x 30, two classes, standardized."""
    X, y = load_breast_cancer(return_X_y=True)
    return np.ascontiguousarray((X - X.mean(axis=0)) / X.std(axis=0), dtype=np.float32), y


def adult(folder: Path | None) -> Rows:
    """32,561 x 108, two classes: six standardized numbers and 102 indicators of categories."""
    if folder is not None:
        import pandas as pd

        table = pd.read_csv(folder / "adult.csv.gz", skipinitialspace=True)
        y = (table.pop("income") == ">50K").to_numpy()
        numbers = table.select_dtypes("number")
        texts = table.drop(columns=numbers.columns).fillna("missing")
        parts = [((numbers - numbers.mean()) / numbers.std()), pd.get_dummies(texts)]
        return np.ascontiguousarray(pd.concat(parts, axis=1), dtype=np.float32), y
    rng = np.random.RandomState(0)
    n = 32_561
    levels = [np.eye(k, dtype=np.float32)[rng.randint(k, size=n)] for k in CELLS]
    X = np.hstack([rng.standard_normal((n, 6)).astype(np.float32), *levels])
    return X, X @ rng.standard_normal(X.shape[1]) + rng.standard_normal(n) > 2


def covertype(folder: Path | None) -> Rows:
    """92,962 x 54, seven classes."""
    if folder is None:
        return generated(92_962, 54, 7)
    path = folder / "covertype-93k.csv.gz"
    table = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float32)
    return np.ascontiguousarray(table[:, :-1]), table[:, -1] - 1


def sparse(folder: Path | None) -> Rows:
    """4,000 x 100,000 in CSR, two classes, 100 values in each row."""
    rng = np.random.RandomState(0)
    n, n_features, each = 4_000, 100_000, 100
    columns = np.sort(rng.randint(n_features, size=(n, each)), axis=1).ravel()
    parts = rng.random_sample(n * each).astype(np.float32), columns, np.arange(n + 1) * each
    X = scipy.sparse.csr_matrix(parts, shape=(n, n_features))
    X.sum_duplicates()
    return X, np.asarray(X @ rng.standard_normal(n_features)) > 0


def generated(n: int, n_features: int, n_classes: int) -> Rows:
    """Uniform numbers; the classes are those of a linear model."""
    rng = np.random.RandomState(0)
    X = rng.random_sample((n, n_features)).astype(np.float32)
    weights = rng.standard_normal((n_classes, n_classes))
    return X, ((X[:, :n_classes] - 0.5) @ weights).argmax(axis=1)


SETS: dict[str, Callable[[Path | None], Rows]] = {
    "digits": digits,
    "breast cancer": breast_cancer,
    "adult": adult,
    "covertype": covertype,
    "784": lambda folder: generated(60_000, 784, 10),
    "sparse": sparse,
}
