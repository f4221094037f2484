"""Fits of estimators by groups of threads."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit.distributed import Shard
from mlpkit.plugin import Array
from mlpkit.testing import ThreadGroup, in_group


def fitted_in_group(
    make: Callable[[], Any], X: Any, y: Any, owners: Array, size: int, **arguments: Any
) -> list[Any]:
    """The estimators that the processes of a group fitted; ``owners`` has the process of each row.

    Evaluation sets as ``X_val`` are divided, too.
    """

    def fit(group: ThreadGroup) -> Any:
        divided = {
            name: shard_of(group, value, np.arange(len(value)) % size) if name == "X_val" else value
            for name, value in arguments.items()
        }
        return make().fit(shard_of(group, X, owners), y, **divided)

    return in_group(size, fit)


def shard_of(group: ThreadGroup, X: Any, owners: Array) -> Shard:
    """The rows of X of one process, in two parts of different lengths."""
    places = np.flatnonzero(owners == group.rank)
    cut = len(places) // 3
    parts = [X.iloc[p] if hasattr(X, "iloc") else X[p] for p in (places[:cut], places[cut:])]
    return Shard(parts, places, len(X), group)
