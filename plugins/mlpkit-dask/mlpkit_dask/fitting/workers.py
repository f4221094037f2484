"""The workers of a cluster: which are there, which answer, and how lost ones are replaced."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from distributed import Client

POLL = 0.2  # seconds
RESTART = 20.0  # seconds in which a nanny kills a frozen process and starts another one
ANSWER = 5.0  # seconds in which a worker answers unless it is frozen


class NoAnswer(Exception):
    """A worker has gone, or did not answer in time."""


def present_workers(client: Client) -> list[str]:
    """Return the addresses of the workers that the scheduler knows."""
    return list(client.nthreads())


def nannies(client: Client) -> dict[str, str | None]:
    """Return the address of the nanny of each worker, which replaces it; None without one."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return {address: info.get("nanny") for address, info in workers.items()}


def answers(
    client: Client,
    workers: Iterable[str],
    function: Callable[..., Any],
    *arguments: Any,
    timeout: float = ANSWER,
) -> dict[str, Any]:
    """Call a function in the event loop of each worker, also while its threads are occupied.

    Returns
    -------
    dict
        What it returned or raised by worker: NoAnswer for a worker that did not answer in time.
    """

    async def answer(worker: str) -> Any:
        call: Any = client.run(function, *arguments, workers=[worker], on_error="return")
        try:
            return (await asyncio.wait_for(call, timeout))[worker]
        except (TimeoutError, OSError) as error:
            return NoAnswer(str(error))

    async def answer_all(names: list[str]) -> dict[str, Any]:
        results = await asyncio.gather(*map(answer, names))
        lost = {name: NoAnswer(str(a)) for name, a in zip(names, results, strict=True) if _lost(a)}
        return dict(zip(names, results, strict=True)) | lost

    return dict(client.sync(answer_all, list(workers)))


def _lost(answer: Any) -> bool:
    return isinstance(answer, OSError)  # of the connection


def silent_workers(client: Client, workers: Iterable[str], timeout: float) -> list[str]:
    """Return the workers of these that do not answer in time."""
    states = answers(client, workers, _alive, timeout=timeout)
    return [worker for worker, answer in states.items() if isinstance(answer, NoAnswer)]


def _alive() -> bool:
    return True


def remove_worker(client: Client, worker: str, nanny: str | None, timeout: float) -> None:
    """Remove a frozen worker from the cluster, so that Dask computes its data again elsewhere.

    Its nanny kills the process and starts another one.
    """
    if nanny is not None:
        seconds = max(timeout, RESTART)
        client.restart_workers([worker], timeout=seconds, raise_for_error=False)
    if worker in present_workers(client):
        client.sync(
            client.scheduler.unregister, address=worker, stimulus_id=f"mlpkit-{time.time()}"
        )


def workers_after(
    client: Client, workers: list[str], nanny_of: Mapping[str, str | None], timeout: float
) -> list[str | None]:
    """Return the worker of each rank for the next try, or None if there is none.

    A worker that has joined takes the place of one that was lost. Waits up to ``timeout`` seconds
    for the replacement of a worker that had a nanny, and if no worker is left.
    """
    deadline = time.monotonic() + timeout
    while True:
        present = present_workers(client)
        new = iter([worker for worker in present if worker not in workers])
        replacements = [worker if worker in present else next(new, None) for worker in workers]
        missing = [worker for worker, w in zip(workers, replacements, strict=True) if w is None]
        awaited = [worker for worker in missing if nanny_of.get(worker) is not None]
        complete = not awaited and len(missing) < len(workers)
        if complete or time.monotonic() > deadline:
            return replacements
        time.sleep(POLL)
