"""Cost of steps from gradients: ``python -m benchmarks.gradient``.

Training on several processes calls `Steps.gradient` and `Steps.update` in each step instead of
`Steps.epoch`. This compares their time with that of an epoch of one step, for each installed
backend in a process of its own: batches of 4,096 rows, and parts of such batches whose number of
rows varies around 2,048, as each of two processes has them.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.machine import about
from mlpkit.numpy_backend import dense
from mlpkit.objectives.losses import LOSSES
from mlpkit.plugin import Batches, Spec, Steps
from mlpkit.registry.lookup import resolve
from mlpkit.testing import recipe

BACKENDS = ("numpy", "numba", "jax", "tensorflow", "torch")
N_ROWS, N_FEATURES, N_CLASSES, BATCH_SIZE = 40_960, 54, 7, 4_096
NETWORKS = ((100,), (256, 256))
CASES = {
    "4,096 rows": lambda rng: BATCH_SIZE,
    "about 2,048 rows": lambda rng: int(rng.binomial(BATCH_SIZE, 0.5)),
}


class Training(NamedTuple):
    """The functions of a backend, its rows, and the initial state."""

    steps: Steps
    rows: Any
    state: Any


def training(backend: str, hidden: tuple[int, ...], dropout: float = 0.0) -> Training:
    """Return what trains a dense network with Adam on random rows in float32."""
    loss = LOSSES["log_loss"]
    spec = Spec(
        *(N_FEATURES, N_CLASSES, "multiclass", loss, hidden, "relu", "float32", backend, 0),
        dropout=dropout,
    )
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, N_FEATURES), np.float32)
    y = np.eye(N_CLASSES, dtype=bool)[rng.integers(N_CLASSES, size=N_ROWS)]
    network = dense.build(spec, np.random.RandomState(0))
    factory, _ = resolve("backend", backend)
    steps = factory(network, spec, recipe(batch_size=BATCH_SIZE))
    return Training(steps, steps.put(X, y, None), steps.start(network.arrays))


def by_epochs(made: Training, orders: list[Any]) -> list[float]:
    """Make the steps in epochs of one step, and return the times between them."""
    steps, rows, state = made
    times = [time.perf_counter()]
    for order in orders:
        plan = Batches(order[None], np.full(1, 1e-3), np.zeros(1, np.uint32))
        state, _ = steps.epoch(state, rows, plan)
        times.append(time.perf_counter())
    return times


def by_gradients(made: Training, orders: list[Any]) -> list[float]:
    """Make the steps from their gradients, and return the times between them."""
    steps, rows, state = made
    times = [time.perf_counter()]
    for order in orders:
        sums, gradients = steps.gradient(state, rows, order, 0)
        state = steps.update(state, gradients, sums.weight, 1e-3)
        times.append(time.perf_counter())
    return times


def milliseconds(
    ways: list[tuple[Callable[..., list[float]], list[Any]]], made: Training, rounds: int
) -> list[float]:
    """Return the mean time of a step, each the best of several rounds, in which the ways take
    turns. A program may still run when the next step begins, so the first step does not count.
    """
    times = [[np.diff(way(made, orders)) for way, orders in ways] for _ in range(rounds + 1)]
    best = np.min(times[1:], axis=0)  # the first round compiles
    return [float(1e3 * mean) for mean in best[:, 1:].mean(axis=1)]


def measure(backend: str, dropout: float, n_steps: int, rounds: int) -> None:
    """Print the times of both ways and their ratio."""
    for hidden in NETWORKS:
        made = training(backend, hidden, dropout)
        for case, size in CASES.items():
            rng = np.random.default_rng(1)
            orders = [rng.permutation(N_ROWS)[: size(rng)] for _ in range(n_steps)]
            mean = round(np.mean([len(order) for order in orders]))
            of_epochs = [rng.permutation(N_ROWS)[:mean] for _ in orders]
            epoch, gradient = milliseconds(
                [(by_epochs, of_epochs), (by_gradients, orders)], made, rounds
            )
            print(
                f"{backend} {hidden}, {case}: {epoch:.2f} ms in an epoch,"
                f" {gradient:.2f} ms from gradients, {gradient / epoch:.2f} times",
                flush=True,
            )


def main() -> None:
    """Measure each backend in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", nargs="+", default=BACKENDS)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    if len(arguments.backends) == 1:
        measure(arguments.backends[0], arguments.dropout, arguments.steps, arguments.rounds)
        return
    print(about(), flush=True)
    options = [f"--{name}={getattr(arguments, name)}" for name in ("dropout", "steps", "rounds")]
    for backend in arguments.backends:
        command = [sys.executable, "-m", "benchmarks.gradient", "--backends", backend, *options]
        subprocess.run(command, check=False)


if __name__ == "__main__":
    main()
