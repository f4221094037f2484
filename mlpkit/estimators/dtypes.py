"""The dtype of X."""

from typing import Any

import numpy as np
from scipy.sparse import issparse


def as_dtype(X: Any, dtype: str | None) -> Any:
    """Return finite X as ``dtype``, or as it is if None; raises ValueError if it overflows."""
    if dtype is None or dtype == X.dtype:
        return X
    with np.errstate(over="ignore"):  # the check below raises an error instead
        X = X.astype(dtype)
    if not np.isfinite(X.data if issparse(X) else X).all():
        raise ValueError(f"X contains values that are too large for dtype={dtype!r}. Scale X.")
    return X
