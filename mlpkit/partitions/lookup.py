"""Partitioners from what a user gives; crossed, learned, and joined ones."""

import reprlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from joblib import hash as content

from mlpkit.messages import did_you_mean, plain_repr
from mlpkit.partitions import columns
from mlpkit.partitions.partitioners import by_column, by_function
from mlpkit.plugin import Array, Dataset, Groups, InvalidResult, Partitioner, PluginError
from mlpkit.registry.labels import plugin_suffix
from mlpkit.registry.lookup import installed, resolve

Join = Callable[[Any, Any], Any]
Part = tuple[str, Join | None, Any]  # of a crossed cut: name, join, cut


def cross(*parts: Any, name: str | None = None) -> Partitioner:
    """The intersections of several partitioners; a name or index is a column.

    >>> both = cross(0, 1)
    >>> sample = Sample(np.array([[1, 7], [1, 8], [2, 7]]))
    >>> both.assign(both.fit(sample), sample).names
    ('1 & 7', '1 & 8', '2 & 7')
    """
    if len(parts) < 2:
        raise ValueError("cross takes two partitioners or more: cross('sex', 'race').")
    own = " & ".join(p.name if isinstance(p, Partitioner) else str(p) for p in parts)
    functions = partial(_learn_cross, parts), partial(_assign_cross, parts)
    return Partitioner(name or own, *functions, _join_cross)


def by(name: str, **options: Any) -> Partitioner:
    """An installed partitioner by its name: ``by("k_fold", n=5)``."""
    factory, options = resolve("partitioner", name, options)
    found = factory(**options)
    if not isinstance(found, Partitioner):
        raise PluginError(
            f"partitioner {name!r} must return mlpkit.plugin.Partitioner, not {found!r}."
        )
    return found


def partitioner_of(given: Any, X: Any) -> Partitioner:
    """A partitioner as it is; an index or name of a column of X; the name of an installed one."""
    if isinstance(given, Partitioner):
        return given
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        return by_column(int(given))
    if isinstance(given, str):
        names = columns.names_of(X)
        if names is not None and given in names:
            return by_column(given)
        if given in installed().names("partitioner") or "/" in given:
            return by(given)
        columns_there = "X has no column names" if names is None else f"columns: {names[:50]}"
        raise ValueError(
            f"{given!r} is neither a column of X nor a partitioner; {columns_there};"
            f" partitioners: {', '.join(installed().names('partitioner'))}."
            f" {did_you_mean(given, [n for n in names or [] if isinstance(n, str)])}".rstrip()
        )
    if callable(given):
        return by_function(given)
    raise ValueError(
        "a partition is a column's name or index, a function of X, or a partitioner such as"
        f" by_quantile('age', 4), not {plain_repr(given)}."
    )


def partitioners_of(given: Any, X: Any) -> list[Partitioner]:
    """One or several of what `partitioner_of` takes; their names differ."""
    several = isinstance(given, Sequence) and not isinstance(given, str | Partitioner)
    found = [partitioner_of(g, X) for g in (given if several else [given])]
    names = [p.name for p in found]
    for twice in {name for name in names if names.count(name) > 1}:
        raise ValueError(
            f"two partitioners are called {twice!r}: give one a name=, as in"
            f" by_quantile('age', 4, name='age quartile')."
        )
    if "all" in names:
        raise ValueError("the whole data is always there as 'all': give the partitioner a name=.")
    return found


def learned(partitioner: Partitioner, cut: Any) -> Partitioner:
    """The partitioner with its groups settled: learning again changes nothing."""
    return partitioner._replace(fit=partial(_settled, cut))


def joined(name: str, join: Join | None, one: Any, two: Any) -> Any:
    """The cut for both parts of the data; ValueError if they can't be one."""
    if content(one) == content(two):
        return one
    if join is None:
        raise ValueError(
            f"the two cut {name!r} differently: evaluate the second one with"
            " partitions=first.partitions."
        )
    return join(one, two)


def grouped(
    partitioners: Iterable[Partitioner], cuts: dict[str, Any], sample: Dataset, n_rows: int
) -> dict[str, Groups]:
    """The groups of rows by partitioner, the whole first; learns into ``cuts`` what is new."""
    groups = {"all": Groups(np.zeros(n_rows, dtype=np.intp), ("all",))}
    for p in partitioners:
        if p.name not in cuts:
            cuts[p.name] = p.fit(sample)
        elif p.merge is not None:
            cuts[p.name] = joined(p.name, p.merge, cuts[p.name], p.fit(sample))
        groups[p.name] = assigned(p, cuts[p.name], sample, n_rows)
    return groups


def assigned(p: Partitioner, cut: Any, sample: Dataset, n_rows: int | None = None) -> Groups:
    """The groups that a partitioner assigns to rows.

    Raises InvalidResult unless names are distinct and codes are places among them, -1, or
    members (n_rows, n_groups).
    """

    def wrong(what: str) -> InvalidResult:
        return InvalidResult(f"partitioner {p.name!r}{plugin_suffix(p.assign, p.fit)}: {what}.")

    groups = p.assign(cut, sample)
    if not isinstance(groups, Groups):
        raise wrong(
            f"`assign` returned {reprlib.repr(groups)}; expected mlpkit.plugin.Groups(codes, names)"
        )
    codes, names = groups
    if len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
        raise wrong(f"group names are {reprlib.repr(names)}; expected distinct strings")
    if not isinstance(codes, np.ndarray) or codes.ndim not in (1, 2):
        raise wrong(f"codes are {reprlib.repr(codes)}; expected an array of ints, one for each row")
    if n_rows is not None and len(codes) != n_rows:
        raise wrong(f"it groups {len(codes)} rows of {n_rows}")
    if codes.ndim == 2:
        if codes.dtype != bool or codes.shape[1] != len(names):
            raise wrong(
                f"members are {codes.dtype} of shape {codes.shape}; expected bool (n_rows,"
                f" {len(names)})"
            )
    elif codes.dtype.kind not in "iu":
        raise wrong(f"codes are {codes.dtype}; expected ints, places among the names of groups")
    elif codes.size and not -1 <= codes.min() <= codes.max() < len(names):
        raise wrong(
            f"codes go from {codes.min()} to {codes.max()}; expected -1 to {len(names) - 1}, places"
            f" among {len(names)} names"
        )
    return groups


def _settled(cut: Any, sample: Dataset) -> Any:
    return cut


def _learn_cross(parts: tuple[Any, ...], sample: Dataset) -> tuple[Part, ...]:
    found = [partitioner_of(part, sample.X) for part in parts]
    return tuple((p.name, p.merge, p.fit(sample)) for p in found)


def _assign_cross(parts: tuple[Any, ...], cut: tuple[Part, ...], sample: Dataset) -> Groups:
    """The intersections that occur."""
    found = [partitioner_of(part, sample.X) for part in parts]
    first = assigned(found[0], cut[0][2], sample)
    for p, (_, _, own) in zip(found[1:], cut[1:], strict=True):
        first = _crossed(first, assigned(p, own, sample, len(first.codes)))
    return first


def _join_cross(one: tuple[Part, ...], two: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(
        (name, join, joined(name, join, a, b))
        for (name, join, a), (_, _, b) in zip(one, two, strict=True)
    )


def _crossed(one: Groups, two: Groups) -> Groups:
    names = [f"{a} & {b}" for a in one.names for b in two.names]
    if one.codes.ndim == two.codes.ndim == 1:
        codes = one.codes * len(two.names) + two.codes
        codes = np.where((one.codes < 0) | (two.codes < 0), -1, codes)
        used = np.unique(codes[codes >= 0])
        to = np.full(len(names) + 1, -1)
        to[used] = np.arange(len(used))
        return Groups(to[codes], tuple(names[i] for i in used))
    both = members(one)[:, :, None] & members(two)[:, None, :]
    both = both.reshape(len(both), -1)
    used = np.flatnonzero(both.any(axis=0))
    return Groups(both[:, used], tuple(names[i] for i in used))


def members(groups: Groups) -> Array:
    """Membership, bool (n, n_groups)."""
    if groups.codes.ndim == 2:
        return groups.codes
    return groups.codes[:, None] == np.arange(len(groups.names))  # type: ignore[no-any-return]
