"""The kinds of the columns that a model was fitted to."""

from collections.abc import Mapping, Sequence
from typing import Literal

from mlpkit.plugin import Column

#: What a column of a table contains.
Kind = Literal["number", "boolean", "text", "date", "empty", "other"]

# of the columns that an encoder makes of one column, the first of these decides
KINDS: Mapping[str, Kind] = {
    "date": "date",
    "numeric": "number",
    "boolean": "boolean",
    "one_hot": "text",
    "category": "text",
}


def column_kinds(names: Sequence[str], columns: Sequence[Column]) -> dict[str, Kind]:
    """Return the kind of each column of a table from the columns that an encoder makes of it.

    >>> column_kinds(["age", "sex"], [Column("age", "age"), Column("sex_f", "sex", "one_hot")])
    {'age': 'number', 'sex': 'text'}
    """
    found: dict[str, set[str]] = {}
    for column in columns:
        found.setdefault(column.source, set()).add(column.kind)
    kinds: dict[str, Kind] = {}
    for name in names:
        made = found.get(name, set())
        kinds[name] = next((kind for known, kind in KINDS.items() if known in made), "other")
    return kinds
