"""A small table of persons, for tests of encoders."""

from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

RNG = np.random.RandomState(0)
SEX = np.where(RNG.rand(60) < 0.5, "f", "m").astype(object)
AGE = RNG.randint(20, 70, 60)
ROWS = np.column_stack([SEX, AGE.astype(object)])
Y = (AGE > 45) ^ (SEX == "f")
SHORT: dict[str, Any] = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
FRAMES = ("pandas", "polars", "pyarrow")


def frame(library: str, **columns: Any) -> Any:
    """A dataframe of a library, or skip the test."""
    module = pytest.importorskip(library)
    columns = columns or {"sex": SEX.tolist(), "age": AGE}
    return module.table(columns) if library == "pyarrow" else module.DataFrame(columns)


def categories() -> Any:
    """A transformer of scikit-learn for the columns sex and age."""
    return make_column_transformer((OneHotEncoder(), ["sex"]), (StandardScaler(), ["age"]))
