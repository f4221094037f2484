"""Rows that do not fit into memory: ``python -m benchmarks.files`` (Linux).

Parquet files of random numbers, by default 4 GiB, are written to a temporary folder. One process
trains an epoch on them, evaluates the model, predicts, and calls `partial_fit`. The seconds of each
are printed, and the peak memory: that of the process itself, and the pages of files, which the
system can drop at any time. Before that, a model is trained on 500,000 rows from a file and in
memory, and the weights are compared.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import MIB, Peak

COLUMNS, GROUP_ROWS = 50, 100_000
GIB = 2**30
Task = dict[str, Any]  # its name, seconds, and MiB


def write(folder: Path, size: int) -> int:
    """Write files of `size` bytes, with numbers and two classes, and return the number of rows."""
    import pyarrow as pa
    from pyarrow import parquet

    rng, written, n_rows = np.random.default_rng(0), 0, 0
    while written < size:
        path = folder / f"part-{n_rows:012d}.parquet"
        X = rng.standard_normal((GROUP_ROWS * 5, COLUMNS), np.float32)
        columns = {f"x{i}": X[:, i] for i in range(COLUMNS)}
        table = pa.table({**columns, "y": X[:, 0] + X[:, 1] > 0})
        parquet.write_table(table, path, row_group_size=GROUP_ROWS, compression="none")
        written += path.stat().st_size
        n_rows += len(X)
    return n_rows


def estimator(epochs: int) -> Any:
    """A network of 128 units, trained with batches of 1,024 rows."""
    from mlpkit import MLPClassifier

    return MLPClassifier(
        (128,), encoder="standard", batch_size=1024, max_iter=epochs, random_state=0
    )


def use(folder: str, memory: str) -> None:
    """Train, evaluate and predict, and print the seconds and the peak memory of each as JSON."""
    from mlpkit import evaluate, scan

    warnings.simplefilter("ignore")
    rows = scan(folder, target="y", memory=memory)
    clf = estimator(1)
    tasks: dict[str, Callable[[], Any]] = {
        "fit": lambda: clf.fit(rows),
        "evaluate": lambda: evaluate(clf, rows, metrics=["accuracy"]),
        "predict": lambda: clf.predict_proba(rows),
        "partial_fit": lambda: clf.partial_fit(rows),
    }
    for name, task in tasks.items():
        with Peak("RssAnon") as own, Peak("RssFile") as of_files:
            start = time.perf_counter()
            task()
            seconds = time.perf_counter() - start
        found = {"seconds": seconds, "own": own.bytes / MIB, "files": of_files.bytes / MIB}
        print(json.dumps({"task": name, **found}), flush=True)


def measured(folder: Path, memory: str) -> Iterator[Task]:
    """Yield the figures of each task, in a process that uses the files of a folder."""
    command = [sys.executable, "-m", "benchmarks.files", "--folder", str(folder)]
    with subprocess.Popen(
        [*command, "--memory", memory], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise RuntimeError(f"the process ended with exit code {process.returncode}")


def figures(gigabytes: float, memory: str) -> dict[str, Any]:
    """Return the number of rows in files of a size, and the figures of each task."""
    with tempfile.TemporaryDirectory() as folder:
        n_rows = write(Path(folder), int(gigabytes * GIB))
        tasks = list(measured(Path(folder), memory))
    return {"rows": n_rows, **{task.pop("task"): task for task in tasks}}


def same_weights(folder: Path) -> bool:
    """Return whether a fit to the files has the weights of a fit in memory."""
    from pyarrow import parquet

    from mlpkit import scan

    warnings.simplefilter("ignore")
    table = parquet.read_table(folder)
    a = estimator(2).fit(scan(folder, target="y"))
    b = estimator(2).fit(table.drop_columns(["y"]), np.asarray(table["y"]))
    return all(np.array_equal(p, q) for p, q in zip(a.coefs_, b.coefs_, strict=True))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.files", description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4.0, help="size of the files")
    parser.add_argument("--memory", default="1GiB", help="the budget that is passed to scan")
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        use(options.folder, options.memory)
        return
    with tempfile.TemporaryDirectory() as top:
        small, large = Path(top, "small"), Path(top, "large")
        small.mkdir()
        large.mkdir()
        write(small, 1)
        print(f"the weights equal those of a fit in memory: {same_weights(small)}", flush=True)
        n_rows = write(large, int(options.gigabytes * GIB))
        print(f"{n_rows:,} rows in {options.gigabytes:g} GiB of Parquet", flush=True)
        for task in measured(large, options.memory):
            rate = n_rows / task["seconds"] / 1e6
            print(
                f"{task['task']}: {task['seconds']:.0f} s ({rate:.2f} million rows/s), at most"
                f" {task['own']:.0f} MiB, and {task['files']:.0f} MiB of pages of files",
                flush=True,
            )


if __name__ == "__main__":
    main()
