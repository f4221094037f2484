"""Run the comparison: print tables, write JSON after each question."""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import machine, tables
from benchmarks.cases import FULL, QUICK, Question
from benchmarks.contenders import CONTENDERS
from benchmarks.rounds import Found, counts, measured


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller cases, one round")
    parser.add_argument("--rounds", type=int, default=None, help="default: 5, quick: 1")
    parser.add_argument("--data", help="folder with covertype-93k.csv.gz; else it is generated")
    parser.add_argument("--json", default="benchmarks.json", help="where to write the figures")
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), default=None)
    parser.add_argument(
        "--only", nargs="+", choices=("fit", "stream", "predict", "process", "counts")
    )
    given = parser.parse_args()
    names = given.contenders or list(CONTENDERS)
    rounds = given.rounds or (1 if given.quick else 5)
    asked = [q for q in (QUICK if given.quick else FULL) if not given.only or q.what in given.only]
    about = machine.about()

    def write(found: Found, **more: Found) -> None:
        figures = {"machine": about, "rounds": rounds, "seconds": found, **more}
        Path(given.json).write_text(json.dumps(figures, indent=2))
        print(list(found)[-1:], file=sys.stderr, flush=True)

    found = measured(names, asked, rounds, given.data, write)
    print(tables.seconds(found, names), tables.ratios(found), sep="\n\n")
    if not given.only or "counts" in given.only:
        fits = [Question("counts", q.name) for q in (QUICK if given.quick else FULL)]
        fits = [q for q in fits if Question("fit", q.name) in FULL + QUICK]
        counted = counts([n for n in names if tables.ours(n)], fits, given.data)
        write(found, counts=counted)
        print("\n" + tables.counted(counted))
    print("\n" + ", ".join(f"{k} {v}" for k, v in about.items()))


if __name__ == "__main__":
    main()
