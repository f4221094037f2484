"""Memory of a fit: ``python -m benchmarks.memory`` (Linux).

1,000,000 x 54 in float32, one epoch, each backend in a process of its own: what the process
holds at most during the fit, above what it held with the data before it, by the size of the
data. And a fit from a memory-mapped file larger than the budget that the process gets: its
anonymous memory is what counts there, since pages of the file can be dropped at any time.
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


class Peak:
    """The most memory that the process held, in bytes, sampled every few milliseconds."""

    def __init__(self, field: str) -> None:
        self.field, self.most, self.ended = field, 0, False
        self.thread = threading.Thread(target=self._watch)

    def now(self) -> int:
        """Bytes at this time: "VmRSS" with the pages of files, "RssAnon" without."""
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(self.field):
                return int(line.split()[1]) * 1024
        raise KeyError(self.field)

    def _watch(self) -> None:
        while not self.ended:
            self.most = max(self.most, self.now())
            time.sleep(0.002)

    def __enter__(self) -> "Peak":
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.ended = True
        self.thread.join()


def fit(X: Any, y: Any, backend: str, rows: int | None = None) -> None:
    """One epoch of (64,), 512 rows a step."""
    warnings.simplefilter("ignore")
    if backend == "scikit-learn":
        from sklearn.neural_network import MLPClassifier

        clf = MLPClassifier((64,), batch_size=512, max_iter=1)
    else:
        import mlpkit

        clf = mlpkit.MLPClassifier((64,), batch_size=512, max_iter=1, backend=backend)
    clf.fit(X[:rows], y[:rows])


def in_memory(backend: str) -> None:
    """Print what one fit takes beside its data."""
    rng = np.random.default_rng(0)
    X = rng.random((ROWS, COLUMNS), np.float32)
    y = (X[:, 0] > X[:, 1]).astype(np.int64)
    fit(X, y, backend, 5_000)  # imports and compiles
    with Peak("VmRSS") as peak:
        before = peak.now()
        fit(X, y, backend)
    beside = (peak.most - before) / X.nbytes
    print(f"{backend}: {1 + beside:.2f} times the data, {beside * X.nbytes / 2**20:.0f} MiB beside")


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
        beside = peak.most - before
        print(
            f"{backend}: a file of {2 * budget / 2**20:.0f} MiB took {beside / 2**20:.0f} MiB;"
            f" the budget is {budget / 2**20:.0f}: {'within' if beside <= budget else 'ABOVE'}"
        )


def main() -> None:
    """Each backend in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = ["scikit-learn", "numpy", "jax", "tensorflow", "torch"]
    parser.add_argument("--backends", nargs="+", default=names)
    parser.add_argument("--budget", type=int, default=128, help="MiB for the mapped file")
    parser.add_argument("--one", choices=("in_memory", "mapped"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one == "in_memory":
        in_memory(given.backends[0])
    elif given.one == "mapped":
        mapped(given.backends[0], given.budget << 20)
    else:
        for way in ("in_memory", "mapped"):
            for backend in given.backends:
                settings = ["--one", way, "--backends", backend, "--budget", str(given.budget)]
                subprocess.run([sys.executable, "-m", "benchmarks.memory", *settings], check=False)


if __name__ == "__main__":
    main()
