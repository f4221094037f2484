"""The sums and the kept rows of an accumulator as plain values, and back."""

from collections.abc import Sequence
from dataclasses import fields as fields_of
from typing import Any, get_args

import numpy as np

from mlpkit.files.fields import Fields
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.group_sums import GroupSums
from mlpkit.metrics.kept_rows import KeptChunk, KeptRows
from mlpkit.plugin import Array, Groups, Metric, Predictions, Task

TASKS: tuple[Task, ...] = get_args(Task)


def accumulator_state(accumulator: Accumulator) -> dict[str, Any]:
    """Return the state without the metrics, for an accumulator that is not strict."""
    functions: list[Any] = [*accumulator.row_statistics, *accumulator.deviations]
    sums = accumulator.sums
    return {
        "labels": [list(label) for label in accumulator.labels],
        "sums": None if sums is None else {f.name: getattr(sums, f.name) for f in fields_of(sums)},
        "kept": [_chunk_state(chunk) for chunk in accumulator.kept.chunks],
        "errors": dict(accumulator.errors),
        "widths": [[functions.index(f), width] for f, width in accumulator.widths.items()],
        "task": accumulator.task,
    }


def accumulator_of(state: Any, metrics: Sequence[Metric], classes: Array | None) -> Accumulator:
    """Return the accumulator of these metrics with a state; raise ValueError if it is invalid."""
    fields = Fields(state, "stream")
    made = Accumulator(metrics, strict=False)
    made.labels = fields.pairs("labels")
    functions: list[Any] = [*made.row_statistics, *made.deviations]
    for pair in fields.value("widths", list):
        match pair:
            case [int(i), int(width)] if 0 <= i < len(functions) and width >= 0:
                made.widths[functions[i]] = width
            case _:
                raise fields.invalid("widths", pair, "an index and a number of columns")
    if fields.has("sums"):
        widths = [
            sum(made.widths.get(function, 1) for function in functions)
            for functions in (made.row_statistics, made.deviations)
        ]
        made.sums = _sums_of(fields.fields("sums"), len(made.labels), *widths)
        made.task, made.classes = _task(fields), classes
    chunks = [_chunk_of(chunk, classes) for chunk in fields.value("kept", list)]
    made.kept = KeptRows(tuple(chunks))
    made.errors = {name: str(reason) for name, reason in fields.fields("errors").values.items()}
    return made


def _task(fields: Fields) -> Task:
    return fields.text("task", TASKS)  # type: ignore[return-value]


def _sums_of(fields: Fields, n_groups: int, k: int, q: int) -> GroupSums:
    last: dict[str, tuple[int, ...]] = dict.fromkeys(("centre", "first", "second"), (q,))
    last["row_statistics"] = (k,)
    return GroupSums(
        **{
            f.name: fields.array(f.name, (n_groups, 1, 1, *last.get(f.name, ())), "if")
            for f in fields_of(GroupSums)
        }
    )


def _chunk_state(chunk: KeptChunk) -> dict[str, Any]:
    """The rows without the classes, which are those of the estimator."""
    return {
        "predictions": {n: v for n, v in chunk.predictions._asdict().items() if n != "classes"},
        "groups": {name: [g.codes, list(g.names)] for name, g in chunk.groups.items()},
        "weight": chunk.weight,
    }


def _chunk_of(state: Any, classes: Array | None) -> KeptChunk:
    fields = Fields(state, "stream.kept")
    rows = fields.fields("predictions")
    n = len(rows.array("y_true"))
    arrays: dict[str, Any] = {}
    for name in Predictions._fields[2:]:
        if rows.has(name):
            arrays[name] = rows.array(name)
            if len(arrays[name]) != n:
                raise rows.invalid(name, arrays[name], f"{n} rows")
    groups = {
        str(name): _groups_of(fields, value, n)
        for name, value in fields.fields("groups").values.items()
    }
    weight = fields.array("weight", (n,)) if fields.has("weight") else None
    return KeptChunk(Predictions(_task(rows), classes, **arrays), groups, weight)


def _groups_of(fields: Fields, state: Any, n_rows: int) -> Groups:
    match state:
        case [np.ndarray() as codes, list(names)] if len(codes) == n_rows:
            if codes.ndim == 2 and codes.dtype == bool and codes.shape[1] == len(names):
                return Groups(codes, tuple(map(str, names)))
            is_index = codes.ndim == 1 and codes.dtype.kind in "iu"
            if is_index and (not n_rows or -1 <= codes.min() <= codes.max() < len(names)):
                return Groups(codes, tuple(map(str, names)))
    raise fields.invalid("groups", state, f"the groups of {n_rows} rows")
