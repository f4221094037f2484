"""Fit scikit-learn's networks and ours side by side, on real data and on every backend."""

import argparse
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import sklearn.neural_network as theirs
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import mlpkit
from mlpkit.commands.demo_progress import SECONDS, Progress, silent
from mlpkit.commands.program_name import program_name
from mlpkit.messages import exception_line
from mlpkit.numpy_backend.threads import OneThread
from mlpkit.plugin import PluginError
from mlpkit.registry.distributions import install_hint
from mlpkit.registry.lookup import installed, missing_requirements

SUMMARY = "fit real data on every installed backend, beside scikit-learn"
SKLEARN = "scikit-learn"
EPOCHS = 50  # by default
COLUMNS = ("epochs", "first fit", "second fit", "largest loss difference")
DATA = {  # how to load it, what fits it, and the L2 penalty that suits it
    "digits": (load_digits, "MLPClassifier", 1e-4),
    "breast cancer": (load_breast_cancer, "MLPClassifier", 1.0),
    "diabetes": (load_diabetes, "MLPRegressor", 10.0),
}


class Task(NamedTuple):
    """Standardised data, split, and the estimator for them."""

    title: str
    estimator: str
    alpha: float
    train: tuple[Any, Any]
    held: tuple[Any, Any]


class Row(NamedTuple):
    """What one backend made of a task; with a failure there is nothing else."""

    backend: str
    failure: str = ""
    left_out: str = ""  # the reason, where leaving it out is not a failure
    score: float = np.nan
    seconds: tuple[float, float] = (np.nan, np.nan)
    losses: tuple[float, ...] = ()

    def difference(self, reference: "Row") -> float:
        """How far the loss curves are apart, over the epochs that both have."""
        pairs = zip(self.losses, reference.losses, strict=False)
        return max((abs(a - b) for a, b in pairs), default=np.nan)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument(
        "--backend",
        action="append",
        metavar="NAME",
        help="fit on this backend only; may be repeated",
    )
    parser.add_argument(
        "--max-iter",
        type=int,
        metavar="N",
        help=f"epochs at most (default: {EPOCHS}, and {SECONDS} seconds in all)",
    )


def main(given: argparse.Namespace) -> int:
    """Print a table for each data set; the exit code is 1 if a backend failed."""
    backends, left_out = (given.backend, []) if given.backend else available()
    max_iter = given.max_iter or EPOCHS
    print(
        f"Standardised inputs, one hidden layer of 100, max_iter={max_iter},"
        " random_state=0; BLAS on one thread.",
        flush=True,
    )
    tables: list[list[Row]] = []
    with silent() as stream:
        progress = Progress(stream, limited=not (given.max_iter or given.backend))
        for name in DATA:
            task = prepared(name)
            rows = list(compared(name, task, backends, max_iter, progress))
            if not given.backend:  # of another kind of network, and late ones
                left_out += [f"Left out: {row.left_out}" for row in rows if row.left_out]
                refused = {row.backend for row in rows if row.left_out}
                backends = [backend for backend in backends if backend not in refused]
                rows = [row for row in rows if not row.left_out]
            tables.append(rows)
            progress.clear()
            print(f"\n{task.title}\n{table(task, rows)}", flush=True)
    for line in [*left_out, *closing(tables)]:
        print(f"\n{filled(line)}")
    return int(any(row.failure for rows in tables for row in rows))


def available() -> tuple[list[str], list[str]]:
    """The backends that can be used, and a sentence for each of the others."""
    names, left_out = [], []
    for name in installed().names("backend"):
        try:
            plugin, component = installed().find("backend", name)
        except PluginError as error:
            left_out.append(f"Left out: {error}.")
            continue
        if absent := missing_requirements(component):
            left_out.append(
                f"Left out: {name} needs {', '.join(absent)}. Try:"
                f" {install_hint(plugin.distribution)}"
            )
        else:
            names.append(name)
    return names, left_out


def prepared(name: str) -> Task:
    """Load, split and standardise one of the data sets that come with scikit-learn."""
    load, estimator, alpha = DATA[name]
    X, y = load(return_X_y=True)
    classes = len(np.unique(y)) if estimator == "MLPClassifier" else 0
    X, X_held, y, y_held = train_test_split(X, y, random_state=0, stratify=y if classes else None)
    scale = StandardScaler().fit(X)
    if not classes:
        y, y_held = (y - y.mean()) / y.std(), (y_held - y.mean()) / y.std()
    what = f"{classes} classes" if classes else "standardised target"
    title = (
        f"{name}: {len(y)} rows to fit, {len(y_held)} held out, {X.shape[1]} features, {what};"
        f" alpha={alpha:g}"
    )
    train, held = (scale.transform(X), y), (scale.transform(X_held), y_held)
    return Task(title, estimator, alpha, train, held)


def compared(
    name: str, task: Task, backends: list[str], max_iter: int, progress: Progress
) -> Iterator[Row]:
    """Fit a task with scikit-learn, then on each backend; what fails is a row too."""
    parameters = {"max_iter": max_iter, "alpha": task.alpha, "random_state": 0}
    for backend in [SKLEARN, *backends]:
        progress.begin(f"{name} on {backend}")

        def make(backend: str = backend) -> Any:
            if backend == SKLEARN:
                return getattr(theirs, task.estimator)(**parameters)
            make = getattr(mlpkit, task.estimator)
            return make(backend=backend, callbacks=progress, **parameters)

        try:
            yield fitted(backend, make, task)
        except TimeoutError as error:
            yield Row(backend, left_out=f"{backend}: {error}. With --max-iter there is no limit.")
        except PluginError as error:
            yield Row(backend, failure=exception_line(error), left_out=str(error))
        except Exception as error:
            if "interrupted by user" in str(error):
                raise KeyboardInterrupt from error
            yield Row(backend, failure=exception_line(error))


def fitted(backend: str, make: Callable[[], Any], task: Task) -> Row:
    """Fit twice: the first fit may import and compile, the second shows what is left."""
    seconds = []
    with warnings.catch_warnings(), OneThread():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("error", "Training interrupted by user")
        for _ in range(2):
            started = time.perf_counter()
            estimator = make().fit(*task.train)
            seconds.append(time.perf_counter() - started)
        score = estimator.score(*task.held)
    return Row(backend, "", "", score, (seconds[0], seconds[1]), tuple(estimator.loss_curve_))


def table(task: Task, rows: list[Row]) -> str:
    """The rows as text."""
    score = "accuracy" if task.estimator == "MLPClassifier" else "R2"
    cells = [("backend", score, *COLUMNS)]
    for row in rows:
        difference = "" if row is rows[0] else f"{row.difference(rows[0]):.1e}"
        first, second = (f"{s:.2f} s" for s in row.seconds)
        cells.append(
            (row.backend, f"{row.score:.4f}", str(len(row.losses)), first, second, difference)
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for cell, failure in zip(cells, ["", *(row.failure for row in rows)], strict=True):
        start = f"  {cell[0]:{widths[0]}}  "
        line = start + "  ".join(map(str.rjust, cell[1:], widths[1:]))
        lines.append(filled(f"failed: {failure}", start) if failure else line.rstrip())
    return "\n".join(lines)


def closing(tables: list[list[Row]]) -> list[str]:
    """What the tables show, from their numbers, and what to do with it."""
    pairs = [(row, rows[0]) for rows in tables for row in rows[1:] if not row.failure]
    if not pairs:
        return [f"No backend could be compared; {program_name()} plugins shows what is installed."]
    worst = max(row.difference(reference) for row, reference in pairs)
    score = max(abs(row.score - reference.score) for row, reference in pairs)
    seconds = {
        name: sum(row.seconds[1] for row, _ in pairs if row.backend == name)
        for name in dict.fromkeys(row.backend for row, _ in pairs)
        if sum(row.backend == name for row, _ in pairs) == len(tables)
    }
    found = [
        f"With the same parameters every backend follows scikit-learn's loss curve to within"
        f" {worst:.1g} and its score on held-out rows to within {score:.1g}; a first fit may"
        " import and compile, a second does not.",
    ]
    if seconds:
        times = ", ".join(
            f"{name} {seconds[name]:.2f} s"
            for name in sorted(seconds, key=lambda name: seconds[name])
        )
        name = min(seconds, key=lambda name: seconds[name])
        found.append(
            f"Fastest here: {name} (second fits in all: {times}). Larger data and networks may"
            f" have another order. In your own program: MLPClassifier(backend={name!r}) from"
            f" mlpkit, or set MLPKIT_BACKEND={name} and leave the code as it is."
        )
    return found


def filled(text: str, start: str = "") -> str:
    """Text in lines of 100, all behind the width of the start."""
    return textwrap.fill(
        text,
        100,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
