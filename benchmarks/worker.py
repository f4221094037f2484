"""The process of one contender, which answers each line of JSON with a line of JSON."""

import json
import os
import sys
import time
from typing import Any, TextIO

import numpy as np

from benchmarks.cases import CASES, data, rows_of
from benchmarks.contenders import CONTENDERS, Contender, Timed


def prepared(contender: Contender, what: str, name: str, folder: str | None) -> Timed:
    """Return the function to time."""
    if what == "fit":
        case = CASES[name]
        return contender.fit(case, *rows_of(case, folder))
    if what == "process":
        return contender.process(again=name.endswith("second time"))
    X, y = data("digits")
    if what == "stream":
        calls = int(name.split()[0])
        return contender.stream(X, y, np.random.RandomState(0).randint(1, 513, size=calls))
    rows = X[:1] if name == "1 row" else np.tile(X, (56, 1))[:100_000]
    return contender.predict(X, y, rows)


def seconds(run: Timed, repeat: int) -> float:
    """Return the mean seconds of several consecutive runs."""
    began = time.perf_counter()
    for _ in range(repeat):
        run()
    return (time.perf_counter() - began) / repeat


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer each request with seconds, counts or an error."""
    contender = CONTENDERS[sys.argv[1]]()
    ready: dict[tuple[str, str], Timed] = {}
    for line in requests:
        request: dict[str, Any] = json.loads(line)
        key = request["what"], request["name"]
        answer: dict[str, Any]
        try:
            if key[0] == "counts":
                case = CASES[key[1]]
                answer = {"counts": contender.counts(case, *rows_of(case, request["folder"]))}
            else:
                if key not in ready:
                    ready[key] = prepared(contender, *key, request["folder"])
                answer = {"seconds": seconds(ready[key], request["repeat"])}
        except NotImplementedError:
            answer = {"error": "not supported"}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    # frameworks also write to standard output: answers go to a duplicate of the original
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers)
