"""Predictions are lazy, of known types and shapes, and equal those of the same rows in memory."""

from pathlib import Path
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from distributed import Client, get_task_stream
from pyarrow import parquet

from mlpkit import MLPClassifier, MLPRegressor, scan
from mlpkit_dask import predict

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
Y = np.where(X[:, 0] > 0, "yes", np.where(X[:, 1] > 0, "no", "maybe"))
FRAME = pd.DataFrame(X, columns=list("abc"), index=np.arange(90) * 2)
FEW = {"solver": "lbfgs", "tol": 1e-1, "random_state": 0}


@pytest.fixture(scope="module")
def clf() -> MLPClassifier:
    """A classifier of arrays."""
    return MLPClassifier((5,), **FEW).fit(X, Y)


@pytest.fixture(scope="module")
def frame_clf() -> MLPClassifier:
    """A classifier of frames."""
    return MLPClassifier((5,), **FEW).fit(FRAME, Y)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_arrays(client: Client, clf: MLPClassifier, method: str) -> None:
    """Shape, chunks and dtype are known before anything is computed."""
    expected = getattr(clf, method)(X)
    with get_task_stream(client) as stream:
        lazy = predict(clf, da.from_array(X, chunks=(40, 2)), method)
    assert not stream.data
    assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
    assert lazy.chunks == ((40, 40, 10), (3,))[: expected.ndim]
    assert np.array_equal(lazy.compute(), expected)
    assert np.array_equal(lazy.blocks[1].compute(), expected[40:80])


def test_unknown_and_empty_chunks(client: Client, clf: MLPClassifier) -> None:
    """Blocks without rows have no predictions, of the same type."""
    rows = da.from_array(X, chunks=(10, 3))
    sorted_rows = X[np.argsort(X[:, 0])]
    kept = da.from_array(sorted_rows, chunks=(10, 3))
    kept = kept[kept[:, 0] > 1]
    lazy = predict(clf, kept, "predict_proba")
    assert lazy.dtype == np.float64
    assert np.array_equal(lazy.compute(), clf.predict_proba(sorted_rows[sorted_rows[:, 0] > 1]))
    nothing = rows[rows[:, 0] > 100]
    assert predict(clf, nothing).compute().shape == (0,)
    assert predict(clf, nothing, "predict_proba").compute().shape == (0, 3)


def test_frames(client: Client, frame_clf: MLPClassifier) -> None:
    """The index is kept, and the columns of probabilities are the classes."""
    frame = dd.from_pandas(FRAME, npartitions=4)
    frame = frame[frame.a > -1]
    kept = FRAME[FRAME.a > -1]
    classes = predict(frame_clf, frame)
    assert isinstance(classes, dd.Series)
    expected = pd.Series(frame_clf.predict(kept), index=kept.index)
    pd.testing.assert_series_equal(classes.compute(), expected)
    proba = predict(frame_clf, frame, "predict_proba")
    assert proba.columns.tolist() == ["maybe", "no", "yes"]
    expected = pd.DataFrame(frame_clf.predict_proba(kept), kept.index, ["maybe", "no", "yes"])
    pd.testing.assert_frame_equal(proba.compute(), expected)
    assert proba.dtypes.tolist() == expected.dtypes.tolist()
    assert len(predict(frame_clf, frame[frame.a > 100]).compute()) == 0


def test_columns_of_objects(client: Client) -> None:
    """Numbers in a column of objects are accepted, as they are locally."""
    numbers = FRAME.assign(a=FRAME.a.astype(object))
    clf = MLPClassifier((5,), **FEW).fit(numbers, Y)
    with dask.config.set({"dataframe.convert-string": False}):
        lazy = predict(clf, dd.from_pandas(numbers, npartitions=2))
    assert lazy.compute().tolist() == clf.predict(numbers).tolist()


def test_arguments_and_several_targets(client: Client) -> None:
    """Methods of a regressor, and columns that are numbered."""
    y = np.stack([X[:, 0], X[:, 1] * 2], axis=1)
    reg = MLPRegressor(hidden_layer_sizes=(5,), **FEW).fit(FRAME, y)
    lazy = predict(reg, dd.from_pandas(FRAME, npartitions=3))
    assert lazy.columns.tolist() == [0, 1]
    assert np.array_equal(lazy.compute(), reg.predict(FRAME))
    reg = MLPRegressor(hidden_layer_sizes=(5,), **FEW).fit(FRAME, X[:, 0])
    reg.calibrate(FRAME, X[:, 0])
    lazy = predict(reg, dd.from_pandas(FRAME, npartitions=3), "predict_interval", coverage=0.8)
    assert lazy.columns.tolist() == ["lower", "upper"]
    assert np.array_equal(lazy.compute(), reg.predict_interval(FRAME, 0.8))


def test_the_model_is_sent_once(client: Client, clf: MLPClassifier) -> None:
    """The graph has a key of the model, which all workers have, instead of the model."""
    lazy = predict(clf, da.from_array(X, chunks=(10, 3)))
    keys = [key for key in client.who_has() if "MLPClassifier" in str(key)]
    held = client.who_has()
    assert any(len(held[key]) == 2 for key in keys)
    assert len(dask.base.collections_to_expr([lazy]).__dask_graph__()) < 40


def test_other_rows(client: Client, clf: MLPClassifier, tmp_path: Path) -> None:
    """Arrays and files are predicted at once, and lists partition by partition."""
    assert np.array_equal(predict(clf, X), clf.predict(X))
    parts: Any = predict(clf, [dask.delayed(X[:30]), dask.delayed(X[30:])])
    assert np.array_equal(np.concatenate(dask.compute(*parts)), clf.predict(X))
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    parquet.write_table(table, tmp_path / "rows.parquet")
    rows = scan(tmp_path / "rows.parquet")
    named = MLPClassifier((5,), **FEW).fit(FRAME, Y)
    assert np.array_equal(predict(named, rows, "predict_proba"), named.predict_proba(FRAME))


def test_without_a_cluster(clf: MLPClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any scheduler computes the predictions."""

    def current(**arguments: Any) -> Client:
        raise ValueError("No clients found")

    monkeypatch.setattr(Client, "current", current)
    lazy = predict(clf, da.from_array(X, chunks=(40, 2)), "predict_proba")
    with dask.config.set(scheduler="synchronous"):
        assert np.array_equal(lazy.compute(), clf.predict_proba(X))


def test_other_columns_are_an_error_at_once(client: Client, clf: MLPClassifier) -> None:
    """Nothing is computed for rows that the model does not accept."""
    with pytest.raises(ValueError, match="X has 2 features, but MLPClassifier is expecting 3"):
        predict(clf, da.ones((10, 2), chunks=5))
