"""The results on disk, written after each fit, so that an interruption loses none."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple


class Fit(NamedTuple):
    """Which fit: a contender on a split of a table."""

    table: str
    contender: str
    seed: int


class Results:
    """A JSON file with the machine and a list of fits."""

    def __init__(self, path: Path, machine: dict[str, str]) -> None:
        self.path, self.machine = path, machine
        self.fits = read([path]) if path.exists() else {}

    def add(self, fit: Fit, answer: dict[str, Any]) -> None:
        """Keep a result, in place of an earlier one of the same fit."""
        self.fits[fit] = answer
        fits = [{**key._asdict(), **value} for key, value in self.fits.items()]
        text = json.dumps({"machine": self.machine, "fits": fits}, indent=1)
        new = self.path.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.path)

    def missing(self, fit: Fit) -> bool:
        """Return whether a fit has no result but an error at most."""
        return "skill" not in self.fits.get(fit, {})


def read(paths: Iterable[Path]) -> dict[Fit, dict[str, Any]]:
    """Return the results of several files.

    Figures of later files count: skills of a GPU may follow the seconds of a processor. Errors
    count where there is nothing else.
    """
    found: dict[Fit, dict[str, Any]] = {}
    for path in paths:
        for record in json.loads(path.read_text())["fits"]:
            fit = Fit(*(record.pop(name) for name in Fit._fields))
            if "error" not in record:
                found[fit] = {**found.get(fit, {}), **record}
                found[fit].pop("error", None)
            else:
                found.setdefault(fit, record)
    return found
