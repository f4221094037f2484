"""Benchmark cases: data, network, batch size and number of epochs."""

from typing import NamedTuple

from benchmarks.data_sets import Rows, data


class Case(NamedTuple):
    """One fit with Adam and ReLU in float32."""

    data: str
    hidden: tuple[int, ...]
    batch: int
    epochs: int
    rows: int | None = None  # the number of first rows to use; None means all


CASES = {
    "digits, (100), 200": Case("digits", (100,), 200, 40),
    "digits, (100), 32": Case("digits", (100,), 32, 20),
    "breast cancer, (100), 200": Case("breast cancer", (100,), 200, 100),
    "Adult one-hot, (256, 128), 256": Case("adult", (256, 128), 256, 6),
    "covertype, (256, 256), 512": Case("covertype", (256, 256), 512, 2),
    "784, (512, 512), 128": Case("784", (512, 512), 128, 1),
}
SHORT_CASES = {
    "digits, (100), 200, 10 epochs": Case("digits", (100,), 200, 10),
    "digits, (100), 32, 2 epochs": Case("digits", (100,), 32, 2),
    "784, (512, 512), 128, 5,000 rows": Case("784", (512, 512), 128, 1, 5_000),
}
BUSY_CASES = {
    "digits, (100), 200, 10 epochs": Case("digits", (100,), 200, 10),
    "2,000 x 784, (256), 200": Case("784", (256,), 200, 2, 2_000),
    "10,000 x 54, (256, 256), 512": Case("covertype", (256, 256), 512, 2, 10_000),
    "5,000 x 784, (512, 512), 128": Case("784", (512, 512), 128, 1, 5_000),
}
LONG_CASES = {
    "digits, (100), 32, 20 epochs": Case("digits", (100,), 32, 20),
    "digits, (100), 32, 300 epochs": Case("digits", (100,), 32, 300),
}
SPARSE_CASES = {"4,000 x 100,000 in CSR, (50), 200": Case("sparse", (50,), 200, 2)}


def case_of(name: str) -> Case:
    """The case of a name."""
    return (CASES | SHORT_CASES | BUSY_CASES | LONG_CASES | SPARSE_CASES)[name]


def rows_of(case: Case, folder: str | None) -> Rows:
    """The case's X (n, n_features) float32 and y (n,) int64."""
    X, y = data(case.data, folder)
    return X[: case.rows], y[: case.rows]
