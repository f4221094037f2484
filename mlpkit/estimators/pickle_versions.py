"""The versions that an estimator was pickled with, compared when it is loaded."""

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

KEY = "_mlpkit_versions"  # in the state of an estimator
NAMED: dict[str, Kind] = {
    "backend": "backend",
    "builder": "builder",
    "solver": "solver",
    "trainer": "trainer",
    "callbacks": "callback",
    "metrics": "metric",
    "partitions": "partitioner",
}  # the parameters that name components


class InconsistentVersionWarning(UserWarning):
    """An estimator is loaded with another version of mlpkit, or of a plugin, than it was pickled
    with. scikit-learn's warning of this name is about its own version.

    Parameters
    ----------
    estimator_name : str
        Class of the estimator.
    distribution : str
        What has another version: "mlpkit", or the distribution of a plugin.
    current_version, original_version : str
        Versions that are installed now, and were when the estimator was pickled.

    Examples
    --------
    >>> warning = InconsistentVersionWarning("MLPClassifier", "mlpkit", "0.2.0", "0.1.0")
    >>> print(str(warning).partition(". ")[0])
    MLPClassifier was pickled with mlpkit 0.1.0 and is loaded with mlpkit 0.2.0
    """

    def __init__(
        self, estimator_name: str, distribution: str, current_version: str, original_version: str
    ) -> None:
        super().__init__(estimator_name, distribution, current_version, original_version)
        self.estimator_name, self.distribution = estimator_name, distribution
        self.current_version, self.original_version = current_version, original_version

    def __str__(self) -> str:
        before, now = (
            f"{self.distribution} {v}" for v in (self.original_version, self.current_version)
        )
        return (
            f"{self.estimator_name} was pickled with {before} and is loaded with {now}. It may"
            f" fail or give other results. Install {self.distribution}=={self.original_version},"
            " or fit it anew."
        )


def versions_of(state: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """The version of each distribution that an estimator's attributes come from: of mlpkit, and
    if it was fitted, of the plugins of its network and of its parameters.
    """
    used = {CORE}
    if "_network" in state:
        sources: tuple[Source, ...] = state["_network"].sources
        used |= {source.distribution for source in sources}
        plugins = [p for p in installed().plugins if p.loaded and p.distribution != CORE]
        if plugins:
            used |= set(_used({name: state.get(name) for name in names}, plugins))
    found = {distribution: installed_version(distribution) for distribution in sorted(used)}
    return {distribution: v for distribution, v in found.items() if v is not None}


def _used(params: Mapping[str, Any], plugins: Iterable[Plugin]) -> Iterator[str]:
    """The distributions of the plugins that parameters name or have objects of."""
    for name, given in params.items():
        values = list(given) if isinstance(given, list | tuple) else [given]
        for value in values:
            for plugin in plugins:
                if isinstance(value, str):
                    kind = NAMED.get(name)
                    components = plugin.components.get(kind, {}) if kind is not None else {}
                    is_used = value.rpartition("/")[2] in components
                else:
                    modules = (getattr(value, "__module__", None), type(value).__module__)
                    is_used = plugin.top_module in {str(m).partition(".")[0] for m in modules}
                if is_used:
                    yield plugin.distribution


@cache
def installed_version(distribution: str) -> str | None:
    """The version of a distribution here, None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def compare(estimator_name: str, pickled: Mapping[str, str]) -> None:
    """Warn of each distribution that has another version now. A plugin that is missing is told
    where it is needed.
    """
    for distribution, before in pickled.items():
        now = installed_version(distribution)
        if now is not None and now != before:
            warnings.warn(
                InconsistentVersionWarning(estimator_name, distribution, now, before), stacklevel=3
            )
