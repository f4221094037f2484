"""Run the comparison, print tables, and write JSON after each measurement."""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import machine, tables
from benchmarks.cases import FULL, QUICK, Question
from benchmarks.contenders import CONTENDERS
from benchmarks.rounds import Found, counts, measured


def main() -> None:
    """Run the measurements, print the tables and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller cases, one round")
    parser.add_argument("--rounds", type=int, default=None, help="default: 5, quick: 1")
    parser.add_argument(
        "--data", help="folder with covertype-93k.csv.gz; by default the data are generated"
    )
    parser.add_argument("--json", default="benchmarks.json", help="where to write the figures")
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), default=None)
    parser.add_argument(
        "--only", nargs="+", choices=("fit", "stream", "predict", "process", "counts")
    )
    arguments = parser.parse_args()
    names = arguments.contenders or list(CONTENDERS)
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    cases = QUICK if arguments.quick else FULL
    questions = [q for q in cases if not arguments.only or q.what in arguments.only]
    about = machine.about()

    def write(found: Found, **more: Found) -> None:
        figures = {"machine": about, "rounds": rounds, "seconds": found, **more}
        Path(arguments.json).write_text(json.dumps(figures, indent=2))
        print(list(found)[-1:], file=sys.stderr, flush=True)

    found = measured(names, questions, rounds, arguments.data, write)
    print(tables.seconds(found, names), tables.ratios(found), sep="\n\n")
    if not arguments.only or "counts" in arguments.only:
        fits = [Question("counts", q.name) for q in cases]
        fits = [q for q in fits if Question("fit", q.name) in FULL + QUICK]
        counted = counts([n for n in names if tables.ours(n)], fits, arguments.data)
        write(found, counts=counted)
        print("\n" + tables.counted(counted))
    print("\n" + ", ".join(f"{k} {v}" for k, v in about.items()))


if __name__ == "__main__":
    main()
