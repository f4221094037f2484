"""Compare fits on a Dask cluster with the fit on one machine, on rows like those of Covertype.

``python -m benchmarks.clusters`` measures one and two workers. With ``--workers 1 2 4 8 16 --rows
581012``, it shows the speed-up on a machine with more cores; each worker is a process with one
thread.
"""

import argparse
import os
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from typing import Any, NamedTuple

N_FEATURES, N_CLASSES = 54, 7
HIDDEN = (256, 256)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Measured(NamedTuple):
    """What a fit took: seconds, seconds of processor time, and the memory of a process."""

    name: str
    wall: float
    processor: float
    communication: float
    memory: float  # bytes that the largest process needed at most, with its rows


def main() -> None:
    """Measure and print a table."""
    arguments = parsed()
    os.environ["PYTHONWARNINGS"] = "ignore"  # of workers, too
    warnings.simplefilter("ignore")
    print(f"{arguments.rows:,} rows, batches of {arguments.batch}, {arguments.backend}")
    local = on_one_machine(arguments)
    results = [local, *(on_cluster(arguments, n) for n in arguments.workers)]
    rows_size = arguments.rows * N_FEATURES * 4
    print(
        f"{'':12} {'seconds':>8} {'speed-up':>8} {'processor':>9} {'ratio':>6} {'waiting':>8} MiB"
    )
    for result in results:
        print(
            f"{result.name:12} {result.wall:8.2f} {local.wall / result.wall:8.2f}"
            f" {result.processor:9.2f} {result.processor / local.processor:6.2f}"
            f" {result.communication:8.2f} {result.memory / 2**20:.0f}".replace(" nan", "")
        )
    print(f"All rows are {rows_size / 2**20:.0f} MiB.")


def parsed() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--communicator", default="auto")
    parser.add_argument("--retries", type=int, default=3)
    return parser.parse_args()


def parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """The parameters of the estimators."""
    return {
        "hidden_layer_sizes": HIDDEN,
        "batch_size": arguments.batch,
        "max_iter": arguments.epochs,
        "backend": arguments.backend,
        "tol": 0.0,
        "random_state": 0,
    }


def rows(n: int) -> tuple[Any, Any]:
    """Rows like those of Covertype."""
    import numpy as np

    rng = np.random.RandomState(0)
    X = rng.normal(size=(n, N_FEATURES)).astype(np.float32)
    return X, (X @ rng.normal(size=(N_FEATURES, N_CLASSES))).argmax(axis=1)


def on_one_machine(arguments: argparse.Namespace) -> Measured:
    """The fit of the plain estimator, in a process of its own."""
    os.environ |= ONE_THREAD
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        process.submit(local_fit, arguments, 1).result()  # imports and compiles
        used = process.submit(local_fit, arguments, arguments.epochs).result()
    return Measured("one machine", *used, 0.0, float("nan"))


def local_fit(arguments: argparse.Namespace, epochs: int) -> tuple[float, float]:
    """Seconds and seconds of processor time of the fit of the plain estimator."""
    from mlpkit import MLPClassifier

    X, y = rows(arguments.rows)
    used, began = time.process_time(), time.perf_counter()
    MLPClassifier(**{**parameters(arguments), "max_iter": epochs}).fit(X, y)
    return time.perf_counter() - began, time.process_time() - used


def on_cluster(arguments: argparse.Namespace, n_workers: int) -> Measured:
    """The fit on workers with one thread each."""
    from distributed import Client, LocalCluster, wait

    from mlpkit_dask import DaskMLPClassifier

    X, y = rows(arguments.rows)
    size = -(-arguments.rows // n_workers)
    with cluster_of(LocalCluster, n_workers) as cluster, Client(cluster) as client:
        client.run(import_module, "mlpkit_dask.estimators")
        memory = client.run(peak)
        parts = [(X[i : i + size], y[i : i + size]) for i in range(0, len(X), size)]
        workers = list(client.nthreads())
        futures = [
            client.scatter(part, workers=[worker], hash=False)
            for part, worker in zip(parts, workers, strict=True)
        ]
        wait([future for pair in futures for future in pair])
        dX, dy = map(list, zip(*futures, strict=True))
        clf = DaskMLPClassifier(
            client=client,
            communicator=arguments.communicator,
            retries=arguments.retries,
            **parameters(arguments),
        )
        clf.set_params(max_iter=1).fit(dX, dy)  # imports and compiles
        used, began = client.run(time.process_time), time.perf_counter()
        clf.set_params(max_iter=arguments.epochs).fit(dX, dy)
        wall, after = time.perf_counter() - began, client.run(time.process_time)
        gained = max(now - memory[worker] for worker, now in client.run(peak).items())
        processor = sum(after[worker] - used[worker] for worker in used)
        waiting = max(rank.communication_seconds for rank in clf.fit_statistics_.ranks)
    return Measured(f"{n_workers} workers", wall, processor, waiting, gained)


def cluster_of(kind: Any, n_workers: int) -> Any:
    """A cluster of processes with one thread each."""
    os.environ |= ONE_THREAD
    return kind(n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address=":0")


def peak() -> int:
    """The largest number of bytes that this process has had in memory."""
    # unlike `getrusage`, not that of the process that started it
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
