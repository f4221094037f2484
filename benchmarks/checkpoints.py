"""Cost of checkpoints, and how well time limits hold: ``python -m benchmarks.checkpoints``.

20,000 rows of 54 numbers: the seconds of an epoch and of the checkpoint after it, the size of the
file and how fast it is written, compared with writing and synchronizing the same bytes alone.
Before that, the seconds that fits of 100,000 rows with a time limit take.
"""

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from mlpkit import MLPClassifier
from mlpkit.training.checkpoint_file import CheckpointFile

NETWORKS = [(100,), (512, 512), (1024, 1024)]
N_EPOCHS = 9
LIMITS = (2.0, 5.0, 10.0)  # seconds
MIB = 2**20


def generated(n_rows: int) -> tuple[Any, Any]:
    """X (n_rows, 54) float32, and two classes."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 54), dtype=np.float32)
    return X, (X[:, :5].sum(axis=1) + rng.standard_normal(len(X)) > 0).astype(int)


def durations(X: Any, y: Any, path: Path, **params: Any) -> tuple[list[float], list[float]]:
    """Seconds of the epochs of a fit, and of writing the checkpoint after each of them."""
    path.unlink(missing_ok=True)
    epochs: list[float] = []
    writes: list[float] = []
    write = CheckpointFile._write

    def timed(*args: Any) -> None:
        began = time.perf_counter()
        write(*args)
        writes.append(time.perf_counter() - began)

    clf = MLPClassifier(**params, checkpoint=path, tol=0, batch_size=512, random_state=0)
    clf.set_params(callbacks=lambda report: epochs.append(report.seconds))
    with mock.patch.object(CheckpointFile, "_write", timed):
        clf.fit(X, y)
    return epochs, writes


def raw_write(path: Path) -> float:
    """Seconds in which the bytes of a file are written and synchronized with the disk."""
    data, other = path.read_bytes(), path.with_suffix(".raw")
    began = time.perf_counter()
    with other.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    elapsed = time.perf_counter() - began
    other.unlink()
    return elapsed


def cost(backend: str, folder: Path) -> None:
    """Print the cost of a checkpoint for each network."""
    X, y = generated(20_000)
    for sizes in NETWORKS:
        params = {"hidden_layer_sizes": sizes, "backend": backend}
        path = folder / "run.ckpt"
        epochs, writes = durations(X, y, path, max_iter=N_EPOCHS, **params)
        size = path.stat().st_size / MIB
        epoch, write = min(epochs), min(writes)  # of others, the machine may be busy
        raw = min(raw_write(path) for _ in range(9))
        print(
            f"{backend} {sizes}: {epoch:.3f} s an epoch, {write * 1e3:.1f} ms a checkpoint"
            f" ({write / epoch:.1%}) of {size:.1f} MiB: {size / write:.0f} MiB/s"
            f" (the bytes alone {size / raw:.0f} MiB/s)"
        )


def limits(backend: str) -> None:
    """Print how long fits with a time limit take."""
    X, y = generated(100_000)
    for early_stopping in (False, True):
        for limit in LIMITS:
            params: dict[str, Any] = {"hidden_layer_sizes": (512, 512), "max_iter": 10_000}
            clf = MLPClassifier(
                **params,
                backend=backend,
                early_stopping=early_stopping,
                n_iter_no_change=np.inf,
                time_limit=limit,
            )
            began = time.perf_counter()
            clf.fit(X, y)
            elapsed = time.perf_counter() - began
            print(
                f"{backend}, early_stopping={early_stopping}: limit {limit:g} s, {elapsed:.2f} s,"
                f" {clf.n_iter_} epochs, {clf.t_:,} rows"
            )


def main() -> None:
    """Print the cost of checkpoints and the duration of limited fits."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--folder", type=Path, help="where to write the checkpoints")
    arguments = parser.parse_args()
    limits(arguments.backend)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        cost(arguments.backend, Path(folder))


if __name__ == "__main__":
    main()
