"""Validation of the row statistics that metrics return."""

import numpy as np

from mlpkit.plugin import Array, CellCounts


def width_of(statistics: Array | CellCounts, n: int) -> int:
    """The number of columns or cells of the statistics of n rows; ValueError if invalid."""
    if isinstance(statistics, CellCounts):
        return _n_cells(statistics, n)
    if not hasattr(statistics, "ndim"):
        raise TypeError(
            f"row statistics must be an array of shape ({n},) or ({n}, k), got {statistics!r}"
        )
    if statistics.ndim not in (1, 2) or len(statistics) != n:
        raise ValueError(
            f"row statistics must have shape ({n},) or ({n}, k), got {statistics.shape}"
        )
    return 1 if statistics.ndim == 1 else statistics.shape[1]


def _n_cells(counts: CellCounts, n: int) -> int:
    codes = np.asarray(counts.codes)
    if codes.dtype.kind not in "iub" or codes.ndim not in (1, 2) or len(codes) != n:
        raise ValueError(
            f"codes must be integers of shape ({n},) or ({n}, j), got {codes.dtype} of shape"
            f" {codes.shape}"
        )
    if codes.size and not -1 <= codes.min() <= codes.max() < counts.cells:
        raise ValueError(
            f"codes must be from -1 to {counts.cells - 1}, got {codes.min()} to {codes.max()}"
        )
    if counts.values is not None and np.shape(counts.values) != (n,):
        raise ValueError(f"values must have shape ({n},), got {np.shape(counts.values)}")
    return counts.cells
