"""The estimators of mlpkit copy the rows of Dask collections, with a warning."""

from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client

import mlpkit
from mlpkit import MLPClassifier

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=list("abc"))


@pytest.mark.parametrize(
    ("rows", "distributed", "y"),
    [
        (X, da.from_array(X, chunks=(25, 2)), da.from_array(Y, chunks=25)),
        (
            FRAME,
            dd.from_pandas(FRAME, npartitions=3),
            dd.from_pandas(pd.Series(Y), npartitions=3),
        ),
    ],
    ids=["array", "frame"],
)
def test_all_methods(client: Client, rows: Any, distributed: Any, y: Any) -> None:
    """Each warns, and has the numbers of the rows in memory."""
    clf = MLPClassifier((4,), solver="lbfgs", tol=1e-1, random_state=0)
    expected = mlpkit.evaluate(clf.fit(rows, Y), rows, Y)
    proba = clf.predict_proba(rows)
    message = "of Dask, whose rows are copied .* mlpkit_dask leave them on the workers"
    with pytest.warns(UserWarning, match=f"X, y are collections {message}"):
        clf.fit(distributed, y)
    with pytest.warns(UserWarning, match=f"X is a collection {message}"):
        assert np.array_equal(clf.predict_proba(distributed), proba)
    with pytest.warns(UserWarning, match=f"X, y are collections {message}"):
        assert str(mlpkit.evaluate(clf, distributed, y)) == str(expected)
    with pytest.warns(UserWarning, match=f"X, y are collections {message}"):
        assert clf.score(distributed, y) == clf.score(rows, Y)
    with pytest.warns(UserWarning, match=f"X, y are collections {message}"):
        MLPClassifier((4,)).partial_fit(distributed, y, classes=[0, 1])
