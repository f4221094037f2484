"""Cost of checkpoints, and how well time limits hold: ``python -m benchmarks.checkpoints``.

20,000 rows of 54 numbers: the seconds of an epoch without a checkpoint and with one after each
epoch, the size of the file and how fast it is written, also with an fsync of the same bytes alone.
Before that, the seconds that fits of 100,000 rows with a time limit take.
"""

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mlpkit import MLPClassifier

NETWORKS = [(100,), (512, 512), (1024, 1024)]
FEW, MANY = 1, 4  # epochs; the difference excludes the work that is done once per fit
ROUNDS = 3
LIMITS = (2.0, 5.0, 10.0)  # seconds
MIB = 2**20


def generated(n_rows: int) -> tuple[Any, Any]:
    """X (n_rows, 54) float32, and two classes."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 54), dtype=np.float32)
    return X, (X[:, :5].sum(axis=1) + rng.standard_normal(len(X)) > 0).astype(int)


def seconds(X: Any, y: Any, path: Path | None, **params: Any) -> float:
    """Seconds of a fit."""
    if path is not None:
        path.unlink(missing_ok=True)
    clf = MLPClassifier(**params, checkpoint=path, tol=0, batch_size=512, random_state=0)
    began = time.perf_counter()
    clf.fit(X, y)
    return time.perf_counter() - began


def epoch(X: Any, y: Any, path: Path | None, **params: Any) -> float:
    """Seconds of an epoch."""
    few, many = (seconds(X, y, path, max_iter=n, **params) for n in (FEW, MANY))
    return (many - few) / (MANY - FEW)


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
        path, times = folder / "run.ckpt", []
        seconds(X[:2000], y[:2000], None, max_iter=1, **params)  # compiles
        for _ in range(ROUNDS):
            times.append([epoch(X, y, p, **params) for p in (None, path)])
        plain, saved = np.min(times, axis=0)
        seconds(X, y, path, max_iter=2, **params)
        size, write = path.stat().st_size / MIB, max(saved - plain, 1e-9)
        raw = min(raw_write(path) for _ in range(5))
        print(
            f"{backend} {sizes}: {plain:.3f} s an epoch, with a checkpoint {saved:.3f} s"
            f" ({saved / plain - 1:+.1%}); {size:.1f} MiB at {size / write:.0f} MiB/s"
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
