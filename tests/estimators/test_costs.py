"""Shortcuts for valid input do not change results, and memory use is bounded."""

import gc
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.numpy_backend import dense

X, Y = load_iris(return_X_y=True)


@pytest.fixture
def clf(backend: str) -> MLPClassifier:
    """A classifier fitted for a few epochs."""
    return MLPClassifier((4,), backend=backend, tol=10.0, n_iter_no_change=1).fit(X, Y)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.full((2, 4), np.nan), "contains NaN"),
        (np.full((2, 4), np.inf), "contains infinity"),
        (np.ones((2, 3)), "X has 3 features"),
        (np.ones(4), "Expected 2D array, got 1D"),
        (np.ones((0, 4)), "0 sample"),
        (np.full((1, 4), "a"), "could not convert|dtype"),
    ],
)
def test_invalid_rows_raise_errors(clf: MLPClassifier, rows: Any, message: str) -> None:
    """Messages are those of scikit-learn, although valid rows skip its checks."""
    with pytest.raises(ValueError, match=message):
        clf.predict(rows)


def test_unfitted_estimators_and_feature_names(clf: MLPClassifier) -> None:
    """Estimators fitted with feature names warn about rows without names."""
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    named = MLPClassifier(**clf.get_params()).fit(pd.DataFrame(X, columns=list("abcd")), Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        named.predict(X)


def test_rows_whose_sum_overflows_are_predicted(clf: MLPClassifier) -> None:
    """Rows are valid if every number is finite."""
    large = np.full((3, 4), 3e38, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the products may overflow
        assert clf.predict(large).shape == (3,)


@pytest.mark.parametrize("n", [1, dense.BLOCK_ROWS, dense.BLOCK_ROWS + 1, 3 * dense.BLOCK_ROWS])
def test_blocks_of_a_prediction(clf: MLPClassifier, n: int) -> None:
    """Predictions do not depend on the number of blocks."""
    rows = np.resize(X, (n, 4))
    expected = np.resize(clf.predict_proba(X), (n, 3))
    np.testing.assert_allclose(clf.predict_proba(rows), expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.uint8, "U1"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_streams_of_labels_of_any_type(backend: str, dtype: Any, n_classes: int) -> None:
    """The shortcut for plain labels trains the same model as the checks of scikit-learn."""
    rows, places = X[Y < n_classes], Y[Y < n_classes]
    fits = []
    for names in (np.arange(n_classes).astype(dtype), np.array(list("abc")[:n_classes])):
        model = MLPClassifier((4,), backend=backend, random_state=0)
        for part in (slice(0, None, 2), slice(3, 40), slice(1, None, 3)):
            model.partial_fit(rows[part], names[places[part]], classes=names)
        fits.append(model)
    np.testing.assert_array_equal(fits[0].predict_proba(rows), fits[1].predict_proba(rows))
    with pytest.raises(ValueError, match="not in `self.classes_`"):
        fits[1].partial_fit(rows[:2], np.array(["a", "z"]))
    with pytest.raises(ValueError, match="is not the same as on last call"):
        fits[1].partial_fit(rows[:2], np.array(["a", "b"]), classes=np.array(["a", "z"]))


@pytest.mark.parametrize(
    ("rows", "values", "message"),
    [
        (np.full((2, 4), np.nan), np.ones(2), "X contains NaN"),
        (np.ones((2, 3)), np.ones(2), "X has 3 features"),
        (np.ones((2, 4)), np.ones(3), "inconsistent numbers of samples"),
        (np.ones((2, 4)), np.array([1.0, np.inf]), "y contains infinity"),
        (np.ones((2, 4)), np.array(["a", "b"]), "y of a regressor must contain numbers"),
    ],
)
def test_invalid_chunks_raise_errors(backend: str, rows: Any, values: Any, message: str) -> None:
    """An invalid chunk does not change the estimator."""
    model = MLPRegressor(hidden_layer_sizes=(4,), backend=backend, random_state=0)
    model.partial_fit(X, X[:, 0])
    expected = model.predict(X)
    with pytest.raises((TypeError, ValueError), match=message):
        model.partial_fit(rows, values)
    np.testing.assert_array_equal(model.predict(X), expected)


def _peak_memory(run: Callable[[], Any]) -> int:
    """The maximum number of bytes that Python and NumPy allocate."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_mapped_rows_are_read_in_parts(backend: str, tmp_path: Path) -> None:
    """Training and prediction use less memory than a memory-mapped file is large."""
    rows, columns = 80_000, 64
    path = tmp_path / "X.npy"
    big = np.lib.format.open_memmap(path, "w+", np.float32, (rows, columns))
    big[:] = np.random.RandomState(0).random_sample((1, columns))
    big[::2] += 1
    y = np.arange(rows) % 2
    data: Any = np.load(path, mmap_mode="r")
    model = MLPClassifier((8,), batch_size=512, max_iter=1, backend=backend, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch does not converge
        model.fit(data[:2000], y[:2000])  # imports and compiles
        assert _peak_memory(lambda: model.fit(data, y)) < big.nbytes // 2
    assert _peak_memory(lambda: model.predict_proba(data)) < big.nbytes // 4


def test_memory_does_not_grow_with_calls(backend: str) -> None:
    """Only `loss_curve_` grows, by one number a call."""
    model = MLPRegressor(hidden_layer_sizes=(40,), backend=backend, random_state=0)

    def calls(n: int) -> None:
        for i in range(n):
            rows = X[: 1 + i % 40]
            model.partial_fit(rows, rows[:, 0])
            model.predict(rows)

    calls(80)
    tracemalloc.start()
    try:
        calls(80)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        calls(400)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 400 * 400  # bytes; the weights of one call are larger
