"""Run the comparison: each contender asked in turn, round by round, best of the rounds."""

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.cases import CASES, QUICK
from benchmarks.contenders import CONTENDERS, FLOORS, OURS, PEERS

PACKAGES = ("numpy", "scikit-learn", "jax", "tensorflow", "keras", "torch", "scikeras", "skorch")


class Process:
    """A contender that waits to be asked."""

    def __init__(self, name: str) -> None:
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "OPENBLAS_NUM_THREADS": "1"}
        self.pipe = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **quiet},
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """Seconds, or an error."""
        assert self.pipe.stdin is not None
        assert self.pipe.stdout is not None
        try:
            self.pipe.stdin.write(json.dumps(request) + "\n")
            self.pipe.stdin.flush()
            return json.loads(self.pipe.stdout.readline() or '{"error": "ended"}')  # type: ignore[no-any-return]
        except BrokenPipeError:
            return {"error": "not installed"}


def questions(quick: bool) -> list[tuple[str, str, int]]:
    """What is asked, of which case, how many times in a row."""
    cases = QUICK if quick else CASES
    return [
        *(("fit", name, 1) for name in cases),
        ("stream", f"{20 if quick else 300} calls, sizes 1..512", 1),
        ("predict", "1 row", 50),
        ("predict", "100,000 rows", 1),
    ]


def measured(names: list[str], rounds: int, quick: bool, folder: str | None) -> dict[str, Any]:
    """The best seconds of each contender for each question; round 0 warms up."""
    processes = {name: Process(name) for name in names}
    found: dict[str, dict[str, Any]] = {}
    for what, name, repeat in questions(quick):
        results = found.setdefault(f"{what}: {name}", {})
        for i in range(rounds + 1):
            for contender, process in processes.items():
                if isinstance(results.get(contender), str):
                    continue
                answer = process.ask(what=what, name=name, repeat=repeat, folder=folder)
                if "error" in answer:
                    results[contender] = answer["error"]
                elif i > 0:
                    best = results.get(contender, float("inf"))
                    results[contender] = min(best, answer["seconds"])
        print(f"{what}: {name}", file=sys.stderr, flush=True)
    return found


def table(found: dict[str, Any], names: list[str]) -> str:
    """Seconds by case and contender, with our best against the best peer and the floor."""
    head = ["case", *names, "best peer / ours", "ours / floor"]
    lines = [head, ["---"] * len(head)]
    for question, results in found.items():

        def best(group: list[str], results: dict[str, Any] = results) -> float | None:
            known = [results[n] for n in group if isinstance(results.get(n), float)]
            return min(known, default=None)

        cells = [_text(results.get(name)) for name in names]
        ours, peer, floor = best(OURS), best(PEERS), best(FLOORS)
        cells.append(f"{peer / ours:.1f}" if ours and peer else "")
        cells.append(f"{ours / floor:.2f}" if ours and floor else "")
        lines.append([question, *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "-"


def machine() -> dict[str, str]:
    """What it ran on."""
    found = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer cases and rounds")
    parser.add_argument("--rounds", type=int, default=None, help="default: 5, quick: 1")
    parser.add_argument("--data", help="folder with covertype-93k.csv.gz; else it is generated")
    parser.add_argument("--json", default="benchmarks.json", help="where to write the figures")
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), default=None)
    given = parser.parse_args()
    names = given.contenders or list(CONTENDERS)
    rounds = given.rounds or (1 if given.quick else 5)
    found = measured(names, rounds, given.quick, given.data)
    print(table(found, names))
    about = machine()
    print("\n" + ", ".join(f"{k} {v}" for k, v in about.items()))
    with open(given.json, "w") as file:
        json.dump({"machine": about, "rounds": rounds, "seconds": found}, file, indent=2)


if __name__ == "__main__":
    main()
