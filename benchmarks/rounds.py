"""Measurements of the contenders in turn, each in its own process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.neighbours import neighbours
from benchmarks.questions import Question

PAUSE = 0.1  # seconds before each measurement, until the previous BLAS threads are idle
# after the warm-up, contenders that need both more seconds and more times the best time than this
# are measured only once
SLOW, HOPELESS = 1.0, 5.0
NOT_INSTALLED = {"error": "not installed"}
Results = dict[str, Any]  # by contender: the values of the rounds, or an error as a string


class Process:
    """A contender in a process that waits for questions."""

    def __init__(self, name: str) -> None:
        self.pipe = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.has_answered = False

    def ask(self, question: Question, folder: str | None) -> dict[str, Any]:
        """Return the value, or an error."""
        assert self.pipe.stdin is not None
        assert self.pipe.stdout is not None
        time.sleep(PAUSE)
        ended = {"error": "ended"} if self.has_answered else NOT_INSTALLED
        try:
            self.pipe.stdin.write(json.dumps({**question._asdict(), "folder": folder}) + "\n")
            self.pipe.stdin.flush()
        except BrokenPipeError:
            return ended
        line = self.pipe.stdout.readline()
        self.has_answered |= bool(line)
        answer: dict[str, Any] = json.loads(line) if line else ended
        return answer

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: Any) -> None:
        self.pipe.kill()
        self.pipe.communicate()


def measured(
    names: Sequence[str],
    questions: Sequence[Question],
    rounds: int,
    folder: str | None,
    done: Callable[[Question, Results], None],
) -> None:
    """Ask each question, and pass the results to `done`.

    Memory, counts and files are asked once, in a new process for each contender.
    """
    with ExitStack() as stack:
        processes: dict[str, Process] = {}
        for question in questions:
            asked = [n for n in names if n in question.contenders]
            if question.part in ("memory", "counts", "files"):
                done(question, {name: alone(name, question, folder) for name in asked})
                continue
            for name in asked:
                if name not in processes:
                    processes[name] = stack.enter_context(Process(name))
            contenders = {name: processes[name] for name in asked}
            with neighbours(question.neighbours):
                done(question, in_turn(contenders, question, rounds, folder))


def in_turn(
    processes: dict[str, Process], question: Question, rounds: int, folder: str | None
) -> Results:
    """The values of all rounds, by contender, after a warm-up that does not count."""
    results: Results = {}
    for name, process in processes.items():
        results[name] = process.ask(question, folder).get("error", [])
    left = [name for name in processes if results[name] == []]
    for _ in range(rounds):
        for name in left:
            answer = processes[name].ask(question, folder)
            if "error" in answer:
                results[name] = answer["error"]
            elif isinstance(results[name], list):
                results[name].append(answer["value"])
        times = {name: min(results[name]) for name in left if isinstance(results[name], list)}
        limit = max(SLOW, HOPELESS * min(times.values(), default=0.0))
        left = [name for name, seconds in times.items() if seconds < limit]
    return results


def alone(name: str, question: Question, folder: str | None) -> Any:
    """The value of a contender in a new process, as a list, or an error as a string."""
    with Process(name) as process:
        answer = process.ask(question, folder)
    return answer.get("error", [answer.get("value")])
