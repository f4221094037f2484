"""The target of a model: its columns, and their values in the type of the classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mlpkit.commands.models.names import TARGET
from mlpkit.messages import comma_separated, escaped
from mlpkit.plugin import Array
from mlpkit.sources.errors import InputError
from mlpkit.sources.kinds import as_numbers, as_text, kind_of, numpy_of


def target_of(estimator: Any, given: Sequence[str] | None, model: str) -> list[str]:
    """Return the names of the target columns: those that are given, or else those of the fit."""
    names = given or getattr(estimator, TARGET, None)
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"{escaped(model)} does not contain the name of its target. Pass --target COLUMN."
        )
    return list(names)


def is_text(estimator: Any) -> bool:
    """Return whether the target consists of strings."""
    classes = getattr(estimator, "classes_", None)
    return classes is not None and np.asarray(classes).dtype.kind not in "biuf"


def target_type(estimator: Any) -> pa.DataType:
    """Return the type of the target in files without types."""
    if is_text(estimator):
        return pa.string()
    classes = getattr(estimator, "classes_", None)
    return pa.bool_() if np.asarray(classes).dtype.kind == "b" else pa.float64()


def targets(estimator: Any, table: pa.Table, names: Sequence[str]) -> Array:
    """Return the targets of rows in the form of ``y``; InputError if one is missing."""
    columns = [_values(estimator, table.column(name), name) for name in names]
    if len(names) == 1 and hasattr(estimator, "classes_"):
        _check_classes(columns[0], np.asarray(estimator.classes_), names[0])
    return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)


def _values(estimator: Any, column: Any, name: str) -> Array:
    if is_text(estimator):
        return numpy_of(as_text(column), name)
    classes = getattr(estimator, "classes_", None)
    if kind_of(column.type) == "text":
        what = "numbers" if classes is None else "numbers or booleans as classes"
        raise InputError(f"the target {escaped(name)!r} contains text, but the model has {what}")
    values = numpy_of(as_numbers(column, name), name)
    if classes is None:
        return values
    dtype = np.asarray(classes).dtype
    converted = values.astype(dtype)
    if not np.array_equal(converted.astype(np.float64), values):
        raise InputError(f"the target {escaped(name)!r} has values that are not among the classes")
    return converted


def _check_classes(values: Array, classes: Array, name: str) -> None:
    """Raise InputError if no value is a class, as in another column than the target."""
    if len(values) and not np.isin(values, classes).any():
        raise InputError(
            f"the target {escaped(name)!r} contains {escaped(values[0])!r}, which is not among the"
            f" classes of the model: {comma_separated(classes[:20])}"
        )
