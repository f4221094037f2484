"""Growth of memory and time in long streams: ``python -m benchmarks.growth`` (Linux).

The stream has 10,000 calls of `partial_fit` with chunks of 1 to 512 rows, and 10,000 calls of
`predict`. The resident memory and the time of the last thousand calls are compared with those of
the second thousand calls.
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
    """Return the MiB after each thousand calls, and the microseconds per call."""
    memory, measurements = Peak("VmRSS"), []
    for begin in range(0, CALLS, PART):
        began = time.perf_counter()
        for i in range(begin, begin + PART):
            call(i)
        seconds = time.perf_counter() - began
        measurements.append((memory.now() / 2**20, seconds / PART * 1e6))
    return measurements


def one(backend: str) -> None:
    """Print the growth with one backend."""
    from mlpkit import MLPClassifier

    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    sizes = np.random.RandomState(0).randint(1, 513, size=PART)  # the same for each thousand calls
    clf, classes = MLPClassifier(backend=backend), np.unique(y)

    def update(i: int) -> None:
        n = sizes[i % PART]
        clf.partial_fit(X[:n], y[:n], classes=classes)

    def predict(i: int) -> None:
        clf.predict(X[: sizes[i % PART]])

    for name, call in (("partial_fit", update), ("predict", predict)):
        parts = measured(call)
        (first, early), (last, late) = parts[1], parts[-1]
        print(
            f"{backend}, {name}: {last - first:+.2f} MiB after {CALLS - 2 * PART} more calls,"
            f" {late:.0f} us a call after {early:.0f}"
        )


def main() -> None:
    """Measure each backend in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--backends", nargs="+", default=["numpy", "numba", "jax", "tensorflow", "torch"]
    )
    arguments = parser.parse_args()
    if len(arguments.backends) == 1:
        one(arguments.backends[0])
        return
    for backend in arguments.backends:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.growth", "--backends", backend], check=False
        )


if __name__ == "__main__":
    main()
