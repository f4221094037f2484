"""Fits and predictions on a busy machine: ``python -m benchmarks.neighbour``.

The contenders are mlpkit on NumPy and scikit-learn, in float32, with the default threads and
with BLAS limited to one thread by `threadpoolctl`. They run on an otherwise idle machine, and
together with processes that keep cores busy. Each contender has a process of its own. The four
alternate within a round, and the median of the rounds is reported, since the effect of a busy
process differs from call to call.
"""

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import machine
from benchmarks.cases import Case, data
from benchmarks.contenders import Estimators

FITS = {
    "fit: digits, (100), 200": Case("digits", (100,), 200, 10),
    "fit: 2,000 x 784, (256), 200": Case("784", (256,), 200, 2, 2_000),
    "fit: 10,000 x 54, (256, 256), 512": Case("covertype", (256, 256), 512, 2, 10_000),
    "fit: 5,000 x 784, (512, 512), 128": Case("784", (512, 512), 128, 1, 5_000),
}
PREDICTIONS = {
    "predict: 100,000 x 64, (100)": Case("digits", (100,), 200, 1, 100_000),
    "predict: 20,000 x 784, (512, 512)": Case("784", (512, 512), 200, 1, 20_000),
}
CONTENDERS = {"mlpkit": "numpy", "scikit-learn": None}
THREADS = ("default threads", "one thread")
SPIN = "while True: pass"


@contextmanager
def neighbours(n: int) -> Iterator[None]:
    """Run processes that keep a core busy each."""
    processes = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def work(contender: Estimators, name: str) -> Callable[[], Any]:
    """Return the function to time."""
    if name in FITS:
        case = FITS[name]
        X, y = data(case.data)
        return contender.fit(case, X[: case.rows], y[: case.rows])
    case = PREDICTIONS[name]
    X, y = data(case.data)
    rows = np.resize(X, (case.rows or len(X), X.shape[1]))
    model = contender.make(hidden_layer_sizes=case.hidden, max_iter=1).fit(X[:1000], y[:1000])
    return lambda: model.predict_proba(rows)


def answer(backend: str | None) -> None:
    """Time the case on each line of standard input, with the threads on that line."""
    warnings.simplefilter("ignore")
    contender, ready = Estimators(backend), {}
    for line in sys.stdin:
        name, threads = line.strip().split("|")
        if name not in ready:
            ready[name] = work(contender, name)
            ready[name]()
        with threadpool_limits(1) if threads == "one thread" else nullcontext():
            began = time.perf_counter()
            ready[name]()
            print(time.perf_counter() - began, flush=True)


def timed(process: subprocess.Popen[str], name: str, threads: str) -> float:
    """Return the seconds that a contender needs for a case."""
    assert process.stdin is not None and process.stdout is not None
    time.sleep(0.1)  # until the BLAS threads of the previous contender are idle
    process.stdin.write(f"{name}|{threads}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main() -> None:
    """Print the seconds, and their ratio to the seconds with one thread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--neighbours", type=int, default=1)
    parser.add_argument("--one", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        answer(CONTENDERS[arguments.one])
        return
    command = [sys.executable, "-m", "benchmarks.neighbour", "--one"]
    processes = {
        name: subprocess.Popen(
            [*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in CONTENDERS
    }
    for n in (0, arguments.neighbours):
        print(f"\n{n} busy processes: median seconds with default threads, one thread, and ratio")
        with neighbours(n):
            for name in (*FITS, *PREDICTIONS):
                times: dict[tuple[str, str], list[float]] = {}
                for _ in range(arguments.rounds):
                    for contender, process in processes.items():
                        for threads in THREADS:
                            seconds = timed(process, name, threads)
                            times.setdefault((contender, threads), []).append(seconds)
                medians = {key: float(np.median(values)) for key, values in times.items()}
                parts = []
                for contender in CONTENDERS:
                    default, one = (medians[contender, threads] for threads in THREADS)
                    parts.append(f"{contender} {default:.3f} {one:.3f} {default / one:.2f}")
                print(f"{name}: {'; '.join(parts)}", flush=True)
    for process in processes.values():
        process.kill()
        process.wait()
    print("\n" + ", ".join(f"{k} {v}" for k, v in machine.about().items()))


if __name__ == "__main__":
    main()
