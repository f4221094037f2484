"""On a GPU: ``python -m benchmarks.gpu`` (``--backends jax torch``; on a CPU it runs as well).

784-(512, 512)-10, float32, Adam: steps and rows a second at batch sizes 128 and 4096, and what
bounds them. Three rates are measured on the device itself: how many empty programs it starts a
second (launches), how many bytes it copies a second (bandwidth), and how many operations a
second its matrix product does at these shapes (arithmetic). A step that starts each product by
itself can't take less time than the largest of its share of each; a program of many products can.
"""

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

UNITS = (784, 512, 512, 10)
BATCHES = (128, 4096)
ROWS = 131_072
WEIGHTS = sum((n + 1) * m for n, m in zip(UNITS, UNITS[1:], strict=False))
ADAM_STREAMS = 8  # of each weight: gradient out and in; weight and two moments in and out


class Rates(NamedTuple):
    """Measured limits of a device, per second."""

    launches: float
    bytes: float
    operations: float


def operations(batch: int) -> float:
    """Floating-point operations in the matrix products of one step."""
    pairs = list(zip(UNITS, UNITS[1:], strict=False))
    return sum(2.0 * batch * n * m * (3 if i else 2) for i, (n, m) in enumerate(pairs))


def traffic(batch: int) -> float:
    """Minimum memory traffic of one step in bytes."""
    return 4.0 * (ADAM_STREAMS * WEIGHTS + 2 * batch * (2 * sum(UNITS) - UNITS[0]))


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


def jax_rates(batch: int) -> tuple[str, Rates]:
    """The name and the rates of JAX's default device."""
    import jax
    import jax.numpy as jnp

    started = jax.jit(lambda x: x + 1)
    small, large = jnp.zeros(1), jnp.zeros(1 << 26)
    a, b = jnp.ones((batch, UNITS[0])), jnp.ones((UNITS[0], UNITS[1]))
    product = jax.jit(lambda a, b: jnp.matmul(a, b, precision="highest"))

    def many(call: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: jax.block_until_ready([call() for _ in range(50)])

    return str(jax.devices()[0]), Rates(
        per_second(many(lambda: started(small)), 50),
        per_second(lambda: jax.block_until_ready(started(large)), 8.0 * large.size),
        per_second(many(lambda: product(a, b)), 100.0 * batch * UNITS[0] * UNITS[1]),
    )


def torch_rates(batch: int) -> tuple[str, Rates]:
    """The name and the rates of PyTorch's GPU, or of the CPU if there is no GPU."""
    import torch

    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    small, large = torch.zeros(1, device=device), torch.zeros(1 << 26, device=device)
    a = torch.ones((batch, UNITS[0]), device=device)
    b = torch.ones((UNITS[0], UNITS[1]), device=device)

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
        per_second(many(lambda: a @ b, 50), 100.0 * batch * UNITS[0] * UNITS[1]),
    )


RATES = {"jax": jax_rates, "torch": torch_rates}


def seconds_a_step(backend: str, batch: int, X: Any, y: Any) -> float:
    """Seconds of a step in the fastest epoch after the first one."""
    from mlpkit import MLPClassifier

    seconds: list[float] = []
    clf = MLPClassifier(
        UNITS[1:-1],
        batch_size=batch,
        max_iter=6,
        tol=0.0,
        n_iter_no_change=100,
        backend=backend,
        callbacks=lambda report: seconds.append(report.seconds),
    )
    clf.fit(X, y)
    return min(seconds[1:]) / -(-len(X) // batch)


def one(backend: str, rows: int) -> None:
    """Measure one backend and print a line for each batch size."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    X = rng.random((rows, UNITS[0]), np.float32)
    y = X[:, : UNITS[-1]].argmax(axis=1)
    for batch in BATCHES:
        device, rates = RATES[backend](batch)
        step = seconds_a_step(backend, batch, X, y)
        bounds = {
            "launches": 1 / rates.launches,
            "bandwidth": traffic(batch) / rates.bytes,
            "arithmetic": operations(batch) / rates.operations,
        }
        limit = max(bounds, key=lambda name: bounds[name])
        shares = ", ".join(f"{name} {1e6 * s:.0f}" for name, s in bounds.items())
        print(
            f"{backend} on {device}, batch {batch}: {1 / step:,.0f} steps/s,"
            f" {batch / step:,.0f} rows/s, {1e6 * step:.0f} us a step; lower bounds in us:"
            f" {shares} (one launch); limit {limit}, at {step / bounds[limit]:.1f} times it"
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
