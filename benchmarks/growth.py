"""Does anything grow: ``python -m benchmarks.growth`` (Linux).

10,000 calls of `partial_fit`, with chunks of 1 to 512 rows, and 10,000 of `predict`: resident
memory and time of the last thousand calls against those of the second thousand.
"""

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from benchmarks.memory import Peak

CALLS, PART = 10_000, 1_000


def measured(call: Callable[[int], Any]) -> list[tuple[float, float]]:
    """MiB held after, and microseconds a call of, each thousand calls."""
    memory, found = Peak("VmRSS"), []
    for begin in range(0, CALLS, PART):
        began = time.perf_counter()
        for i in range(begin, begin + PART):
            call(i)
        seconds = time.perf_counter() - began
        found.append((memory.now() / 2**20, seconds / PART * 1e6))
    return found


def one(backend: str) -> None:
    """Print how it went with one backend."""
    from mlpkit import MLPClassifier

    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    sizes = np.random.RandomState(0).randint(1, 513, size=PART)  # each thousand calls alike
    clf, classes = MLPClassifier(backend=backend), np.unique(y)

    def learn(i: int) -> None:
        n = sizes[i % PART]
        clf.partial_fit(X[:n], y[:n], classes=classes)

    def predict(i: int) -> None:
        clf.predict(X[: sizes[i % PART]])

    for name, call in (("partial_fit", learn), ("predict", predict)):
        parts = measured(call)
        (first, early), (last, late) = parts[1], parts[-1]
        print(
            f"{backend}, {name}: {last - first:+.2f} MiB after {CALLS - 2 * PART} more calls,"
            f" {late:.0f} us a call after {early:.0f}"
        )


def main() -> None:
    """Each backend in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", nargs="+", default=["numpy", "jax", "tensorflow", "torch"])
    given = parser.parse_args()
    if len(given.backends) == 1:
        one(given.backends[0])
        return
    for backend in given.backends:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.growth", "--backends", backend], check=False
        )


if __name__ == "__main__":
    main()
