"""Which plugins a trained model needs: kept in its pickle, told where one is missing."""

import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

from mlpkit.plugin import Kind, Network, PluginError, PluginWarning
from mlpkit.registry.discovery import CORE
from mlpkit.registry.distributions import install_line
from mlpkit.registry.lookup import SEEN, installed


class Source(NamedTuple):
    """A component, and the distribution that brought it."""

    kind: Kind
    name: str
    distribution: str
    version: str
    module: str  # top-level, of the distribution

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.distribution} {self.version}"

    @property
    def is_missing(self) -> bool:
        """Whether its module is not installed; imports none."""
        return sys.modules.get(self.module) is None and find_spec(self.module) is None


def sources_of(backend: Any, builder: Any, network: Network) -> tuple[Source, ...]:
    """What a backend and a builder, names or objects, and a network's code come from."""
    given: tuple[tuple[Kind, Any], ...] = (("backend", backend), ("builder", builder))
    named = [_named(kind, name) for kind, name in given if isinstance(name, str)]
    found = [source for source in named if source.distribution != CORE]
    return tuple(dict.fromkeys([*found, *_owners(network.apply)]))


def _named(kind: Kind, name: str) -> Source:
    plugin, component = installed().find(kind, name)
    return Source(kind, component.name, plugin.distribution, plugin.version, plugin.top)


def _owners(apply: Any) -> Iterator[Source]:
    """The plugins that the code of a network is part of."""
    modules = (getattr(apply, "__module__", None), type(apply).__module__)
    tops = {str(module).partition(".")[0] for module in modules}
    for plugin in installed().plugins:
        if plugin.top in tops and plugin.distribution != CORE:
            name = plugin.entry.name
            yield Source("adapter", name, plugin.distribution, plugin.version, plugin.top)


class RequiredPlugins:
    """The sources of a model. Its pickle stands before the model's own in a pickle, so that
    what is missing is told before an import fails.
    """

    def __init__(self, sources: tuple[Source, ...], is_dense: bool) -> None:
        self.sources, self.is_dense = sources, is_dense

    def __reduce__(self) -> Any:
        return needed, (self.sources, self.is_dense)


def needed(sources: tuple[Source, ...], is_dense: bool) -> RequiredPlugins:
    """What `RequiredPlugins` is unpickled by: a dense network needs nothing to predict; any
    other its own code (PluginError), and a backend, which may be another one (a warning).
    """
    for source in sources:
        SEEN[source.kind, source.name] = source.distribution
    missing = [source for source in sources if source.is_missing] if not is_dense else []
    if missing:
        names = " and ".join(map(str, missing))
        lines = dict.fromkeys(install_line(s.distribution, version=s.version) for s in missing)
        told = f"This model was made with {names}, not installed here. Try: {' and '.join(lines)}"
        if any(source.kind != "backend" for source in missing):
            raise PluginError(told)
        warnings.warn(told, PluginWarning)
    return RequiredPlugins(sources, is_dense)
