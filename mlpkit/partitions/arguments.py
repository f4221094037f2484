"""The argument ``partitions=`` as `Partitioner` records."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit.data.tables import column_names
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
    return partitioner


def partitioner_of(argument: Any, X: Any) -> Partitioner:
    """One partitioner.

    A string is the name of a column of X or else of an installed partitioner, an integer the
    index of a column, and a function a function of X.
    """
    if isinstance(argument, Partitioner):
        return argument
    if isinstance(argument, int | np.integer) and not isinstance(argument, bool):
        return by_column(int(argument))
    if isinstance(argument, str):
        names = column_names(X)
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


def partitioners_of(argument: Any, X: Any) -> list[Partitioner]:
    """Partitioners with distinct names, from one argument of `partitioner_of` or several."""
    several = isinstance(argument, Sequence) and not isinstance(argument, str | Partitioner)
    partitioners = [partitioner_of(a, X) for a in (argument if several else [argument])]
    names = [p.name for p in partitioners]
    for twice in {name for name in names if names.count(name) > 1}:
        raise ValueError(
            f"Two partitioners have the name {twice!r}. Pass name= to one of them, as in"
            f" by_quantile('age', 4, name='age quartile')."
        )
    if "all" in names:
        raise ValueError(
            "The name 'all' is reserved for the group of all rows. Pass another name= to the"
            " partitioner."
        )
    return partitioners
