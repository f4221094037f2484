"""The records of a metric history as columns, which a checkpoint contains."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlpkit.monitoring.history import Record

ARRAYS = ("values", "n_rows", "weight")


def columns_of(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return records as plain values. Those with equal names and groups are stacked."""
    stacked: dict[Any, list[int]] = {}
    for i, record in enumerate(records):
        key = (record.split, record.metrics, record.labels)
        stacked.setdefault(key, []).append(i)
    return [
        {
            "split": split,
            "metrics": metrics,
            "labels": labels,
            "positions": np.array(positions),
            "epochs": np.array([records[i].epoch for i in positions]),
            **{name: np.stack([getattr(records[i], name) for i in positions]) for name in ARRAYS},
        }
        for (split, metrics, labels), positions in stacked.items()
    ]


def records_of(columns: Sequence[Mapping[str, Any]]) -> list[Record]:
    """Return the records of `columns_of`, in their order."""
    records: dict[int, Record] = {}
    for part in columns:
        arrays = [part[name] for name in ARRAYS]
        head = part["split"], part["metrics"], part["labels"]
        for i, position in enumerate(part["positions"].tolist()):
            epoch = int(part["epochs"][i])
            records[position] = Record(epoch, *head, *(array[i] for array in arrays))
    return [records[position] for position in sorted(records)]
