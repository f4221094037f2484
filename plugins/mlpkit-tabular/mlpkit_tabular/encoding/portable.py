"""The encoding of tables in the functions of `xp`, for exporters.

The arrays of the columns of the table are those of `mlpkit.plugin.TableColumn`. Each function of a
part returns its encoded columns, in their order, as matrices (n, k).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mlpkit.plugin import Array, Namespace, PortableEncoding, TableColumn
from mlpkit_tabular.encoding.categories import Categories, Levels
from mlpkit_tabular.encoding.dates import DAY, PARTS, YEAR, Dates
from mlpkit_tabular.encoding.level_means import Means
from mlpkit_tabular.encoding.numeric import Booleans, Numbers
from mlpkit_tabular.encoding.parts import Parts
from mlpkit_tabular.encoding.scaling import LARGEST, Scales
from mlpkit_tabular.encoding.schema import Schema

MICROSECONDS = 1e6 * DAY  # microseconds of a day


class Rows(NamedTuple):
    """The arrays of the columns (n,), and the levels of categories, by position in the table."""

    arrays: dict[int, Any]
    levels: dict[int, tuple[str, ...]]

    def matrix(self, xp: Namespace, positions: Any) -> Any:
        """Return some of the columns, (n, k)."""
        return xp.stack([self.arrays[int(position)] for position in positions], axis=1)


def portable_encoding(schema: Schema, parts: Parts) -> PortableEncoding:
    """Return the description of a fitted encoder."""
    levels = _levels(parts)
    columns = _columns(schema, parts, levels)

    def encode(xp: Namespace, arrays: list[Any]) -> Any:
        by_position = {c.position: a for c, a in zip(columns, arrays, strict=True)}
        rows = Rows(by_position, levels)
        matrices = [
            matrix
            for name, part in parts.by_name.items()
            for matrix in _ENCODE[name](xp, part, rows)
        ]
        return xp.astype(
            xp.concat([xp.astype(m, xp.float64) for m in matrices], axis=1), xp.float32
        )

    return PortableEncoding(columns, encode)


def _levels(parts: Parts) -> dict[int, tuple[str, ...]]:
    """The levels that the parts distinguish, by the position of the column."""
    levels: dict[int, set[str]] = {}
    for name in ("categories", "means"):
        for feature in parts.by_name[name].features:
            levels.setdefault(feature.position, set()).update(feature.levels)
    return {position: tuple(sorted(of_column)) for position, of_column in levels.items()}


def _columns(
    schema: Schema, parts: Parts, levels: dict[int, tuple[str, ...]]
) -> tuple[TableColumn, ...]:
    """The columns of the table that had values in `fit`."""
    # a mean of missing values is that of unknown levels
    missing = {f.position for f in parts.by_name["categories"].features if f.missing}
    columns = []
    for i, (name, kind) in enumerate(zip(schema.names, schema.kinds, strict=True)):
        origin = schema.origins[i]
        if kind == "category" and (levels.get(i) or origin in ("string", "category")):
            values = _in_table(levels.get(i, ()), origin)
            columns.append(TableColumn(name, i, "category", values, i in missing))
        elif kind in ("boolean", "date"):
            columns.append(TableColumn(name, i, kind))
        elif kind != "missing":
            columns.append(TableColumn(name, i, "number"))
    return tuple(columns)


def _in_table(levels: tuple[str, ...], origin: str) -> tuple[Any, ...]:
    """The levels as in the table: strings, or numbers of a categorical column."""
    if origin == "number":
        return tuple(map(float, levels))
    if origin == "boolean":
        return tuple(float(level == "True") for level in levels)
    return levels


def _numbers(xp: Namespace, part: Numbers, rows: Rows) -> list[Any]:
    """Scaled numbers, indicators of missing values, codes of exact values."""
    positions, varying = np.array(part.positions, dtype=int), part.scales.factor > 0
    result = []
    if varying.any():
        x = rows.matrix(xp, positions[varying])
        result.append(_scaled(xp, part.scales.of(varying), x))
    if part.missing.any():
        result.append(xp.isnan(rows.matrix(xp, positions[part.missing])))
    for i, values in part.tied.items():
        result.append(_codes(xp, rows.arrays[part.positions[i]], values)[:, None])
    return result


def _scaled(xp: Namespace, scales: Scales, x: Any) -> Any:
    """The scaled numbers of columns (n, k), whose factors are not zero."""
    center, factor, low, high = (xp.asarray(s, dtype=xp.float64) for s in scales)
    x = xp.where(x == np.inf, high, xp.where(x == -np.inf, low, x))
    z = (x - center) * factor
    z = xp.clip(xp.where(xp.isnan(z), 0.0, z), -LARGEST, LARGEST)
    return z / xp.sqrt(1 + (z / 3) ** 2)


def _codes(xp: Namespace, x: Any, values: Array) -> Any:
    """The position of each number among values; their number if it is another one."""
    n = len(values)
    equal = xp.astype(x[:, None] == xp.asarray(values, dtype=xp.float64), xp.float64)
    from_end = xp.asarray(np.arange(n) - float(n), dtype=xp.float64)
    return xp.sum(equal * from_end, axis=1) + float(n)


def _dates(xp: Namespace, part: Dates, rows: Rows) -> list[Any]:
    """The scaled parts of dates that vary, and indicators of missing dates."""
    varying = part.scales.factor > 0
    parts = [p for position in part.positions for p in _parts_of(xp, rows.arrays[position])]
    used = [p for p, varies in zip(parts, varying, strict=True) if varies]
    result = [_scaled(xp, part.scales.of(varying), xp.stack(used, axis=1))] if used else []
    if part.missing.any():
        result.append(xp.isnan(rows.matrix(xp, np.array(part.positions)[part.missing])))
    return result


def _parts_of(xp: Namespace, date: Any) -> list[Any]:
    """The parts of dates, which are microseconds since 1970, in the order of `PARTS`.

    Years begin in March, so that the day in a leap year comes last, and the length of a month
    follows from a linear function of its number.
    """
    day = _quotient(xp, date, MICROSECONDS)
    in_day = (date - day * MICROSECONDS) / 1e6
    since_march = day + 719468  # days since March 1 of the year 0
    era = _quotient(xp, since_march, 146097.0)  # of 400 years
    of_era = since_march - era * 146097
    years = xp.floor(
        (of_era - xp.floor(of_era / 1460) + xp.floor(of_era / 36524) - xp.floor(of_era / 146096))
        / 365
    )
    first = 365 * years + xp.floor(years / 4) - xp.floor(years / 100)
    of_year = of_era - first
    month_since_march = xp.floor((5 * of_year + 2) / 153)
    day_of_month = of_year - xp.floor((153 * month_since_march + 2) / 5) + 1
    is_next_year = xp.astype(month_since_march > 9.5, xp.float64)
    month = month_since_march + 3 - 12 * is_next_year
    year = years + 400 * era + is_next_year
    before = year - 1  # the days from the year 1 to the first of January
    january = 365 * before + xp.floor(before / 4) - xp.floor(before / 100) + xp.floor(before / 400)
    season = 2 * np.pi * ((day - (january - 719162)) / YEAR)
    time = 2 * np.pi * in_day / DAY
    since_monday = day + 3
    parts = {
        "elapsed": day + in_day / DAY,
        "year": year,
        "month": month,
        "day": day_of_month,
        "day_of_week": since_monday - 7 * _quotient(xp, since_monday, 7.0),
        "hour": in_day / 3600,
        "season_sin": xp.sin(season),
        "season_cos": xp.cos(season),
        "hour_sin": xp.sin(time),
        "hour_cos": xp.cos(time),
    }
    return [parts[name] for name in PARTS]


def _quotient(xp: Namespace, x: Any, divisor: float) -> Any:
    """The quotient of whole numbers, rounded down also where the division rounds up."""
    quotient = xp.floor(x / divisor)
    return quotient - xp.astype(x < quotient * divisor, xp.float64)


def _booleans(xp: Namespace, part: Booleans, rows: Rows) -> list[Any]:
    """0 or 1, and indicators of missing values."""
    positions = np.array(part.positions, dtype=int)
    result = []
    if part.varying.any():
        result.append(rows.matrix(xp, positions[part.varying]) == 1.0)
    if part.missing.any():
        result.append(xp.isnan(rows.matrix(xp, positions[part.missing])))
    return result


def _categories(xp: Namespace, part: Categories, rows: Rows) -> list[Any]:
    """One-hot columns or codes of the slots."""
    result: list[Any] = []
    for feature, known in zip(part.features, part.known, strict=True):
        table = _slots(feature, known, rows.levels[feature.position])
        slots = xp.take(xp.asarray(table, dtype=xp.float64), rows.arrays[feature.position], axis=0)
        if feature.one_hot:
            width = len(feature.levels) + feature.rare + feature.missing
            result.append(slots[:, None] == xp.asarray(np.arange(float(width)), dtype=xp.float64))
        else:
            result.append(slots[:, None])
    return result


def _slots(feature: Levels, known: dict[str, int], levels: tuple[str, ...]) -> Array:
    """The slot of each level, of other values, and of missing ones."""
    of_levels = feature.slots_of_strings(list(levels), known)
    return np.array([*of_levels, *feature.last_slots()], dtype=float)


def _means(xp: Namespace, part: Means, rows: Rows) -> list[Any]:
    """The scaled means of the targets by level."""
    result = []
    for feature, known in zip(part.features, part.known, strict=True):
        last = len(feature.levels)
        row = [known.get(level, last) for level in rows.levels[feature.position]]
        table = feature.scales(feature.means[[*row, last, last]].T).T
        codes = rows.arrays[feature.position]
        result.append(xp.take(xp.asarray(table, dtype=xp.float64), codes, axis=0))
    return result


_ENCODE: dict[str, Callable[[Namespace, Any, Rows], list[Any]]] = {
    "numbers": _numbers,
    "dates": _dates,
    "booleans": _booleans,
    "categories": _categories,
    "means": _means,
}
