"""Sums over processes: ``python -m benchmarks --only communicators``.

``python -m benchmarks.communicators --processes 3`` measures more processes.

The milliseconds of one `add` of float32 arrays, which a fit on several processes calls in each
step, by each communicator that is installed: the median of rank 0. The sizes are the numbers of
weights of 784-(50)-10, of 784-(512, 512)-10 and of a network of 20 MB.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from mlpkit.plugin import Group
from mlpkit.registry.lookup import installed
from mlpkit.testing.ranks import resolved, spawned, start

SIZES = {41_000: 100, 670_000: 40, 5_000_000: 15}  # numbers of calls by the size of the array
PROCESSES = 2
TIMEOUT = 60.0  # seconds
Places = Callable[[int], AbstractContextManager[list[Executor]]]


def milliseconds(group: Group) -> list[float]:
    """Return the median time of a sum of each size."""
    medians = []
    for n, calls in SIZES.items():
        a, times = np.ones(n, np.float32), []
        for _ in range(calls):
            began = time.perf_counter()
            group.add(a)
            times.append(1e3 * (time.perf_counter() - began))
        medians.append(statistics.median(times[calls // 10 :]))
    return medians


@contextmanager
def workers(n: int, tls: bool) -> Iterator[list[Executor]]:
    """Executors on the workers of a Dask cluster on this machine."""
    from distributed import Client, LocalCluster
    from distributed.security import Security

    security = Security.temporary() if tls else None
    options = {"n_workers": n, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(security=security, **options) as cluster, Client(cluster) as client:
        addresses = client.scheduler_info(n_workers=-1)["workers"]
        yield [client.get_executor(workers=[address], pure=False) for address in addresses]


def measured(name: str, places: Places, n: int) -> list[float]:
    """Return the milliseconds of a communicator between n processes."""
    with places(n) as executors, tempfile.TemporaryDirectory() as folder:
        make = partial(resolved, name, {})
        futures = start(executors, make, Path(folder), TIMEOUT, milliseconds)
        outcomes = [future.result() for future in futures]
    if error := next((o.error for o in outcomes if o.error), ""):
        raise RuntimeError(f"{name}: {error}")
    return list(outcomes[0].value)


def each(n: int) -> None:
    """Print a table of all communicators."""
    rows: list[tuple[str, str, Places]] = []
    for name in installed().names("communicator"):
        if name == "dask":
            rows.append(("dask, TLS", name, partial(workers, tls=True)))
            rows.append(("dask, TCP", name, partial(workers, tls=False)))
        else:
            rows.append((name, name, spawned))
    print(f"communicators: ms of a sum of float32 numbers between {n} processes\n")
    print(f"| Communicator | {' | '.join(f'{size:,}' for size in SIZES)} |")
    print("| --- | " + " | ".join("---:" for _ in SIZES) + " |")
    for label, name, places in rows:
        cells = [f"{ms:.2f}" for ms in measured(name, places, n)]
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.communicators", description=__doc__)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    each(parser.parse_args().processes)
