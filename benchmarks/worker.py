"""The process of one contender, which answers each line of JSON with a line of JSON."""

import json
import os
import sys
import time
from contextlib import nullcontext
from typing import Any, TextIO

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import counters, files
from benchmarks.cases import Case, case_of, rows_of
from benchmarks.contender import Contender, Fits, Predicts, Starts, Streams, Timed
from benchmarks.contenders import CONTENDERS
from benchmarks.data_sets import data
from benchmarks.memory import MIB, Peak
from benchmarks.questions import BUDGET, FILES, MANY_ROWS, THREADS, Question

N_FEATURES, N_UNITS, BATCH_SIZE = 4, 4, 8  # of a network whose steps take almost no time


def prepared(contender: Contender, question: Question, folder: str | None) -> Timed | None:
    """Return the function to time, or None if the contender does not support it."""
    part, name = question.part, question.name
    is_fit = part in ("fit", "long", "sparse") or (part == "busy" and name != MANY_ROWS)
    if is_fit and isinstance(contender, Fits):
        case = case_of(name)
        return contender.fit(case, *rows_of(case, folder))
    if part == "epoch" and isinstance(contender, Fits):
        return _epochs(contender, *(int(word) for word in name.split() if word.isdigit()))
    if part == "start" and isinstance(contender, Starts):
        return contender.start(name)
    X, y = data("digits")
    if part == "stream" and isinstance(contender, Streams):
        calls = int(name.split()[0])
        sizes = np.random.RandomState(0).randint(1, 513, size=calls)
        return contender.stream(X, y, np.ones_like(sizes) if name.endswith(" 1 row") else sizes)
    if part in ("predict", "busy") and isinstance(contender, Predicts):
        rows = X[:1] if name.startswith("1 row") else np.tile(X, (56, 1))[:100_000]
        if name.endswith("frame"):
            import pandas as pd

            names = [f"pixel {i}" for i in range(X.shape[1])]
            X, rows = pd.DataFrame(X, columns=names), pd.DataFrame(rows, columns=names)
        return contender.predict(X, y, rows)
    return None


def _epochs(contender: Fits, n_epochs: int, n_steps: int) -> Timed:
    """Return a function that fits a tiny network."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_steps * BATCH_SIZE, N_FEATURES)).astype(np.float32)
    case = Case("tiny", (N_UNITS,), BATCH_SIZE, n_epochs)
    return contender.fit(case, X, np.arange(len(X)) % 2)


def seconds(run: Timed, question: Question) -> float:
    """Return the mean seconds of several consecutive runs."""
    with threadpool_limits(1) if question.threads == THREADS[1] else nullcontext():
        began = time.perf_counter()
        for _ in range(question.repeat):
            run()
        return (time.perf_counter() - began) / question.repeat


def peak_memory(contender: Contender, question: Question, folder: str | None) -> float | None:
    """Return the peak memory of a fit in MiB, beyond that before it and without its data."""
    if not isinstance(contender, Fits):
        return None
    case = case_of(question.name)
    X, y = rows_of(case, folder)
    contender.fit(case, X[: case.batch, :1000], y[: case.batch])()  # imports and compiles
    with Peak("VmRSS") as peak:
        before = peak.now()
        contender.fit(case, X, y)()
    return (peak.bytes - before) / MIB


def answer(
    contender: Contender, question: Question, folder: str | None, ready: dict[Question, Timed]
) -> dict[str, Any]:
    """Return seconds, MiB, counts, figures of files, or an error."""
    if question.part == "counts":
        case = case_of(question.name)
        backend = sys.argv[1].removeprefix("mlpkit-")
        return {"value": counters.counts(backend, case, *rows_of(case, folder))}
    if question.part == "files":
        return {"value": files.figures(FILES, BUDGET)}
    if question.part == "memory":
        value = peak_memory(contender, question, folder)
        return {"error": "not supported"} if value is None else {"value": value}
    if question not in ready:
        run = prepared(contender, question, folder)
        if run is None:
            return {"error": "not supported"}
        ready[question] = run
    return {"value": seconds(ready[question], question)}


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer each request."""
    contender = CONTENDERS[sys.argv[1]]()
    ready: dict[Question, Timed] = {}
    for line in requests:
        request: dict[str, Any] = json.loads(line)
        folder = request.pop("folder")
        question = Question(**{**request, "contenders": tuple(request["contenders"])})
        try:
            result = answer(contender, question, folder, ready)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(result) + "\n")
        answers.flush()


if __name__ == "__main__":
    # frameworks also write to standard output: answers go to a duplicate of the original
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers)
