"""The command ``mlpkit predict``, from its arguments to the written predictions."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

import mlpkit
from mlpkit.commands.arguments import csv_options
from mlpkit.commands.models.inputs import Inputs, inputs_of
from mlpkit.commands.models.names import TARGET
from mlpkit.commands.output_files import check_writable
from mlpkit.commands.table_outputs import STDOUT, write_table, writer_of
from mlpkit.messages import escaped
from mlpkit.plugin import Array
from mlpkit.sources.errors import InputError
from mlpkit.sources.kinds import plain
from mlpkit.sources.opening import opened
from mlpkit.sources.reading import Tables

PREDICTION, PROBABILITY = "prediction", "probability"


def main(options: argparse.Namespace) -> int:
    """Write the predictions; return the exit code."""
    output = options.output or STDOUT
    writer_of(output)
    if output != STDOUT:
        check_writable(output, (options.model, *options.data))
    estimator = mlpkit.load(options.model)
    if options.proba and not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"--proba: {escaped(options.model)} is a {type(estimator).__name__}, which predicts"
            " numbers and has no probabilities. Omit --proba."
        )
    keep = options.keep or []
    with opened(options.data, csv_options(options)) as tables:
        tables.check_columns(keep, "--keep")
        inputs = inputs_of(estimator, tables, keep)
        made = predicted(estimator, inputs, tables, keep, options.proba)
        n_rows = write_table(output, made)
    if output != STDOUT and not options.quiet:
        print(f"Wrote {n_rows:,} predictions to {escaped(output)}", file=sys.stderr)
    return 0


def predicted(
    estimator: Any, inputs: Inputs, tables: Tables, keep: list[str], proba: bool
) -> Iterator[pa.Table]:
    """Yield tables of the kept columns and the predictions, one for each batch of rows.

    There is at least one table, which may have no row.
    """
    names = list(dict.fromkeys([*inputs.kinds, *keep]))
    kept_as_text = {name: pa.string() for name in keep if name not in inputs.kinds}
    is_empty = True
    for batch in tables.batches(names, {**inputs.types, **kept_as_text}):
        is_empty = False
        rows = inputs.rows(batch)
        columns: dict[str, Any] = {name: plain(batch.column(name)) for name in keep}
        for name, values in prediction_columns(estimator, rows, proba):
            if name in columns:
                raise InputError(
                    f"--keep: {escaped(name)!r} is also the name of a column of predictions. Rename"
                    " it in the data, or remove it from --keep."
                )
            columns[name] = values
        yield pa.table(columns)
    if is_empty:
        raise InputError(f"{tables.name} contains no rows")


def prediction_columns(estimator: Any, rows: pa.Table, proba: bool) -> Iterable[tuple[str, Any]]:
    """Yield the name and the values of each column of predictions."""
    predictions = np.asarray(estimator.predict(rows))
    if predictions.ndim == 1:
        yield PREDICTION, arrow_array(predictions)
    else:
        outputs = output_names(estimator, predictions.shape[1])
        for name, column in zip(outputs, predictions.T, strict=True):
            yield f"{PREDICTION}_{name}", arrow_array(column)
    if proba:
        names = estimator.classes_.tolist() if predictions.ndim == 1 else outputs
        for name, column in zip(names, np.asarray(estimator.predict_proba(rows)).T, strict=True):
            yield f"{PROBABILITY}_{name}", arrow_array(column)


def output_names(estimator: Any, n: int) -> list[str]:
    """Return the names of the targets of a fit of several columns, or else numbers from 0."""
    names = getattr(estimator, TARGET, None) or ()
    return list(names) if len(names) == n else [str(i) for i in range(n)]


def arrow_array(values: Array) -> Any:
    """Return an array of NumPy as one of Arrow; class labels of mixed types as text."""
    if values.dtype.kind != "O":
        return pa.array(values)
    objects = values.tolist()
    same = len(set(map(type, objects))) <= 1
    return pa.array(objects if same else list(map(str, objects)))
