"""Measurements of the contenders in turn, each in its own process; the best round counts."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.cases import Question

PAUSE = 0.1  # seconds before each measurement, until the previous BLAS threads are idle
# contenders that need more seconds, or more times the best time, are measured only once
SLOW, HOPELESS = 5.0, 10.0
Found = dict[str, dict[str, Any]]


class Process:
    """A contender in a process that waits for measurements."""

    def __init__(self, name: str) -> None:
        self.pipe = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def ask(self, question: Question, folder: str | None) -> dict[str, Any]:
        """Return the seconds or the counts, or an error."""
        assert self.pipe.stdin is not None
        assert self.pipe.stdout is not None
        time.sleep(PAUSE)
        try:
            self.pipe.stdin.write(json.dumps({**question._asdict(), "folder": folder}) + "\n")
            self.pipe.stdin.flush()
            return json.loads(self.pipe.stdout.readline() or '{"error": "ended"}')  # type: ignore[no-any-return]
        except BrokenPipeError:
            return {"error": "not installed"}


def measured(
    names: Sequence[str],
    questions: Sequence[Question],
    rounds: int,
    folder: str | None,
    done: Callable[[Found], None],
) -> Found:
    """The best seconds of each contender for each question, an error as a string.

    Round 0 is the warm-up. Contenders that are much slower than the fastest one run only in this
    round. `done` is called with all results after each question.
    """
    processes = {name: Process(name) for name in names}
    found: Found = {}
    for question in questions:
        first = {name: process.ask(question, folder) for name, process in processes.items()}
        results = {name: answer.get("error") for name, answer in first.items()}
        times = {name: answer["seconds"] for name, answer in first.items() if "seconds" in answer}
        best = min(times.values(), default=0.0)
        left = [n for n, t in times.items() if t < max(SLOW, HOPELESS * best)]
        results |= {n: t for n, t in times.items() if n not in left}
        for _ in range(rounds):
            for name in left:
                answer = processes[name].ask(question, folder)
                if "error" in answer:
                    results[name] = answer["error"]
                elif not isinstance(results[name], str):
                    results[name] = min(results[name] or float("inf"), answer["seconds"])
        found[str(question)] = results
        done(found)
    return found


def counts(names: Sequence[str], questions: Sequence[Question], folder: str | None) -> Found:
    """The counts by contender and case, each contender in a new process."""
    found: Found = {name: {} for name in names}
    for name in names:
        process = Process(name)
        for question in questions:
            answer = process.ask(question, folder)
            found[name][question.name] = answer.get("counts", answer.get("error"))
    return found
