"""The process of one fit, which prints a line of JSON: see ``python -m benchmarks.tabular``."""

import argparse
import json
import os
import sys
import warnings
from pathlib import Path


def main() -> None:
    """Measure one fit. Frameworks write to standard output too: theirs goes to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("contender")
    parser.add_argument("seed", type=int)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    from benchmarks.tabular import sources
    from benchmarks.tabular.measurement import measured

    try:
        table = sources.table(arguments.table, arguments.data)
        answer = measured(
            table, arguments.contender, arguments.seed, arguments.threads, arguments.device
        )
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:500]}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    sys.stdout.flush()
    os._exit(0)  # threads of frameworks may wait for each other


if __name__ == "__main__":
    main()
