"""The task, inferred from the values of the target."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from pyarrow import compute

from mlpkit.messages import comma_separated, escaped
from mlpkit.sources.errors import InputError
from mlpkit.sources.kinds import kind_of, plain

Task = Literal["classification", "regression"]
TASKS: tuple[Task, ...] = ("classification", "regression")

MAX_CLASSES = 20  # number of different whole numbers that are classes
ROWS_PER_CLASS = 10  # average number of rows of each whole number that is a class
MAX_TEXT_CLASSES = 0.5  # number of different texts that are classes, as a share of the rows


class Inference(NamedTuple):
    """A task and the reason for it, as a line of text."""

    task: Task
    reason: str


def inferred_task(target: pa.Table, requested: str | None = None) -> Inference:
    """Return the task of the target columns.

    Text, categories and booleans are classes. Whole numbers are classes if there are at most 20
    different ones, each in 10 rows on average. All other numbers are values to predict. Several
    columns are labels if each has two classes, and values to predict if all contain numbers.

    Raises InputError if a column contains neither, if text differs in most rows, or if another
    task is requested.

    >>> inferred_task(pa.table({"y": ["a", "b", "a", "b"]})).reason
    'y: text, 2 different values -> classification'
    """
    columns = {name: plain(target.column(name)) for name in target.column_names}
    for name, column in columns.items():
        _check_kind(name, column)
    if requested is not None:
        task = _known(requested)
        if task == "regression":
            _check_numbers(columns)
        return Inference(task, f"{_names(columns)}: {task}, as requested")
    if len(columns) > 1:
        return _of_several(columns)
    ((name, column),) = columns.items()
    task, what = _of_one(column)
    if kind_of(column.type) == "text":
        _check_classes(name, column)
    return Inference(task, f"{escaped(name)}: {what} -> {task}")


def _known(name: str) -> Task:
    """The task of this name, which may be from a file of settings."""
    for task in TASKS:
        if name == task:
            return task
    raise InputError(f"task must be {' or '.join(map(repr, TASKS))}, got {escaped(name)!r}")


def _of_one(column: Any) -> tuple[Task, str]:
    n_different = len(compute.unique(column.drop_null()))
    values = f"{n_different:,} different value{'' if n_different == 1 else 's'}"
    kind = kind_of(column.type)
    if kind != "number":
        return "classification", f"{kind}, {values}"
    if not _is_whole(column):
        return "regression", "real numbers"
    if n_different > MAX_CLASSES:
        return "regression", f"whole numbers, {values} (more than {MAX_CLASSES})"
    if n_different * ROWS_PER_CLASS > len(column) and n_different > 2:
        few = f"fewer than {ROWS_PER_CLASS} rows of each"
        return "regression", f"whole numbers, {values} ({few})"
    return "classification", f"whole numbers, {values}"


def _of_several(columns: dict[str, Any]) -> Inference:
    inferred = {name: _of_one(column) for name, column in columns.items()}
    names = _names(columns)
    binary = [
        kind_of(c.type) == "boolean" or (_of_one(c)[0] == "classification" and _is_indicator(c))
        for c in columns.values()
    ]
    if all(binary):
        return Inference("classification", f"{names}: labels of 0 and 1 -> classification")
    if all(kind_of(c.type) == "number" for c in columns.values()):
        return Inference("regression", f"{names}: numbers -> regression")
    name = next(name for name, is_binary in zip(inferred, binary, strict=True) if not is_binary)
    raise InputError(
        f"several targets must all be labels of 0 and 1, or all be numbers, but {escaped(name)!r}"
        f" contains {inferred[name][1]}"
    )


def _check_kind(name: str, column: Any) -> None:
    kind = kind_of(column.type)
    if kind == "empty" or not len(column):
        raise InputError(f"the target {escaped(name)!r} has no value")
    if kind not in ("text", "boolean", "number"):
        raise InputError(
            f"the target {escaped(name)!r} must contain classes or numbers, but its type is"
            f" {column.type}"
        )


def _check_classes(name: str, column: Any) -> None:
    """Raise InputError if most rows have a class of their own."""
    values = compute.unique(column)
    if len(values) > max(2, MAX_TEXT_CLASSES * len(column)):
        raise InputError(
            f"the target {escaped(name)!r} contains {len(values):,} different texts in"
            f" {len(column):,} rows, such as {escaped(values[0])!r}. Pass another --target, or"
            " --task classification if these are classes."
        )


def _check_numbers(columns: dict[str, Any]) -> None:
    for name, column in columns.items():
        if kind_of(column.type) == "text":
            raise InputError(
                f"--task regression requires numbers, but the target {escaped(name)!r} contains"
                " text"
            )


def _is_whole(column: Any) -> bool:
    if pa.types.is_integer(column.type):
        return True
    values = column.cast(pa.float64()).drop_null()
    return compute.all(compute.equal(compute.round(values), values)).as_py() is not False


def _is_indicator(column: Any) -> bool:
    return set(compute.unique(column.drop_null()).to_pylist()) <= {0, 1}


def _names(columns: Sequence[str] | dict[str, Any]) -> str:
    return comma_separated(columns)
