"""The rows that are evaluated: one dataset in memory, or an iterable of chunks."""

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mlpkit.data.row_sources import RowSource, check_alone
from mlpkit.partitions.columns import labels_of
from mlpkit.plugin import Dataset

OF_EACH_CHUNK = ("sample_weight", "labels", "y_pred", "y_proba", "y_score", "y_interval")


def chunks_of(rows: Dataset) -> Iterable[Dataset]:
    """A list of the rows themselves, or an iterator over the chunks that are passed as their X.

    Raises
    ------
    ValueError
        If a chunk is not valid, or if arrays are passed in addition to chunks.
    """
    if isinstance(rows.X, RowSource):
        check_alone(rows.y, rows.sample_weight, rows.labels)
    if rows.y is not None or not _is_stream(rows.X):
        if rows.y is not None and not np.ndim(rows.y):
            raise ValueError(
                f"y must be an array of targets, got {reprlib.repr(rows.y)}. The arguments are"
                " evaluate(estimator, X, y)."
            )
        n_rows = 0 if rows.y is None else len(np.asarray(rows.y))
        return [rows._replace(labels=labels_of(rows.labels, n_rows))]
    for name in OF_EACH_CHUNK:
        if getattr(rows, name) is not None:
            raise ValueError(
                f"{name} cannot be passed together with an iterable of chunks. Pass it in each"
                f" chunk, as in {{'X': X, 'y': y, {name!r}: ...}}."
            )
    return map(_dataset, rows.X)


def _is_stream(X: Any) -> bool:
    """Whether X is an iterable of chunks, and not a table."""
    return not hasattr(X, "shape") and isinstance(X, Iterable) and not isinstance(X, Mapping | str)


def _dataset(chunk: Any) -> Dataset:
    """One chunk."""
    if isinstance(chunk, Dataset):
        return chunk
    if isinstance(chunk, Mapping):
        if unknown := sorted(set(chunk) - set(Dataset._fields)):
            raise ValueError(
                f"Unknown key {unknown[0]!r} of a chunk. The keys are:"
                f" {', '.join(Dataset._fields)}."
            )
        return Dataset(**{"X": None, "y": None, **chunk})
    if isinstance(chunk, tuple) and len(chunk) in (2, 3):
        return Dataset(*chunk)
    raise ValueError(
        "Without y, X must be an iterable of chunks, each (X, y), (X, y, sample_weight), a dict or"
        f" an mlpkit.Dataset, got a chunk of type {type(chunk).__name__}. For data in memory, pass"
        " y."
    )
