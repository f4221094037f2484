"""The measured figures, as a JSON file to which later measurements are added."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.questions import Question
from benchmarks.rounds import Results

Entry = dict[str, Any]  # the date, and the results by contender


class Figures:
    """The figures of one machine.

    Parameters
    ----------
    path : Path
        The file, which may exist. A question that is measured again replaces all results of the
        question, so that those that are compared are always from the same rounds.
    machine : dict of str
        The processor and the versions. Raises ValueError if those in the file differ.
    """

    def __init__(self, path: Path, machine: dict[str, str]) -> None:
        self.path, self.machine = path, machine
        self.entries: dict[str, Entry] = {}
        if path.exists():
            known = json.loads(path.read_text())
            if known["machine"] != machine:
                raise ValueError(
                    f"{path} has figures of another machine or of other versions, to which those"
                    f" of this run cannot be added: {known['machine']}. Use another file with"
                    " --json, or delete this one."
                )
            self.entries = known["questions"]

    def add(self, question: Question, results: Results) -> None:
        """Add the results of a question, and write the file."""
        entry = {"date": str(date.today()), "results": results}
        self.entries.pop(str(question), None)
        self.entries[str(question)] = entry
        figures = {"machine": self.machine, "questions": self.entries}
        self.path.write_text(json.dumps(figures, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Figures":
        """The figures of a file."""
        return cls(path, json.loads(path.read_text())["machine"])

    def has(self, *questions: Question) -> bool:
        """Return whether all questions have results."""
        return all(str(question) in self.entries for question in questions)

    def names(self, question: Question) -> list[str]:
        """Return the contenders of a question that have values."""
        results = self.entries.get(str(question), {}).get("results", {})
        return [name for name, values in results.items() if isinstance(values, list)]

    def value(self, question: Question, name: str) -> Any:
        """Return the best value of a contender, with busy processes the median; None if unknown."""
        if name not in self.names(question):
            return None
        values = self.entries[str(question)]["results"][name]
        if question.part in ("counts", "files"):
            return values[0]
        return float(np.median(values) if question.part == "busy" else min(values))

    def best(self, question: Question, names: list[str]) -> str | None:
        """Return the contender with the shortest time, or None if none has a time."""
        known = [name for name in names if name in self.names(question)]
        return min(known, key=lambda name: self.value(question, name), default=None)

    def dates(self) -> list[str]:
        """Return the days on which the figures were measured."""
        return sorted({entry["date"] for entry in self.entries.values()})
