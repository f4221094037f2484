"""Ten thousand mutations of files of estimators: ``python -m benchmarks.fuzz_files`` (Linux).

Each mutation changes the bytes of a file, its zip, its schema or its arrays; see
``tests/helpers/mutations.py``. Loading it is one clear error, or returns an estimator that works.
Everything else is printed with its seed: another exception, a warning, a long error, and a mutation
that takes longer than two seconds. The memory is limited.
"""

import argparse
import random
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlpkit import Cycles, MLPClassifier, MLPRegressor, by_quantile, cross, schedules

HELPERS = Path(__file__).parent.parent / "tests" / "helpers"
N_MUTATIONS, SLOW = 10_000, 2.0  # seconds
MEMORY = 4 * 2**30  # bytes of address space beyond those of the unmutated files
RNG = np.random.RandomState(0)
X = RNG.standard_normal((40, 4))
LABELS, REAL = np.arange(40) % 3, X[:, 0]
Made = tuple[Any, Any]  # an estimator and rows to predict


def stream() -> Made:
    """A stream with metrics by groups, class weights and a temperature."""
    clf = MLPClassifier(
        (5,),
        metrics=["accuracy", "roc_auc"],
        partitions=[by_quantile(1, 2), cross(2, by_quantile(3, 2, name="q"))],
        class_weight="balanced",
        learning_rate=schedules.warmup(0.1),
        trainer=Cycles(first_cycle=1),
    )
    for _ in range(3):
        clf.partial_fit(X.round(), LABELS > 0, classes=[False, True])
    return clf.calibrate(X, LABELS > 0), X


def quantiles() -> Made:
    """A regressor with intervals, a generator, and edited weights."""
    reg = MLPRegressor(
        "quantiles",
        (5,),
        standardize_targets=True,
        clip_predictions=True,
        early_stopping=True,
        validation_fraction=0.5,
        random_state=np.random.RandomState(0),
        max_iter=3,
    ).fit(X, REAL)
    reg.coefs_[0] = reg.coefs_[0] + 1
    return reg, X


def measured() -> Made:
    """A classifier with a metric history of two sets."""
    clf = MLPClassifier((6, 5), max_iter=5, metrics=["accuracy", "log_loss"], partitions=[0])
    return clf.fit(X.round(), LABELS, X_val=X.round(), y_val=LABELS), X


def frame(builder: str | None) -> Made:
    """An estimator of tables with an encoder, and a network of a builder."""
    import pandas as pd

    from mlpkit_tabular import TabularClassifier

    table = pd.DataFrame(X, columns=list("abcd"))
    table["color"] = RNG.choice(["red", "blue", "green", None], len(X))
    table["day"] = pd.to_datetime("2024-01-01") + pd.to_timedelta(RNG.randint(400, size=40), "D")
    if builder is None:
        dense = MLPClassifier((5,), encoder="tabular", max_iter=3)
        return dense.fit(table, LABELS), table
    return TabularClassifier(builder=builder, max_iter=2).fit(table, LABELS), table


CASES: dict[str, Callable[[], Made]] = {
    "stream": stream,
    "quantiles": quantiles,
    "measured": measured,
    "encoder": lambda: frame(None),
    "tabm": lambda: frame("tabm"),
    "realmlp": lambda: frame("realmlp"),
    "resnet": lambda: frame("resnet"),
}


class Mutations:
    """Files of estimators, the outcomes of loading them after mutations, and the failures.

    Parameters
    ----------
    path : Path
        The file that is written and loaded.
    names : list of str
        The estimators, see `CASES`.
    """

    def __init__(self, path: Path, names: list[str]) -> None:
        sys.path.insert(0, str(HELPERS))
        from hostile import outcome
        from mutations import mutated

        self.path, self.names, self.outcome, self.mutated = path, names, outcome, mutated
        self.files: dict[str, tuple[bytes, Any]] = {}
        self.counts, self.n_failures = Counter[str](), 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names:
                estimator, rows = CASES[name]()
                estimator.save(path)
                self.files[name] = path.read_bytes(), rows
                self.outcome(path, rows)  # imports what predictions need

    def load(self, seed: int) -> None:
        """Load a mutation, count its outcome, and print a failure."""
        rng = random.Random(seed)
        name = rng.choice(self.names)
        data, rows = self.files[name]
        self.path.write_bytes(self.mutated(data, rng))
        start = time.perf_counter()
        try:
            self.counts[self.outcome(self.path, rows)] += 1
        except AssertionError as error:
            self.fail(f"seed {seed}, {name}: {error}")
        if (seconds := time.perf_counter() - start) > SLOW:
            self.fail(f"seed {seed}, {name}: {seconds:.1f} s")

    def fail(self, message: str) -> None:
        """Print a failure."""
        self.n_failures += 1
        print(message, flush=True)


def main() -> None:
    """Mutate files, and print what happened."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_files")
    parser.add_argument("--mutations", type=int, default=N_MUTATIONS)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mutations = Mutations(Path(folder) / "model.mlpkit", arguments.cases)
        _limit_memory()
        before, began = _peak(), time.perf_counter()
        for seed in range(arguments.first, arguments.first + arguments.mutations):
            mutations.load(seed)
        seconds = time.perf_counter() - began
    print(", ".join(f"{kind}: {n:,}" for kind, n in mutations.counts.most_common()))
    print(f"failures: {mutations.n_failures}; {arguments.mutations / seconds:.0f} per second")
    print(f"largest memory: {_peak():.0f} MiB, before the mutations {before:.0f} MiB")
    sys.exit(mutations.n_failures > 0)


def _peak() -> float:
    """The largest resident memory so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _limit_memory() -> None:
    """Turn a large allocation into a MemoryError."""
    status = Path("/proc/self/status").read_text()
    used = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmSize"))
    limit = used * 1024 + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
