"""Versions of mlpkit and plugins that pickles and files contain, compared when they are loaded."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mlpkit.plugin import Kind
from mlpkit.registry.discovery import Plugin
from mlpkit.registry.distributions import CORE
from mlpkit.registry.lookup import installed
from mlpkit.registry.provenance import Source

STATE_KEY = "_mlpkit_versions"  # the entry in the pickled state of an estimator
# the parameters whose values are names of components
COMPONENT_KINDS: dict[str, Kind] = {
    "backend": "backend",
    "builder": "builder",
    "encoder": "encoder",
    "solver": "solver",
    "trainer": "trainer",
    "callbacks": "callback",
    "metrics": "metric",
    "partitions": "partitioner",
}


class InconsistentVersionWarning(UserWarning):
    """Warning raised when an estimator is loaded with another version of mlpkit or a plugin.

    The class of the same name in scikit-learn refers to the version of scikit-learn.

    Parameters
    ----------
    estimator_name : str
        Name of the class of the estimator.
    distribution : str
        Distribution whose version differs: "mlpkit" or the distribution of a plugin.
    current_version : str
        The installed version.
    original_version : str
        The version with which the estimator was stored.

    Examples
    --------
    >>> warning = InconsistentVersionWarning("MLPClassifier", "mlpkit", "0.2.0", "0.1.0")
    >>> print(str(warning).partition(". ")[0])
    MLPClassifier was stored with mlpkit 0.1.0 and is loaded with mlpkit 0.2.0
    """

    def __init__(
        self, estimator_name: str, distribution: str, current_version: str, original_version: str
    ) -> None:
        super().__init__(estimator_name, distribution, current_version, original_version)
        self.estimator_name, self.distribution = estimator_name, distribution
        self.current_version, self.original_version = current_version, original_version

    def __str__(self) -> str:
        original, current = (
            f"{self.distribution} {v}" for v in (self.original_version, self.current_version)
        )
        return (
            f"{self.estimator_name} was stored with {original} and is loaded with {current}. It"
            " may fail or give different results. Install"
            f" {self.distribution}=={self.original_version}, or fit the estimator again."
        )


def versions_of(state: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Return the versions of mlpkit and of the plugins that an estimator was fitted with.

    ``state`` has the attributes of the estimator, ``names`` are the names of its parameters.
    """
    distributions = {CORE}
    if "_network" in state:
        sources: tuple[Source, ...] = state["_network"].sources
        distributions |= {source.distribution for source in sources}
        plugins = [p for p in installed().plugins if p.loaded and p.distribution != CORE]
        if plugins:
            parameters = {name: state.get(name) for name in names}
            distributions |= set(_plugin_distributions(parameters, plugins))
    versions = {name: installed_version(name) for name in sorted(distributions)}
    return {name: version for name, version in versions.items() if version is not None}


def _plugin_distributions(
    parameters: Mapping[str, Any], plugins: Iterable[Plugin]
) -> Iterator[str]:
    """Yield the distributions of the plugins whose components are values of parameters."""
    for name, parameter in parameters.items():
        values = list(parameter) if isinstance(parameter, list | tuple) else [parameter]
        for value in values:
            for plugin in plugins:
                if isinstance(value, str):
                    kind = COMPONENT_KINDS.get(name)
                    components = plugin.components.get(kind, {}) if kind is not None else {}
                    is_used = value.rpartition("/")[2] in components
                else:
                    modules = (getattr(value, "__module__", None), type(value).__module__)
                    is_used = plugin.top_module in {str(m).partition(".")[0] for m in modules}
                if is_used:
                    yield plugin.distribution


@cache
def installed_version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def warn_if_different(
    estimator_name: str, versions: Mapping[str, str], stacklevel: int = 3
) -> None:
    """Warn about each distribution whose installed version differs from the stored one.

    Plugins that are not installed are ignored; the methods that need them raise an error.
    """
    for distribution, original in versions.items():
        current = installed_version(distribution)
        if current is not None and current != original:
            warnings.warn(
                InconsistentVersionWarning(estimator_name, distribution, current, original),
                stacklevel=stacklevel,
            )
