"""The option --valid: validation rows from a file, a fraction of the rows, or a column."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from sklearn.model_selection import train_test_split

from mlpkit.messages import escaped
from mlpkit.plugin import Array
from mlpkit.sources.csv_files import CsvOptions
from mlpkit.sources.errors import InputError
from mlpkit.sources.kinds import plain
from mlpkit.sources.opening import opened
from mlpkit.sources.reading import Tables

VALID = ("valid", "validation", "val", "true", "1")
TRAIN = ("train", "training", "false", "0")


class Valid(NamedTuple):
    """What --valid refers to."""

    kind: Literal["fraction", "column", "file"]
    fraction: float = 0.0
    name: str = ""  # of the column or file


def valid_of(text: str | None, tables: Tables) -> Valid | None:
    """Return what --valid refers to: a number, or a column of the table, or else a file."""
    if text is None:
        return None
    try:
        fraction = float(text)
    except ValueError:
        if text in tables.names:
            return Valid("column", name=text)
        if Path(text).exists():
            return Valid("file", name=text)
        raise InputError(
            f"--valid: {escaped(text)!r} is neither a number, nor a column, nor a file. Pass a"
            " fraction such as 0.2, the name of a column, or a file."
        ) from None
    if not 0 < fraction < 1:
        raise InputError(f"--valid: the fraction must be between 0 and 1, got {escaped(text)}")
    return Valid("fraction", fraction)


def divided(
    valid: Valid | None,
    table: pa.Table,
    target: list[str] | None,
    seed: int,
    options: CsvOptions,
) -> tuple[pa.Table, pa.Table | None]:
    """Return the training rows and the validation rows, see `held_out`."""
    if valid is None:
        return table, None
    if valid.kind == "file":
        types = {f.name: f.type for f in table.schema if not pa.types.is_null(f.type)}
        with opened(valid.name, options) as other:
            return table, other.table(table.column_names, types)
    is_valid = held_out(valid, table, target, seed)
    return table.filter(pa.array(~is_valid)), table.filter(pa.array(is_valid))


def held_out(valid: Valid, table: pa.Table, target: list[str] | None, seed: int) -> Array:
    """Return which rows of a table are validation rows: those of a column, or drawn ones.

    A fraction is drawn with the seed; the classes of a single ``target`` have the same fractions
    in both parts, as far as possible. Pass None for other targets.
    """
    if valid.kind == "fraction":
        return _drawn(table, valid.fraction, target, seed)
    is_valid = _marked(table.column(valid.name), valid.name)
    for rows, what in ((is_valid, "validation"), (~is_valid, "training")):
        if not rows.any():
            raise InputError(f"--valid: the column {escaped(valid.name)!r} has no {what} rows")
    return is_valid


def _drawn(table: pa.Table, fraction: float, target: list[str] | None, seed: int) -> Array:
    """Whether each row is a validation row."""
    if table.num_rows < 2:
        raise InputError("--valid: a fraction requires at least two rows")
    codes = None
    if target is not None:
        column = plain(table.column(target[0])).combine_chunks().dictionary_encode()
        codes = np.asarray(column.indices.fill_null(-1))
        sizes = np.unique(codes, return_counts=True)[1]
        n_held = int(np.ceil(table.num_rows * fraction))
        if sizes.min() < 2 or min(n_held, table.num_rows - n_held) < len(sizes):
            codes = None
    indices = np.arange(table.num_rows)
    try:
        _, held = train_test_split(indices, test_size=fraction, random_state=seed, stratify=codes)
    except ValueError as error:
        raise InputError(f"--valid: {error}") from error
    is_valid = np.zeros(table.num_rows, dtype=bool)
    is_valid[held] = True
    return is_valid


def _marked(column: Any, name: str) -> Array:
    """Whether each row is a validation row; InputError for other values."""
    words = [str(value).strip().lower().removesuffix(".0") for value in plain(column).to_pylist()]
    unknown = next((word for word in words if word not in (*VALID, *TRAIN)), None)
    if unknown is not None:
        raise InputError(
            f"--valid: the column {escaped(name)!r} must contain true, 1 or 'valid' for validation"
            f" rows and false, 0 or 'train' for training rows, but contains {escaped(unknown)!r}"
        )
    return np.array([word in VALID for word in words], dtype=bool)
