"""The rows of ``mlpkit fit``: in memory, or in files that are read in parts."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from mlpkit.commands.arguments import csv_options
from mlpkit.commands.fitting.columns import (
    Roles,
    Rows,
    check_numeric,
    has_missing,
    roles_of,
    rows_of,
    text_types,
)
from mlpkit.commands.fitting.settings import Settings
from mlpkit.commands.fitting.tasks import Inference, inferred_task
from mlpkit.commands.fitting.validation import Valid, divided, held_out, valid_of
from mlpkit.sources import memory_budgets, scan
from mlpkit.sources.csv_files import CsvOptions
from mlpkit.sources.opening import opened
from mlpkit.sources.reading import Tables
from mlpkit.sources.scan import Scan


class Data(NamedTuple):
    """The rows of a fit, as tables of pyarrow or as scans."""

    name: str
    roles: Roles
    train: Any
    valid: Any  # or None
    inference: Inference

    def rows(self, part: Any, accepts_text: bool) -> Rows:
        """The training or the validation rows in the form of `fit`."""
        if not isinstance(part, Scan):
            return rows_of(part, self.roles, accepts_text)
        if not accepts_text:
            _check_numeric(part, self.roles)
        return Rows(part, None, None, None, part.n_rows, len(part.features))


@contextmanager
def read_data(settings: Settings) -> Iterator[Data]:
    """Return the rows, divided into training and validation rows, and the task.

    Rows in files can be read until the end of the context.
    """
    assert settings.data is not None and settings.target is not None
    options = csv_options(argparse.Namespace(**vars(settings)))
    is_large = settings.memory is not None or settings.cache is not None
    with ExitStack() as stack:
        tables = stack.enter_context(opened(settings.data, options, several_times=is_large))
        valid = valid_of(settings.valid, tables)
        marks = [valid.name] if valid is not None and valid.kind == "column" else []
        roles = roles_of(
            tables,
            settings.target,
            settings.drop or [],
            settings.categorical or [],
            settings.group or [],
            settings.weight,
            marks,
        )
        if is_large:
            files = Files(settings, roles, options, stack)
            yield files.data(tables, valid, marks)
            return
        names = list(dict.fromkeys([*roles.names, *marks]))
        table = tables.table(names, text_types(roles.categorical))
        inference = inferred_task(table.select(roles.target), settings.task)
        target = _single_class(inference, roles)
        train, held = divided(valid, table, target, settings.seed or 0, options)
        yield Data(tables.name, roles, train, held, inference)


class Files(NamedTuple):
    """How files are read in parts; they are closed at the end of the stack."""

    settings: Settings
    roles: Roles
    options: CsvOptions
    stack: ExitStack

    def data(self, tables: Tables, valid: Valid | None, marks: list[str]) -> Data:
        """The rows of files; the column of ``marks`` distinguishes the validation rows."""
        rows = self._scan(tables, marks)
        target = rows.columns(self.roles.target)
        inference = inferred_task(target, self.settings.task)
        train, held = rows, None
        if valid is not None and valid.kind == "file":
            other = self.stack.enter_context(opened(valid.name, self.options, several_times=True))
            held = self._scan(other, [])
        elif valid is not None:
            read = rows.columns([*self.roles.target, *marks])
            single = _single_class(inference, self.roles)
            is_valid = held_out(valid, read, single, self.settings.seed or 0)
            train, held = rows.selected(~is_valid), rows.selected(is_valid)
        return Data(tables.name, self.roles, train, held, inference)

    def _scan(self, tables: Tables, marks: list[str]) -> Scan:
        roles, settings = self.roles, self.settings
        labels = [name for name in roles.groups if name not in roles.features] + marks
        known = {*roles.features, *roles.names, *marks}
        drop = [name for name in tables.names if name not in known]
        columns = scan.Roles(roles.target, roles.weight, labels, drop, roles.categorical)
        memory = memory_budgets.budget(settings.memory)
        return Scan(tables, columns, memory, self.options, settings.cache)


def _single_class(inference: Inference, roles: Roles) -> list[str] | None:
    """The target by which validation rows are stratified; None if it is not one of classes."""
    is_single = inference.task == "classification" and len(roles.target) == 1
    return roles.target if is_single else None


def _check_numeric(rows: Scan, roles: Roles) -> None:
    """Raise InputError unless all features are numbers or booleans without missing values."""
    types: dict[str, Any] = {}
    missing: set[str] = set()
    for part in rows.features_only().parts():
        types = types or {field.name: field.type for field in part.schema}
        missing |= {name for name in part.column_names if has_missing(part.column(name))}
    check_numeric(types, missing, roles)
