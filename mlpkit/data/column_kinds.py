"""The kinds of the columns that a model was fitted to."""

from collections.abc import Sequence
from typing import Any, Literal

from mlpkit.plugin import Column, TableColumn

#: What a column of a table contains.
Kind = Literal["number", "boolean", "text", "date", "empty", "other"]


def encoder_kinds(names: Sequence[str], encoder: Any) -> dict[str, Kind]:
    """Return the kind of each column of the table that a fitted encoder expects.

    It is "other" for a column of which the encoder makes nothing.
    """
    if not hasattr(encoder, "portable"):
        return column_kinds(names, getattr(encoder, "columns", ()))
    kinds = {names[c.position]: _kind(c) for c in encoder.portable().columns}
    return {name: kinds.get(name, "other") for name in names}


def _kind(column: TableColumn) -> Kind:
    if column.kind == "category":
        return "text" if column.has_strings else "number"
    return column.kind


def column_kinds(names: Sequence[str], columns: Sequence[Column]) -> dict[str, Kind]:
    """Return the kind of each column of a table from the columns that an encoder makes of it.

    A number has its own name there, while statistics of a category have others.

    >>> made = [Column("age", "age"), Column("sex_f", "sex", "one_hot"),
    ...         Column("city", "city", "category", 99), Column("city_mean", "city")]
    >>> column_kinds(["age", "sex", "city"], made)
    {'age': 'number', 'sex': 'text', 'city': 'text'}
    """
    kinds: dict[str, Kind] = {}
    for name in names:
        made = [column for column in columns if column.source == name]
        known = {column.kind for column in made}
        if "date" in known:
            kinds[name] = "date"
        elif any(column.kind == "numeric" and column.name == name for column in made):
            kinds[name] = "number"
        elif known & {"one_hot", "category"}:
            kinds[name] = "text"
        elif "boolean" in known:
            kinds[name] = "boolean"
        else:
            kinds[name] = "number" if "numeric" in known else "other"
    return kinds
