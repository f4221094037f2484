"""Benchmark cases: data, network, batch size and number of epochs."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits


class Case(NamedTuple):
    """One fit with Adam and ReLU in float32."""

    data: str
    hidden: tuple[int, ...]
    batch: int
    epochs: int
    rows: int | None = None  # the number of first rows to use; None means all


class Question(NamedTuple):
    """A measurement: the kind of work, the case, and the number of repetitions."""

    what: str
    name: str
    repeat: int = 1

    def __str__(self) -> str:
        return f"{self.what}: {self.name}"


CASES = {
    "digits, (100), 200": Case("digits", (100,), 200, 40),
    "digits, (100), 32": Case("digits", (100,), 32, 20),
    "covertype, (256, 256), 512": Case("covertype", (256, 256), 512, 2),
    "784, (512, 512), 128": Case("784", (512, 512), 128, 1),
    "digits, (100), 200, 10 epochs": Case("digits", (100,), 200, 10),
    "digits, (100), 32, 2 epochs": Case("digits", (100,), 32, 2),
    "784, (512, 512), 128, 5,000 rows": Case("784", (512, 512), 128, 1, 5_000),
}
FULL = (
    *(Question("fit", name) for name in list(CASES)[:4]),
    Question("stream", "300 calls, sizes 1..512"),
    Question("predict", "1 row", 50),
    Question("predict", "100,000 rows"),
    Question("process", "default fit on digits, first time"),
    Question("process", "default fit on digits, second time"),
)
QUICK = (
    *(Question("fit", name) for name in list(CASES)[4:]),
    Question("stream", "5 calls, sizes 1..512"),
    Question("predict", "1 row", 10),
)


def rows_of(case: Case, folder: str | None) -> tuple[Any, Any]:
    """The case's X (n, n_features) float32 and y (n,) int64."""
    X, y = data(case.data, folder)
    return X[: case.rows], y[: case.rows]


@cache
def data(name: str, folder: str | None = None) -> tuple[Any, Any]:
    """X (n, n_features) float32 in 0..1 and y (n,) int64, classes 0..k-1.

    ``covertype`` is read from ``covertype-93k.csv.gz`` in the folder; without a folder it is
    generated in its shape, 92,962 x 54 with 7 classes. ``784`` is generated, 60,000 x 784.
    """
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return np.ascontiguousarray(X / 16, dtype=np.float32), y.astype(np.int64)
    if name == "covertype" and folder is not None:
        table = np.loadtxt(
            Path(folder) / "covertype-93k.csv.gz", delimiter=",", skiprows=1, dtype=np.float32
        )
        return np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(np.int64) - 1
    n, features, classes = (92_962, 54, 7) if name == "covertype" else (60_000, 784, 10)
    rng = np.random.RandomState(0)
    X = rng.random_sample((n, features)).astype(np.float32)
    return X, ((X[:, :classes] - 0.5) @ rng.standard_normal((classes, classes))).argmax(axis=1)
