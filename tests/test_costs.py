"""What costs nothing may change nothing: shortcuts for plain input, memory that stays bounded."""

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
    """Fitted for an instant."""
    return MLPClassifier((4,), backend=backend, tol=10.0, n_iter_no_change=1).fit(X, Y)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (np.full((2, 4), np.nan), "contains NaN"),
        (np.full((2, 4), np.inf), "contains infinity"),
        (np.ones((2, 3)), "X has 3 features"),
        (np.ones(4), "Expected 2D array, got 1D"),
        (np.ones((0, 4)), "0 sample"),
        (np.full((1, 4), "a"), "could not convert|dtype"),
    ],
)
def test_what_is_wrong_is_told(clf: MLPClassifier, rows: Any, told: str) -> None:
    """In scikit-learn's words, though rows that are plainly right go past its checks."""
    with pytest.raises(ValueError, match=told):
        clf.predict(rows)


def test_unfitted_and_named_are_told(clf: MLPClassifier) -> None:
    """A model that has seen names warns of rows without."""
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    named = MLPClassifier(**clf.get_params()).fit(pd.DataFrame(X, columns=list("abcd")), Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        named.predict(X)


def test_rows_whose_sum_overflows_are_predicted(clf: MLPClassifier) -> None:
    """Each number is finite, and that is what counts."""
    large = np.full((3, 4), 3e38, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the products may overflow
        assert clf.predict(large).shape == (3,)


@pytest.mark.parametrize("n", [1, dense.BLOCK_ROWS, dense.BLOCK_ROWS + 1, 3 * dense.BLOCK_ROWS])
def test_blocks_of_a_prediction(clf: MLPClassifier, n: int) -> None:
    """Rows in one block or in several give what they give one by one."""
    rows = np.resize(X, (n, 4))
    expected = np.resize(clf.predict_proba(X), (n, 3))
    np.testing.assert_allclose(clf.predict_proba(rows), expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.uint8, "U1"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_stream_of_labels_of_any_kind(backend: str, dtype: Any, n_classes: int) -> None:
    """Plain labels take the short way, others scikit-learn's, and both learn the same."""
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
    ("rows", "values", "told"),
    [
        (np.full((2, 4), np.nan), np.ones(2), "X contains NaN"),
        (np.ones((2, 3)), np.ones(2), "X has 3 features"),
        (np.ones((2, 4)), np.ones(3), "inconsistent numbers of samples"),
        (np.ones((2, 4)), np.array([1.0, np.inf]), "y contains infinity"),
        (np.ones((2, 4)), np.array(["a", "b"]), "y of a regressor must contain numbers"),
    ],
)
def test_a_stream_that_goes_wrong_is_told(backend: str, rows: Any, values: Any, told: str) -> None:
    """And goes on as if the chunk had not come."""
    model = MLPRegressor(hidden_layer_sizes=(4,), backend=backend, random_state=0)
    model.partial_fit(X, X[:, 0])
    before = model.predict(X)
    with pytest.raises((TypeError, ValueError), match=told):
        model.partial_fit(rows, values)
    np.testing.assert_array_equal(model.predict(X), before)


def _held(run: Callable[[], Any]) -> int:
    """Bytes that Python and NumPy held at most."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_file_larger_than_the_memory_that_is_taken(backend: str, tmp_path: Path) -> None:
    """Training and prediction read a memory-mapped file part by part."""
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
        assert _held(lambda: model.fit(data, y)) < big.nbytes // 2
    assert _held(lambda: model.predict_proba(data)) < big.nbytes // 4


def test_nothing_grows_with_calls(backend: str) -> None:
    """Beside a number a call in `loss_curve_`."""
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
    assert grown < 400 * 400  # a few bytes of each: the weights of a call alone are more
