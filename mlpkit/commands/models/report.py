"""The command ``mlpkit report``, from its arguments to the report and the exit code."""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

import mlpkit
from mlpkit.commands.arguments import csv_options
from mlpkit.commands.models.groups import labels_of, partitioners, quantiles_of
from mlpkit.commands.models.inputs import Inputs, inputs_of
from mlpkit.commands.models.limits import Limits, limits_of
from mlpkit.commands.models.targets import target_of, target_type, targets
from mlpkit.commands.output_files import check_writable
from mlpkit.commands.program_name import program_name
from mlpkit.commands.running import FAILED
from mlpkit.files.atomic_file import write_atomically
from mlpkit.messages import comma_separated, escaped
from mlpkit.metrics.arguments import DEFAULTS
from mlpkit.plugin import Dataset
from mlpkit.reports.evaluation import evaluate
from mlpkit.sources.errors import InputError
from mlpkit.sources.kinds import as_numbers, numpy_of
from mlpkit.sources.opening import opened
from mlpkit.sources.reading import Tables

FORMATS = {".html": "html", ".htm": "html", ".json": "json", ".csv": "csv", ".txt": "text"}


def main(options: argparse.Namespace) -> int:
    """Write the report and check the limits; return the exit code."""
    form = format_of(options)
    limits = Limits(
        limits_of("--min", options.min),
        limits_of("--max", options.max),
        limits_of("--max-difference", options.max_difference),
        limits_of("--min-ratio", options.min_ratio),
    )
    quantiles = [quantiles_of(text) for text in options.by_quantile or []]
    by = list(dict.fromkeys(options.by or []))
    if (limits.max_difference or limits.min_ratio) and not (by or quantiles):
        raise ValueError("--max-difference and --min-ratio compare groups. Pass --by COLUMN.")
    if options.output is not None:
        check_writable(options.output, (options.model, *options.data))
    estimator = mlpkit.load(options.model)
    names = target_of(estimator, options.target, options.model)
    with opened(options.data, csv_options(options), several_times=bool(quantiles)) as tables:
        tables.check_columns(names, "--target")
        weight = [] if options.weight is None else [options.weight]
        tables.check_columns(weight, "--weight")
        columns = [*by, *(q.column for q in quantiles)]
        groups = partitioners(by, quantiles, tables)
        inputs = inputs_of(estimator, tables, [*names, *weight])
        report = evaluate(
            estimator,
            chunks(estimator, inputs, tables, names, options.weight, columns),
            metrics=metrics_of(estimator, options.metrics, limits),
            partitions=groups,
            confidence=options.confidence or None,
            min_rows=options.min_rows,
            calibration=form == "html",
        )
        failures = limits.check(report, options.significant)
    details = {"model": options.model, "data": tables.name, "target": comma_separated(names)}
    write(report, estimator, failures if limits.metrics else None, details, form, options)
    for failure in failures:
        print(f"{program_name()} report: failed: {failure}", file=sys.stderr)
    return FAILED if failures else 0


def format_of(options: argparse.Namespace) -> str:
    """Return the format of the output: as requested, or by the suffix; text without a file."""
    if options.format is not None:
        return str(options.format)
    if options.output is None:
        return "text"
    suffix = Path(options.output).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(
            f"{escaped(options.output)}: the suffix of a report must be one of:"
            f" {comma_separated(FORMATS)}; or pass --format"
        )
    return FORMATS[suffix]


def metrics_of(estimator: Any, requested: Sequence[str] | None, limits: Limits) -> list[str]:
    """Return the names of the metrics: those requested, or those of the task; and with limits."""
    names = requested or DEFAULTS[estimator._targets.task]
    return list(dict.fromkeys([*names, *limits.metrics]))


def chunks(
    estimator: Any,
    inputs: Inputs,
    tables: Tables,
    target: list[str],
    weight: str | None,
    by: list[str],
) -> Iterator[Dataset]:
    """Yield the rows in batches, with targets, weights and the columns of groups."""
    weights = [] if weight is None else [weight]
    names = list(dict.fromkeys([*inputs.kinds, *target, *weights, *by]))
    types = {
        **dict.fromkeys(weights, pa.float64()),
        **dict.fromkeys(target, target_type(estimator)),
        **inputs.types,
    }
    is_empty = True
    for batch in tables.batches(names, types):
        is_empty = False
        w = None if weight is None else numpy_of(as_numbers(batch.column(weight), weight), weight)
        y = targets(estimator, batch, target)
        yield Dataset(inputs.rows(batch), y, w, labels_of(batch, by))
    if is_empty:
        raise InputError(f"{tables.name} contains no rows")


def write(
    report: Any,
    estimator: Any,
    failures: list[Any] | None,
    details: dict[str, str],
    form: str,
    options: argparse.Namespace,
) -> None:
    """Write the report to the file, and as text to standard output; without a file only there."""
    title = options.title or f"{details['target']}: {Path(details['model']).name}"
    text = {
        "html": lambda: report.to_html(
            title=title, estimator=estimator, failures=failures, details=details
        ),
        "json": lambda: json_of(report, failures, details),
        "csv": report.to_csv,
        "text": lambda: f"{report}\n",
    }[form]()
    if options.output is None:
        if options.format is not None or not options.quiet:
            sys.stdout.write(text)
        return
    data = text.encode()
    write_atomically(options.output, lambda file: file.write(data))
    if not options.quiet:
        print(report)
        print(f"Wrote {escaped(options.output)}", file=sys.stderr)


def json_of(report: Any, failures: list[Any] | None, details: dict[str, str]) -> str:
    """Return the report as JSON, with null for undefined values."""
    entries = [entry._asdict() for entry in report.entries]
    violated = [{**f._asdict(), "message": str(f)} for f in failures or []]
    content: dict[str, Any] = {
        **details,
        "passed": not violated,
        "values": entries,
        "failures": violated,
    }
    return json.dumps(_finite(content), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
