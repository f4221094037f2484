"""Compare mlpkit with scikit-learn, Keras, SciKeras, skorch and the matrix products alone.

The contenders take turns, each in a process of its own. The JSON file is written after each
question, and keeps the figures of questions that are not asked again, so that the parts may be
measured one by one. ``--report`` only prints the tables of the file. ``--page docs/performance.md
README.md`` writes them into pages instead, between lines such as ``<!-- benchmarks fit -->`` and
``<!-- end -->``.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

from benchmarks import communicators, gpu, machine, pages
from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Figures
from benchmarks.questions import ON_REQUEST, PARTS, QUICK, Question
from benchmarks.report import report
from benchmarks.rounds import Results, measured


def main() -> None:
    """Measure what is requested, print the tables, and write the figures."""
    arguments = parsed()
    figures = Figures.read(arguments.json) if arguments.report else measure(arguments)
    for part, text in report(figures).items():
        for page in arguments.page or ():
            if pages.has(page, f"benchmarks {part}"):
                pages.write(page, f"benchmarks {part}", text)
        if not arguments.page:
            print(f"{part}:\n\n{text}\n")
    on_gpu = "gpu" in arguments.only if arguments.only else shutil.which("nvidia-smi")
    if on_gpu and not arguments.report:
        gpu.each(list(gpu.RATES), gpu.ROWS)
    if "communicators" in (arguments.only or ()) and not arguments.report:
        communicators.each(communicators.PROCESSES)


def measure(arguments: argparse.Namespace) -> Figures:
    """Ask the questions, and return the figures of the file with those of this run."""
    figures = Figures(arguments.json, machine.about())

    def done(question: Question, results: Results) -> None:
        figures.add(question, results)
        print(question, file=sys.stderr, flush=True)

    names = arguments.contenders or list(CONTENDERS)
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    measured(names, questions(arguments), rounds, arguments.data, done)
    return figures


def questions(arguments: argparse.Namespace) -> list[Question]:
    """The questions of the requested parts and names."""
    known = QUICK if arguments.quick else [q for part in PARTS.values() for q in part]
    parts = arguments.only or [part for part in PARTS if part not in ON_REQUEST]
    return [q for q in known if q.part in parts and re.search(arguments.match, str(q))]


def parsed() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="smaller cases, one round")
    parser.add_argument("--rounds", type=int, help="default: 3, quick: 1")
    parser.add_argument(
        "--data",
        help="folder with adult.csv.gz and covertype-93k.csv.gz; by default data are generated",
    )
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), help="default: all")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=(*PARTS, "gpu", "communicators"),
        help="parts; by default all but files and communicators, and gpu if there is one",
    )
    parser.add_argument("--match", default="", help="regular expression of the questions to ask")
    parser.add_argument("--json", type=Path, default=Path("benchmarks.json"), help="the figures")
    parser.add_argument("--report", action="store_true", help="print the tables of the file only")
    parser.add_argument(
        "--page", nargs="+", type=Path, help="pages into which their tables are written"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
