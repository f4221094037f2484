"""Rows in files that `scan` reads, and the same rows in memory."""

from typing import Any

import numpy as np
import pyarrow as pa

from mlpkit import scan

# a few epochs, without a warning
FEW: dict[str, Any] = {"max_iter": 5, "tol": 1.0, "n_iter_no_change": 2}
NAMES = [f"c{i}" for i in range(4)]


def table(n: int = 600) -> pa.Table:
    """Numbers, two classes, weights, and a column of groups."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    others = {"y": X[:, 0] + X[:, 1] * X[:, 2] > 0, "w": rng.random(n), "g": ["a", "b"] * (n // 2)}
    return pa.table({**dict(zip(NAMES, X.T, strict=True)), **others})


def rows_of(folder: Any, **options: Any) -> Any:
    """The scan of the rows with their roles."""
    return scan(folder, target="y", weight="w", labels="g", **options)


def in_memory() -> tuple[Any, ...]:
    """The same rows in memory: X, y, sample weights and labels."""
    frame = table().to_pandas()
    return frame[NAMES], frame.y, frame.w, frame[["g"]]


def equal(a: Any, b: Any) -> bool:
    """Whether two fitted estimators have the same bits."""
    same = all(np.array_equal(p, q) for p, q in zip(a.coefs_, b.coefs_, strict=True))
    return same and a.loss_curve_ == b.loss_curve_
