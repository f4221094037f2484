"""Compare the estimators of mlpkit with those of scikit-learn on each installed backend."""

import argparse
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import sklearn.neural_network
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import mlpkit
from mlpkit.backend_kit import OneThread
from mlpkit.commands.demo_progress import SECONDS, DemoProgress, silent
from mlpkit.commands.program_name import program_name
from mlpkit.messages import exception_line
from mlpkit.plugin import PluginError
from mlpkit.registry.distributions import install_hint
from mlpkit.registry.lookup import installed, missing_requirements

SKLEARN = "scikit-learn"
MAX_ITER = 50  # default number of epochs
COLUMNS = ("epochs", "first fit", "second fit", "largest loss difference")
DATASETS = {  # loader, estimator and a suitable alpha of each data set
    "digits": (load_digits, "MLPClassifier", 1e-4),
    "breast cancer": (load_breast_cancer, "MLPClassifier", 1.0),
    "diabetes": (load_diabetes, "MLPRegressor", 10.0),
}


class Problem(NamedTuple):
    """A standardised data set, split into two parts, and its estimator."""

    title: str
    estimator: str
    alpha: float
    train: tuple[Any, Any]
    test: tuple[Any, Any]


class Row(NamedTuple):
    """The results of a backend on a data set; only the reason is set if the fit failed."""

    backend: str
    failure: str = ""
    left_out: str = ""  # the reason, if the backend is left out of the table
    score: float = np.nan
    seconds: tuple[float, float] = (np.nan, np.nan)
    losses: tuple[float, ...] = ()

    def difference(self, reference: "Row") -> float:
        """Return the largest difference of the loss curves, over the epochs that both have."""
        pairs = zip(self.losses, reference.losses, strict=False)
        return max((abs(a - b) for a, b in pairs), default=np.nan)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
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
        help=f"maximum number of epochs (default: {MAX_ITER}, and {SECONDS} seconds in total)",
    )


def main(options: argparse.Namespace) -> int:
    """Print a table for each data set; the exit code is 1 if a backend failed."""
    backends, left_out = (options.backend, []) if options.backend else available()
    max_iter = options.max_iter or MAX_ITER
    print(
        f"Standardised features, hidden_layer_sizes=(100,), max_iter={max_iter},"
        " random_state=0, BLAS with one thread.",
        flush=True,
    )
    tables: list[list[Row]] = []
    with silent() as stream:
        progress = DemoProgress(stream, limited=not (options.max_iter or options.backend))
        for name in DATASETS:
            problem = load_problem(name)
            rows = list(compare(name, problem, backends, max_iter, progress))
            if not options.backend:  # a backend that is left out once is not tried again
                left_out += [f"Left out: {row.left_out}" for row in rows if row.left_out]
                excluded = {row.backend for row in rows if row.left_out}
                backends = [backend for backend in backends if backend not in excluded]
                rows = [row for row in rows if not row.left_out]
            tables.append(rows)
            progress.clear()
            print(f"\n{problem.title}\n{table(problem, rows)}", flush=True)
    for line in [*left_out, *conclusions(tables)]:
        print(f"\n{wrapped(line)}")
    return int(any(row.failure for rows in tables for row in rows))


def available() -> tuple[list[str], list[str]]:
    """Return the names of the usable backends, and a sentence about each of the others."""
    names, left_out = [], []
    for name in installed().names("backend"):
        try:
            plugin, component = installed().find("backend", name)
        except PluginError as error:
            left_out.append(f"Left out: {error}.")
            continue
        if missing := missing_requirements(component):
            left_out.append(
                f"Left out: {name} requires {', '.join(missing)}. Try:"
                f" {install_hint(plugin.distribution)}"
            )
        else:
            names.append(name)
    return names, left_out


def load_problem(name: str) -> Problem:
    """Load, split and standardise a data set of scikit-learn."""
    load, estimator, alpha = DATASETS[name]
    X, y = load(return_X_y=True)
    n_classes = len(np.unique(y)) if estimator == "MLPClassifier" else 0
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y if n_classes else None)
    scaler = StandardScaler().fit(X)
    if not n_classes:
        y, y_test = (y - y.mean()) / y.std(), (y_test - y.mean()) / y.std()
    target = f"{n_classes} classes" if n_classes else "standardised target"
    title = (
        f"{name}: {len(y)} training rows, {len(y_test)} test rows, {X.shape[1]} features, {target};"
        f" alpha={alpha:g}"
    )
    train, test = (scaler.transform(X), y), (scaler.transform(X_test), y_test)
    return Problem(title, estimator, alpha, train, test)


def compare(
    name: str, problem: Problem, backends: list[str], max_iter: int, progress: DemoProgress
) -> Iterator[Row]:
    """Yield the results of scikit-learn and of each backend, also of those that fail."""
    parameters = {"max_iter": max_iter, "alpha": problem.alpha, "random_state": 0}
    for backend in [SKLEARN, *backends]:
        progress.begin(f"{name} on {backend}")

        def create(backend: str = backend) -> Any:
            if backend == SKLEARN:
                return getattr(sklearn.neural_network, problem.estimator)(**parameters)
            estimator_class = getattr(mlpkit, problem.estimator)
            return estimator_class(backend=backend, callbacks=progress, **parameters)

        try:
            yield fit_twice(backend, create, problem)
        except TimeoutError as error:
            yield Row(
                backend, left_out=f"{backend}: {error}. Pass --max-iter to remove the time limit."
            )
        except PluginError as error:
            yield Row(backend, failure=exception_line(error), left_out=str(error))
        except Exception as error:
            if "interrupted by user" in str(error):
                raise KeyboardInterrupt from error
            yield Row(backend, failure=exception_line(error))


def fit_twice(backend: str, create: Callable[[], Any], problem: Problem) -> Row:
    """Fit twice, because imports and compilation make the first fit slower."""
    seconds = []
    with warnings.catch_warnings(), OneThread():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("error", "Training interrupted by user")
        for _ in range(2):
            started = time.perf_counter()
            estimator = create().fit(*problem.train)
            seconds.append(time.perf_counter() - started)
        score = estimator.score(*problem.test)
    return Row(backend, "", "", score, (seconds[0], seconds[1]), tuple(estimator.loss_curve_))


def table(problem: Problem, rows: list[Row]) -> str:
    """Return the results as text."""
    score = "accuracy" if problem.estimator == "MLPClassifier" else "R2"
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
        lines.append(wrapped(f"failed: {failure}", start) if failure else line.rstrip())
    return "\n".join(lines)


def conclusions(tables: list[list[Row]]) -> list[str]:
    """Return sentences about the results, and how to choose the fastest backend."""
    pairs = [(row, rows[0]) for rows in tables for row in rows[1:] if not row.failure]
    if not pairs:
        return [f"No backend could be compared. {program_name()} plugins lists what is installed."]
    worst = max(row.difference(reference) for row, reference in pairs)
    score = max(abs(row.score - reference.score) for row, reference in pairs)
    seconds = {
        name: sum(row.seconds[1] for row, _ in pairs if row.backend == name)
        for name in dict.fromkeys(row.backend for row, _ in pairs)
        if sum(row.backend == name for row, _ in pairs) == len(tables)
    }
    sentences = [
        "With the same parameters, all loss curves agree with those of scikit-learn to within"
        f" {worst:.1g}, and all test scores to within {score:.1g}. The first fit of a backend may"
        " include imports and compilation.",
    ]
    if seconds:
        times = ", ".join(
            f"{name} {seconds[name]:.2f} s"
            for name in sorted(seconds, key=lambda name: seconds[name])
        )
        name = min(seconds, key=lambda name: seconds[name])
        sentences.append(
            f"Fastest here: {name} (sum of the second fits: {times}). The order may differ for"
            f" larger data and networks. To use {name}, pass backend={name!r} to the estimators"
            f" of mlpkit, or set the environment variable MLPKIT_BACKEND={name}."
        )
    return sentences


def wrapped(text: str, start: str = "") -> str:
    """Return text as lines of at most 100 characters, indented by the width of ``start``."""
    return textwrap.fill(
        text,
        100,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
