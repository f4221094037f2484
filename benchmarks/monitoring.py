"""Cost of metrics by group during training: ``python -m benchmarks.monitoring``.

100,000 rows, ten partitioners of ten groups, three metrics: an epoch without them, with
them, and with the usual callback that evaluates each group by itself. With ``--data FOLDER``
also Adult (adult.csv.gz), by its categorical columns.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlpkit import MLPClassifier, by_labels

METRICS = ["accuracy", "log_loss", "brier_score"]
ROUNDS = 5
FEW, MANY = 2, 8  # epochs; the difference excludes the work that is done once per fit


def generated() -> tuple[Any, Any, dict[str, Any]]:
    """X (100,000, 54) float32, two classes, ten columns of ten groups."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100_000, 54), dtype=np.float32)
    y = (X[:, :5].sum(axis=1) + rng.standard_normal(len(X)) > 0).astype(int)
    return X, y, {f"part {i}": rng.integers(10, size=len(X)).astype(str) for i in range(10)}


def adult(folder: Path) -> tuple[Any, Any, dict[str, Any]]:
    """Adult's numbers and indicators, float32; its categorical columns as labels."""
    import pandas as pd

    table = pd.read_csv(folder / "adult.csv.gz", skipinitialspace=True).dropna()
    y = table.iloc[:, -1].astype(str).str.contains(">").to_numpy().astype(int)
    columns = table.iloc[:, :-1]
    texts = [c for c in columns if not pd.api.types.is_numeric_dtype(columns[c])]
    X = pd.get_dummies(columns).to_numpy(dtype=np.float32)
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-6)
    return X, y, {c: columns[c].astype(str).to_numpy() for c in texts}


def by_hand(clf: Any, X: Any, y: Any, labels: dict[str, Any]) -> Callable[[Any], None]:
    """The usual callback: the estimator's weights, an evaluation for each group."""
    from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

    from mlpkit.numpy_backend import dense

    masks = [column == name for column in labels.values() for name in np.unique(column)]

    def measure(report: Any) -> None:
        layers = dense.layers(report.arrays())
        for mask in masks:
            p = dense.predict(X[mask], *layers, ("relu",), "logistic").ravel().astype(float)
            accuracy_score(y[mask], p > 0.5)
            log_loss(y[mask], np.c_[1 - p, p], labels=[0, 1])
            brier_score_loss(y[mask], p)

    return measure


def seconds(way: str, epochs: int, backend: str, data: tuple[Any, Any, dict[str, Any]]) -> float:
    """Seconds of a fit in one of the ways."""
    X, y, labels = data
    clf = MLPClassifier((100,), max_iter=epochs, tol=0, random_state=0, backend=backend)
    if way == "metrics":
        clf.set_params(metrics=METRICS, partitions=[by_labels(name) for name in labels])
    elif way == "callback":
        clf.set_params(callbacks=by_hand(clf, X, y, labels))
    began = time.perf_counter()
    clf.fit(X, y, labels=labels if way == "metrics" else None)
    return time.perf_counter() - began


def epoch(way: str, backend: str, data: Any) -> tuple[float, float]:
    """Seconds of an epoch, and of the work that is done once per fit."""
    few, many = (seconds(way, epochs, backend, data) for epochs in (FEW, MANY))
    each = (many - few) / (MANY - FEW)
    return each, few - FEW * each


def main() -> None:
    """Time each way in turn and print the best of the rounds."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--data", type=Path, help="a folder with adult.csv.gz")
    arguments = parser.parse_args()
    cases = {"generated, 100,000 x 54": generated()}
    if arguments.data:
        cases["adult"] = adult(arguments.data)
    for name, data in cases.items():
        seconds("metrics", 1, arguments.backend, data)  # compiles
        ways = ("plain", "metrics", "callback")
        found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for round_ in range(ROUNDS):
            for way, times in found.items():
                if way != "callback" or round_ == 0:  # one round is enough for the slow callback
                    times.append(epoch(way, arguments.backend, data))
        plain, ours, usual = (min(each for each, _ in times) for times in found.values())
        once = min(once for _, once in found["metrics"]) - min(once for _, once in found["plain"])
        print(
            f"{name}, {arguments.backend}: {plain:.3f} s an epoch; with metrics {ours / plain:.2f}"
            f" times (and {once:.2f} s once, to find the groups); with one evaluation for each"
            f" group {usual / plain:.1f} times"
        )


if __name__ == "__main__":
    main()
