"""On a GPU: ``python -m benchmarks.gpu`` (``--backends jax torch``; on a CPU it runs as well).

784-(512, 512)-10 at batch sizes 128 and 4096, and the networks of mlpkit-tabular, in float32 with
Adam: steps and rows a second, and what bounds them. Three rates are measured on the device itself:
how many empty programs it starts a second (launches), how many bytes it copies a second
(bandwidth), and how many operations a second the matrix product of the first layer does
(arithmetic). A step that starts each product by itself cannot take less time than the largest of
its share of each; a program of many products can.
"""

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.gpu_networks import CASES, Case, data, work

ROWS = 131_072


class Rates(NamedTuple):
    """Measured limits of a device, per second."""

    launches: float
    bytes: float
    operations: float


def per_second(call: Callable[[], Any], amount: float, seconds: float = 0.5) -> float:
    """The amount of work per second, best of three; each call waits for the device."""
    best = 0.0
    for _ in range(4):  # the first one compiles
        began, calls = time.perf_counter(), 0
        while time.perf_counter() - began < seconds or not calls:
            call()
            calls += 1
        best = max(best, amount * calls / (time.perf_counter() - began))
    return best


def jax_rates(case: Case) -> tuple[str, Rates]:
    """The name and the rates of JAX's default device."""
    import jax
    import jax.numpy as jnp

    started = jax.jit(lambda x: x + 1)
    small, large = jnp.zeros(1), jnp.zeros(1 << 26)
    n, m = case.n_features, case.hidden[0]
    a, b = jnp.ones((case.batch, n)), jnp.ones((n, m))
    product = jax.jit(lambda a, b: jnp.matmul(a, b, precision="highest"))

    def many(call: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: jax.block_until_ready([call() for _ in range(50)])

    return str(jax.devices()[0]), Rates(
        per_second(many(lambda: started(small)), 50),
        per_second(lambda: jax.block_until_ready(started(large)), 8.0 * large.size),
        per_second(many(lambda: product(a, b)), 100.0 * case.batch * n * m),
    )


def torch_rates(case: Case) -> tuple[str, Rates]:
    """The name and the rates of PyTorch's GPU, or of the CPU if there is no GPU."""
    import torch

    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    small, large = torch.zeros(1, device=device), torch.zeros(1 << 26, device=device)
    n, m = case.n_features, case.hidden[0]
    a, b = torch.ones((case.batch, n), device=device), torch.ones((n, m), device=device)

    def many(call: Callable[[], Any], times: int) -> Callable[[], Any]:
        def run() -> None:
            for _ in range(times):
                call()
            if gpu:
                torch.cuda.synchronize()

        return run

    name = torch.cuda.get_device_name() if gpu else "cpu"
    return name, Rates(
        per_second(many(lambda: small + 1, 50), 50),
        per_second(many(lambda: large + 1, 1), 8.0 * large.numel()),
        per_second(many(lambda: a @ b, 50), 100.0 * case.batch * n * m),
    )


RATES = {"jax": jax_rates, "torch": torch_rates}


def seconds_a_step(backend: str, case: Case, n_rows: int) -> float:
    """Seconds of a step in the fastest epoch after the first one."""
    from mlpkit import MLPClassifier

    seconds: list[float] = []
    clf = MLPClassifier(
        case.hidden,
        builder=case.builder or "dense",
        batch_size=case.batch,
        max_iter=6,
        tol=0.0,
        n_iter_no_change=100,
        backend=backend,
        callbacks=lambda report: seconds.append(report.seconds),
    )
    clf.fit(*data(case, n_rows))
    return min(seconds[1:]) / -(-n_rows // case.batch)


def one(backend: str, n_rows: int) -> None:
    """Measure one backend and print a line for each case."""
    warnings.simplefilter("ignore")
    for case in CASES:
        device, rates = RATES[backend](case)
        step, step_work = seconds_a_step(backend, case, n_rows), work(case)
        bounds = {
            "launches": 1 / rates.launches,
            "bandwidth": step_work.bytes / rates.bytes,
            "arithmetic": step_work.operations / rates.operations,
        }
        limit = max(bounds, key=lambda name: bounds[name])
        shares = ", ".join(f"{name} {1e6 * s:.0f}" for name, s in bounds.items())
        print(
            f"{backend} on {device}, {case.title}: {1 / step:,.0f} steps/s,"
            f" {case.batch / step:,.0f} rows/s, {1e6 * step:.0f} us a step; lower bounds in us:"
            f" {shares} (one launch); limit {limit}, at {step / bounds[limit]:.1f} times it",
            flush=True,
        )


def each(backends: list[str], rows: int) -> None:
    """Run each backend in a process of its own."""
    for backend in backends:
        settings = ["--backends", backend, "--rows", str(rows)]
        subprocess.run([sys.executable, "-m", "benchmarks.gpu", *settings], check=False)


def main() -> None:
    """Run one backend in this process, or each in its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", nargs="+", default=list(RATES), choices=list(RATES))
    parser.add_argument("--rows", type=int, default=ROWS)
    arguments = parser.parse_args()
    if len(arguments.backends) == 1:
        one(arguments.backends[0], arguments.rows)
    else:
        each(arguments.backends, arguments.rows)


if __name__ == "__main__":
    main()
