"""The validation set and further evaluation sets among the arguments of `fit`."""

from collections.abc import Mapping
from typing import Any

from mlpkit.data.row_sources import RowSource, dataset_of
from mlpkit.plugin import Dataset

FIELDS = ("X", "y", "sample_weight", "labels")


def evaluation_sets(
    X_val: Any = None,
    y_val: Any = None,
    sample_weight_val: Any = None,
    labels_val: Any = None,
    eval_sets: Any = None,
) -> dict[str, Dataset]:
    """The sets of rows by name, "validation" first.

    Raises ValueError for X without y or the other way round, and for sets of another form.

    >>> evaluation_sets(eval_sets={"2025": ([[1]], [0])})["2025"].y
    [0]
    """
    sets = {}
    if not isinstance(X_val, RowSource) and (X_val is None) != (y_val is None):
        missing = "y_val" if y_val is None else "X_val"
        raise ValueError(f"X_val and y_val must be passed together; {missing} is missing.")
    if X_val is not None:
        sets["validation"] = dataset_of(X_val, y_val, sample_weight_val, labels_val)
    elif sample_weight_val is not None or labels_val is not None:
        raise ValueError("sample_weight_val and labels_val require X_val and y_val.")
    if eval_sets is None:
        return sets
    if not isinstance(eval_sets, Mapping):
        raise ValueError(
            "eval_sets must be a dict of rows by name, such as {'2025': (X, y)}, got"
            f" {type(eval_sets).__name__}."
        )
    for name, rows in eval_sets.items():
        if name in ("train", "validation") or not isinstance(name, str):
            raise ValueError(
                f"eval_sets: the name of a set must be a string other than 'train' and"
                f" 'validation', got {name!r}. Pass validation rows as X_val and y_val."
            )
        sets[name] = _evaluation_set(name, rows)
    return sets


def _evaluation_set(name: str, rows: Any) -> Dataset:
    if isinstance(rows, RowSource):
        return rows.dataset()
    if isinstance(rows, Mapping):
        if unknown := sorted(set(rows) - set(FIELDS)):
            raise ValueError(
                f"eval_sets: the dict {name!r} has the unknown key {unknown[0]!r}; the keys are:"
                f" {', '.join(FIELDS)}."
            )
        if "X" in rows and "y" in rows:
            return _in_memory(Dataset(**rows))
    elif isinstance(rows, tuple | list) and len(rows) in (2, 3):
        return _in_memory(Dataset(*rows))
    raise ValueError(
        f"eval_sets: {name!r} must be (X, y), (X, y, sample_weight), a dict with X, y and"
        " optionally sample_weight and labels, or a scan of files."
    )


def _in_memory(rows: Dataset) -> Dataset:
    return dataset_of(*rows[:4])
