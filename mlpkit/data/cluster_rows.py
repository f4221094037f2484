"""Rows on the workers of a cluster, which are copied into the memory of this process."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpkit.messages import comma_separated
from mlpkit.registry.distributions import KNOWN_DISTRIBUTIONS, install_hint

DISTRIBUTIONS = {
    package: known.name for known in KNOWN_DISTRIBUTIONS for package in known.collections
}


def local(**arguments: Any) -> list[Any]:
    """Return arguments with all rows in the memory of this process.

    Issues a UserWarning, which names the plugin that leaves them on the workers, for those that are
    collections of a cluster. They are recognized by the package of their type, so that it is not
    imported.

    >>> local(X=[[1.0]], y=None)
    [[[1.0]], None]
    """
    names = [name for name, values in arguments.items() if _package_of(values)]
    if not names:
        return list(arguments.values())
    package = _package_of(arguments[names[0]])
    distribution = DISTRIBUTIONS[package]
    plugin = distribution.replace("-", "_")
    verb = "are collections" if len(names) > 1 else "is a collection"
    warnings.warn(
        f"{comma_separated(names)} {verb} of {package.capitalize()}, whose rows are copied into the"
        f" memory of this process. The estimators and `evaluate` of {plugin} leave them on the"
        f" workers. To install it: {install_hint(distribution)}.",
        UserWarning,
    )
    return [_computed(values) for values in arguments.values()]


def _package_of(values: Any) -> str:
    """The package of a collection, or of a dict of collections; "" for anything else."""
    if values is None or type(values) is np.ndarray:  # the other checks take longer
        return ""
    if isinstance(values, Mapping):
        return next(filter(None, map(_package_of, values.values())), "")
    package = type(values).__module__.partition(".")[0]
    return package if package in DISTRIBUTIONS and hasattr(values, "compute") else ""


def _computed(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {name: _computed(column) for name, column in values.items()}
    return values.compute() if _package_of(values) else values
