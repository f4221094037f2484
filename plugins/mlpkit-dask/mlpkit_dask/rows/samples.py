"""Samples of the rows of partitions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from mlpkit.plugin import Array, Dataset
from mlpkit_dask.rows.blocks import counts, each


def sample(rows: Dataset, share: float) -> Dataset:
    """Copy a share of the rows, at equal distances, in their order.

    >>> sample(Dataset(np.arange(10.0).reshape(5, 2), np.arange(5)), 0.5).y.tolist()
    [0, 1, 3]
    """
    n_rows = next(iter(counts(rows).values()))
    n_taken = int(np.ceil(share * n_rows))
    indices = np.arange(n_taken) * n_rows // max(1, n_taken)
    return each(lambda values: _taken(values, indices), rows)


def joined(parts: Sequence[Dataset]) -> Dataset:
    """Join the rows of partitions.

    >>> joined([Dataset(np.zeros((2, 1))), Dataset(np.ones((1, 1)))]).X.ravel().tolist()
    [0.0, 0.0, 1.0]
    """
    return each(_joined, *parts)


def _taken(values: Any, indices: Array) -> Any:
    if hasattr(values, "iloc"):
        return values.iloc[indices]
    if isinstance(values, list):
        return [values[i] for i in indices]
    return values[indices] if hasattr(values, "__getitem__") else values.take(indices)


def _joined(*parts: Any) -> Any:
    if hasattr(parts[0], "iloc"):
        import pandas as pd

        return pd.concat(list(parts))
    if sparse.issparse(parts[0]):
        return sparse.vstack(parts, format="csr")
    return np.concatenate([np.asarray(part) for part in parts])
