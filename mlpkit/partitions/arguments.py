"""The argument ``partitions=`` as `Partitioner` records."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit.messages import comma_separated, did_you_mean, plain_repr
from mlpkit.partitions.partitioners import by_column, by_function
from mlpkit.plugin import Partitioner, PluginError
from mlpkit.registry.lookup import installed, resolve


def by(name: str, **options: Any) -> Partitioner:
    """Make an installed partitioner by its name.

    Parameters
    ----------
    name : str
        A name that ``mlpkit plugins`` lists.
    **options
        Options of the partitioner.

    Returns
    -------
    Partitioner

    Raises
    ------
    ValueError
        If the name or an option is unknown.

    Examples
    --------
    >>> by("quantile", column="age", n=3).name
    'age'
    """
    factory, options = resolve("partitioner", name, options)
    partitioner = factory(**options)
    if not isinstance(partitioner, Partitioner):
        raise PluginError(
            f"partitioner {name!r} must return mlpkit.plugin.Partitioner, not {partitioner!r}."
        )
    return partitioner._replace(origin=partitioner.origin or (name, options))


def partitioner_of(argument: Any, names: Sequence[Any] | None) -> Partitioner:
    """One partitioner, for rows whose columns have these names, or none.

    A string is the name of a column or else of an installed partitioner, an integer the index of a
    column, and a function a function of X.
    """
    if isinstance(argument, Partitioner):
        return argument
    if isinstance(argument, int | np.integer) and not isinstance(argument, bool):
        return by_column(int(argument))
    if isinstance(argument, str):
        if names is not None and argument in names:
            return by_column(argument)
        if argument in installed().names("partitioner") or "/" in argument:
            return by(argument)
        columns = "X has no column names"
        if names is not None:
            columns = f"The columns are: {comma_separated(names[:50])}"
        raise ValueError(
            f"{argument!r} is neither a column of X nor a partitioner. {columns}. The"
            f" partitioners are: {', '.join(installed().names('partitioner'))}."
            f" {did_you_mean(argument, [n for n in names or [] if isinstance(n, str)])}".rstrip()
        )
    if callable(argument):
        return by_function(argument)
    raise ValueError(
        "A partition must be the name or index of a column, a function of X, or a partitioner"
        f" such as by_quantile('age', 4), got {plain_repr(argument)}."
    )


def arguments_of(partitions: Any) -> list[Any]:
    """The arguments of `partitioner_of` in a parameter, which is one of them or several."""
    if partitions is None:
        return []
    several = isinstance(partitions, Sequence) and not isinstance(partitions, str | Partitioner)
    return list(partitions) if several else [partitions]


def partitioners_of(partitions: Any, names: Sequence[Any] | None) -> list[Partitioner]:
    """Partitioners with distinct names, from one argument of `partitioner_of` or several."""
    partitioners = [partitioner_of(argument, names) for argument in arguments_of(partitions)]
    own_names = [p.name for p in partitioners]
    for twice in {name for name in own_names if own_names.count(name) > 1}:
        raise ValueError(
            f"Two partitioners have the name {twice!r}. Pass name= to one of them, as in"
            " by_quantile('age', 4, name='age quartile')."
        )
    if "all" in own_names:
        raise ValueError(
            "The name 'all' is reserved for the group of all rows. Pass another name= to the"
            " partitioner."
        )
    return partitioners
