"""Memory of a fit: ``python -m benchmarks.memory`` (Linux).

The first measurement is one epoch on 1,000,000 x 54 values in float32, with each backend in a
process of its own: the peak memory during the fit, relative to the size of the data. The second
is a fit on a memory-mapped file that is larger than a budget. It measures anonymous memory only,
since the system can drop pages of the file at any time.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

ROWS, COLUMNS = 1_000_000, 54
MIB = 2**20


class Peak:
    """The peak memory of the process in bytes, sampled every few milliseconds."""

    def __init__(self, field: str) -> None:
        self.field, self.bytes, self.ended = field, 0, False
        self.thread = threading.Thread(target=self._sample)

    def now(self) -> int:
        """Return the present bytes: "VmRSS" includes the pages of files, "RssAnon" does not."""
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(self.field):
                return int(line.split()[1]) * 1024
        raise KeyError(self.field)

    def _sample(self) -> None:
        while not self.ended:
            self.bytes = max(self.bytes, self.now())
            time.sleep(0.002)

    def __enter__(self) -> "Peak":
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.ended = True
        self.thread.join()


def fit(X: Any, y: Any, backend: str, rows: int | None = None) -> None:
    """Train one epoch with 64 hidden units and batches of 512 rows."""
    warnings.simplefilter("ignore")
    if backend == "scikit-learn":
        from sklearn.neural_network import MLPClassifier

        clf = MLPClassifier((64,), batch_size=512, max_iter=1)
    else:
        import mlpkit

        clf = mlpkit.MLPClassifier((64,), batch_size=512, max_iter=1, backend=backend)
    clf.fit(X[:rows], y[:rows])


def in_memory(backend: str) -> None:
    """Print the memory that one fit needs in addition to its data."""
    rng = np.random.default_rng(0)
    X = rng.random((ROWS, COLUMNS), np.float32)
    y = (X[:, 0] > X[:, 1]).astype(np.int64)
    fit(X, y, backend, 5_000)  # imports and compiles
    with Peak("VmRSS") as peak:
        before = peak.now()
        fit(X, y, backend)
    extra = peak.bytes - before
    print(f"{backend}: {1 + extra / X.nbytes:.2f} times the data, {extra / MIB:.0f} MiB more")


def mapped(backend: str, budget: int) -> None:
    """Print the memory of a fit from a file of twice the budget."""
    rows = 2 * budget // (COLUMNS * 4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        X = np.lib.format.open_memmap(path, "w+", np.float32, (rows, COLUMNS))
        rng = np.random.default_rng(0)
        for begin in range(0, rows, 100_000):
            X[begin : begin + 100_000] = rng.random((min(100_000, rows - begin), COLUMNS))
        X.flush()
        del X
        X = np.load(path, mmap_mode="r")
        y = (X[:, 0] > X[:, 1]).astype(np.int64)
        fit(X, y, backend, 5_000)
        with Peak("RssAnon") as peak:
            before = peak.now()
            fit(X, y, backend)
        extra = peak.bytes - before
        print(
            f"{backend}: a file of {2 * budget / MIB:.0f} MiB took {extra / MIB:.0f} MiB;"
            f" the budget is {budget / MIB:.0f}: {'within' if extra <= budget else 'ABOVE'}"
        )


def main() -> None:
    """Measure each backend in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = ["scikit-learn", "numpy", "numba", "jax", "tensorflow", "torch"]
    parser.add_argument("--backends", nargs="+", default=names)
    parser.add_argument("--budget", type=int, default=128, help="MiB for the mapped file")
    parser.add_argument("--one", choices=("in_memory", "mapped"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one == "in_memory":
        in_memory(arguments.backends[0])
    elif arguments.one == "mapped":
        mapped(arguments.backends[0], arguments.budget << 20)
    else:
        for measurement in ("in_memory", "mapped"):
            for backend in arguments.backends:
                options = ["--one", measurement, "--backends", backend]
                options += ["--budget", str(arguments.budget)]
                subprocess.run([sys.executable, "-m", "benchmarks.memory", *options], check=False)


if __name__ == "__main__":
    main()
