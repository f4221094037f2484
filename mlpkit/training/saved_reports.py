"""The reports of epochs as columns, which a checkpoint contains."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlpkit.plugin import Report

NUMBERS = ("loss", "learning_rate", "seconds")


def columns_of(reports: Sequence[Report]) -> dict[str, Any]:
    """Return reports, without the functions in them, as plain values.

    >>> report = Report(1, 0.5, None, 0.01, 2.0, "a note")
    >>> reports_of(columns_of([report])) == [report]
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


def reports_of(columns: Mapping[str, Any]) -> list[Report]:
    """Return the reports of `columns_of`."""
    losses, learning_rates, seconds = (columns[name].tolist() for name in NUMBERS)
    rows = zip(columns["epoch"].tolist(), losses, columns["score"], strict=True)
    monitored, notes = columns["monitored"], columns["notes"]
    return [
        Report(*row, learning_rates[i], seconds[i], notes.get(i), monitored=monitored[i])
        for i, row in enumerate(rows)
    ]
