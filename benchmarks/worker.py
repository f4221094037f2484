"""One contender in a live process of its own, asked line by line: JSON in, JSON out."""

import json
import os
import sys
import time
from typing import Any, TextIO

import numpy as np

from benchmarks.cases import CASES, data
from benchmarks.contenders import CONTENDERS, Contender, Timed


def prepared(contender: Contender, what: str, name: str, folder: str | None) -> Timed:
    """What to time for a request."""
    if what == "fit":
        case = CASES[name]
        return contender.fit(case, *data(case.data, folder))
    X, y = data("digits")
    if what == "stream":
        calls = int(name.split()[0])
        return contender.stream(X, y, np.random.RandomState(0).randint(1, 513, size=calls))
    rows = X[:1] if name == "1 row" else np.tile(X, (56, 1))[:100_000]
    return contender.predict(X, y, rows)


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer until the requests end: seconds, or why not."""
    contender = CONTENDERS[sys.argv[1]]()
    ready: dict[tuple[str, str], Timed] = {}
    for line in requests:
        asked: dict[str, Any] = json.loads(line)
        key = asked["what"], asked["name"]
        try:
            if key not in ready:
                ready[key] = prepared(contender, *key, asked["folder"])
            repeat = asked["repeat"]
            began = time.perf_counter()
            for _ in range(repeat):
                ready[key]()
            answer: dict[str, Any] = {"seconds": (time.perf_counter() - began) / repeat}
        except NotImplementedError:
            answer = {"error": "not offered"}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    # frameworks write what they like to standard output: answers go to the original one
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers)
