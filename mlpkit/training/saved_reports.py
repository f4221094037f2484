"""The reports of epochs as plain values, which a checkpoint contains, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlpkit.plugin import Report

NUMBERS = ("loss", "learning_rate", "seconds")


def reports_state(reports: Sequence[Report]) -> dict[str, Any]:
    """Return reports, without the functions in them, as plain values.

    >>> report = Report(1, 0.5, None, 0.01, 2.0, "a note")
    >>> reports_of(reports_state([report])) == [report]
    True
    """
    columns: dict[str, Any] = {
        name: np.array([getattr(report, name) for report in reports], float) for name in NUMBERS
    }
    return {
        **columns,
        "epoch": np.array([report.epoch for report in reports], np.int64),
        "score": [report.score for report in reports],
        "monitored": [report.monitored for report in reports],
        "notes": {i: report.note for i, report in enumerate(reports) if report.note is not None},
    }


def reports_of(state: Mapping[str, Any]) -> list[Report]:
    """Return the reports of a state."""
    losses, learning_rates, seconds = (state[name].tolist() for name in NUMBERS)
    rows = zip(state["epoch"].tolist(), losses, state["score"], strict=True)
    monitored, notes = state["monitored"], state["notes"]
    return [
        Report(*row, learning_rates[i], seconds[i], notes.get(i), monitored=monitored[i])
        for i, row in enumerate(rows)
    ]
