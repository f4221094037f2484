"""What `fit` learns about one column."""

from typing import Any, NamedTuple

import numpy as np

from mlpkit.plugin import Array
from mlpkit_tabular.encoding.categories import Categories, learn_levels
from mlpkit_tabular.encoding.dates import Dates
from mlpkit_tabular.encoding.level_means import Means, learn_means
from mlpkit_tabular.encoding.numeric import Booleans, Numbers
from mlpkit_tabular.encoding.values import Values


class Targets(NamedTuple):
    """The targets of the rows, which some parts learn from.

    Parameters
    ----------
    numbers, means : ndarray of shape (n, n_outputs) or None
        The targets for the exact values of numbers, and for the means of levels; None turns these
        off.
    """

    numbers: Array | None
    means: Array | None


class LearnedColumn(NamedTuple):
    """What was learned about one column.

    Parameters
    ----------
    parts : dict
        The parts by name, each with this column alone; none if the column says nothing.
    encoded_means : ndarray of shape (n_means, n)
        The encoded means of the rows of `fit`, which come from other rows.
    """

    parts: dict[str, Any]
    encoded_means: Array


def learn_column(
    values: Values, position: int, targets: Targets, limits: dict[str, Any]
) -> LearnedColumn:
    """Learn from the values of a column at this position of the table.

    ``limits`` are the arguments ``min_count``, ``max_levels`` and ``max_one_hot`` of
    `learn_levels`.
    """
    if values.kind == "category":
        return _learn_category(values, position, targets.means, limits)
    parts: dict[str, Any] = {}
    if values.kind in ("number", "duration", "time"):
        min_count = limits["min_count"]
        parts["numbers"] = Numbers.fit(values.data, position, targets.numbers, min_count)
    elif values.kind == "date":
        parts["dates"] = Dates.fit(values.data, position)
    elif values.kind == "boolean":
        parts["booleans"] = Booleans.fit(values.data, position)
    return LearnedColumn(parts, np.empty((0, len(values.data))))


def _learn_category(
    values: Values, position: int, targets: Array | None, limits: dict[str, Any]
) -> LearnedColumn:
    """Learn the levels of a category, and the means of the targets by level."""
    feature = learn_levels(values, position, **limits)
    parts: dict[str, Any] = {} if feature is None else {"categories": Categories([feature])}
    encoded = np.empty((0, len(values.data)))
    is_folded = feature is None or feature.rare
    if is_folded and targets is not None and len(values.levels) >= 2:
        # a constant feature has one slot
        slots = feature.slots(values) if feature else np.zeros(len(targets), dtype=int)
        if learned := learn_means(values, slots, targets, position):
            means, encoded = learned
            parts["means"] = Means([means])
    return LearnedColumn(parts, encoded)
