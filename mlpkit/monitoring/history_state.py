"""The metric history as arrays, and back."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from mlpkit.files.fields import Fields
from mlpkit.monitoring.history import MetricHistory, Record


def history_state(history: MetricHistory) -> dict[str, Any]:
    """Return the history as plain values.

    Records of the same split, metrics and groups are one block of arrays. ``order`` is the block of
    each record.

    >>> history_state(MetricHistory())
    {'order': array([], dtype=int64), 'blocks': []}
    """
    blocks: dict[Any, list[Record]] = {}
    keys: dict[Any, int] = {}
    order = []
    for record in history.records:
        key = record.split, record.metrics, record.higher_is_better, record.labels
        order.append(keys.setdefault(key, len(keys)))
        blocks.setdefault(key, []).append(record)
    return {
        "order": np.array(order, np.int64),
        "blocks": [_block(records) for records in blocks.values()],
    }


def _block(records: list[Record]) -> dict[str, Any]:
    first = records[0]
    return {
        "split": first.split,
        "metrics": list(first.metrics),
        "labels": [list(label) for label in first.labels],
        "higher_is_better": list(first.higher_is_better),
        "epochs": np.array([record.epoch for record in records], np.int64),
        "values": np.stack([record.values for record in records]),
        "n_rows": np.stack([record.n_rows for record in records]),
        "weight": np.stack([record.weight for record in records]),
    }


def history_of(state: Any) -> MetricHistory:
    """Return the history of a state; raise ValueError if it is invalid."""
    fields = Fields(state, "metric_history")
    blocks = fields.value("blocks", list)
    records = [iter(_records(Fields(b, "metric_history.blocks"))) for b in blocks]
    order = fields.array("order", (None,), "i")
    if order.size and not 0 <= order.min() <= order.max() < len(blocks):
        raise fields.invalid("order", order, "indices of blocks")
    try:
        made = [next(records[i]) for i in order.tolist()]
    except StopIteration:
        raise fields.invalid("order", order, "an index for each record") from None
    return MetricHistory(made)


def _records(block: Fields) -> Iterable[Record]:
    split, metrics = block.text("split"), block.texts("metrics")
    labels, better = tuple(block.pairs("labels")), block.value("higher_is_better", list)
    if len(better) != len(metrics) or not all(isinstance(b, bool | None) for b in better):
        raise block.invalid("higher_is_better", better, "True, False or None for each metric")
    epochs = block.array("epochs", (None,), "i")
    n, k = len(epochs), len(labels)
    values = block.array("values", (n, len(metrics), k), "f")
    n_rows, weight = block.array("n_rows", (n, k), "if"), block.array("weight", (n, k), "if")
    for i, epoch in enumerate(epochs.tolist()):
        yield Record(epoch, split, metrics, tuple(better), labels, values[i], n_rows[i], weight[i])
