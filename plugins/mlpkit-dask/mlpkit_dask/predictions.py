"""Predictions of the rows of Dask collections, partition by partition."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from dask import delayed
from distributed import Client

from mlpkit.plugin import Array
from mlpkit_dask.rows.collections import is_distributed, with_all_columns


def predict(
    model: Any, X: Any, method: str = "predict", *, client: Client | None = None, **arguments: Any
) -> Any:
    """Predict the rows of a Dask collection, when they are computed.

    The model is sent to each worker once. Nothing is computed before the result is, except the
    prediction of one made-up row, which gives the type and the shape of the result.

    Parameters
    ----------
    model : estimator
        A fitted estimator of mlpkit or with the interface of scikit-learn.
    X : Dask array, Dask dataframe, list of Future or Delayed, or rows in memory or in files
        Rows of shape (n_samples, n_features).
    method : str, default="predict"
        The name of the method, such as "predict_proba".
    client : Client or None, default=None
        The client of the cluster, by default the present one. Without any, the result is computed
        by the scheduler that `dask.compute` uses.
    **arguments
        Other arguments of the method.

    Returns
    -------
    Dask array, Dask series, Dask dataframe, list of Delayed, or ndarray
        For an array, an array (n_samples,) or (n_samples, n_columns). For a dataframe, a series or
        a dataframe with its index, whose columns are the classes for probabilities. For a list, a
        list with the array of each partition. For rows in memory or in files, what the method
        returns.

    Raises
    ------
    ValueError
        If the columns of X are not those of `fit`.

    Examples
    --------
    >>> import dask.array as da
    >>> from mlpkit import MLPClassifier
    >>> X = np.eye(4)
    >>> clf = MLPClassifier(solver="lbfgs", random_state=0).fit(X, ["a", "b", "a", "b"])
    >>> y = predict(clf, da.from_array(X, chunks=(3, 4)))
    >>> y.chunks, y.compute().tolist()
    (((3, 1),), ['a', 'b', 'a', 'b'])
    """
    if not is_distributed(X):
        return getattr(model, method)(X, **arguments)
    prediction = Prediction(method, arguments)
    shared = on_workers(model, client)
    if isinstance(X, list | tuple):
        return [delayed(prediction, pure=False)(part, shared) for part in X]
    if hasattr(X, "map_partitions"):
        expected = prediction.like(model, _made_up_frames(X))
        in_frames = InFrames(prediction, expected, _names(model, method, expected))
        meta = in_frames.framed(expected[:0], X._meta.index[:0])
        return X.map_partitions(in_frames, shared, meta=meta, align_dataframes=False, token=method)
    X = with_all_columns(X)
    expected = prediction.like(model, iter([np.zeros((1, *X.shape[1:]), X.dtype)]))
    in_blocks = InBlocks(prediction, expected[:0])
    if expected.ndim == 1:
        return X.map_blocks(in_blocks, shared, token=method, drop_axis=1, meta=expected[:0])
    chunks = (X.chunks[0], (expected.shape[1],))
    return X.map_blocks(in_blocks, shared, token=method, chunks=chunks, meta=expected[:0])


def on_workers(model: Any, client: Client | None) -> Any:
    """Send a model to all workers, and return what tasks receive it by."""
    if client is None:
        try:
            client = Client.current()
        except ValueError:
            return delayed(model, pure=False, traverse=False)
    # a key of its own: that of an equal model may be about to be released
    return client.scatter(model, broadcast=True, hash=False)


@dataclass(frozen=True)
class Prediction:
    """A method of prediction with its arguments."""

    method: str
    arguments: dict[str, Any]

    def __call__(self, rows: Any, model: Any) -> Array:
        """Return the predictions of rows, of which there must be at least one."""
        return np.asarray(getattr(model, self.method)(rows, **self.arguments))

    def like(self, model: Any, samples: Iterator[Any]) -> Array:
        """Return the predictions of the first sample that the model accepts.

        Raises the error of the last one if it accepts none.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for sample in samples:
                try:
                    return self(sample, model)
                except (TypeError, ValueError) as error:
                    last = error
        raise last


@dataclass(frozen=True)
class InBlocks:
    """Predictions of blocks of an array, of which some may have no rows."""

    prediction: Prediction
    empty: Array

    def __call__(self, rows: Any, model: Any) -> Array:
        """Return the predictions of a block."""
        if not rows.shape[0]:
            return self.empty
        return self.prediction(rows, model).astype(self.empty.dtype, copy=False)


@dataclass(frozen=True)
class InFrames:
    """Predictions of partitions of a dataframe, as a series or a frame with their index."""

    prediction: Prediction
    empty: Array
    names: list[Any] | None  # of the columns; None for a series

    def __call__(self, rows: Any, model: Any) -> Any:
        """Return the predictions of a partition."""
        in_blocks = InBlocks(self.prediction, self.empty[:0])
        return self.framed(in_blocks(rows, model), rows.index)

    def framed(self, values: Array, index: Any) -> Any:
        """Return values with an index."""
        import pandas as pd

        if self.names is None:
            return pd.Series(values, index=index)
        return pd.DataFrame(values, index=index, columns=self.names)


def _made_up_frames(X: Any) -> Iterator[Any]:
    """Frames of one row with the types of a Dask dataframe.

    A column of objects has text, missing values or numbers: any of them may be what it contains.
    """
    frame = X._meta_nonempty.iloc[:1]
    objects = [i for i, dtype in enumerate(frame.dtypes) if dtype.kind == "O"]
    yield frame
    for value in (None, 0) if objects else ():
        frame = frame.copy()
        for i in objects:
            frame.isetitem(i, np.array([value], dtype=object))
        yield frame


def _names(model: Any, method: str, values: Array) -> list[Any] | None:
    """The names of the columns of predictions."""
    if values.ndim == 1:
        return None
    classes = getattr(model, "classes_", None)
    if method == "predict_interval":
        return ["lower", "upper"]
    if classes is not None and len(classes) == values.shape[1]:
        return list(np.asarray(classes).tolist())
    return list(range(values.shape[1]))
