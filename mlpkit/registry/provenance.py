"""The plugins that a trained model requires, which its pickle stores."""

import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

from mlpkit.plugin import Kind, Network, PluginError, PluginWarning
from mlpkit.registry.distributions import CORE, install_hint
from mlpkit.registry.lookup import UNPICKLED_DISTRIBUTIONS, installed


class Source(NamedTuple):
    """A component that a model was made with, and the distribution of its plugin."""

    kind: Kind
    name: str
    distribution: str
    version: str
    module: str  # the top-level module of the distribution

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.distribution} {self.version}"

    @property
    def is_missing(self) -> bool:
        """Whether the module is not installed; the module is not imported."""
        return sys.modules.get(self.module) is None and find_spec(self.module) is None


def sources_of(
    backend: Any, builder: Any, network: Network, encoder: Any = None
) -> tuple[Source, ...]:
    """Return the sources of a backend, a builder and an encoder, names or objects, and of a
    network.
    """
    parameters: tuple[tuple[Kind, Any], ...] = (
        ("backend", backend),
        ("builder", builder),
        ("encoder", encoder),
    )
    sources = [_source(kind, name) for kind, name in parameters if isinstance(name, str)]
    if not isinstance(encoder, str | None):
        sources += _sources_of_code(encoder, "encoder")
    sources = [source for source in sources if source.distribution != CORE]
    code = [*_sources_of_code(network.apply), *_sources_of_code(network.xp_apply)]
    return tuple(dict.fromkeys([*sources, *code]))


def _source(kind: Kind, name: str) -> Source:
    plugin, component = installed().find(kind, name)
    return Source(kind, component.name, plugin.distribution, plugin.version, plugin.top_module)


def _sources_of_code(function: Any, kind: Kind = "adapter") -> Iterator[Source]:
    """Yield a source for each plugin that defines a function or an object, or its class."""
    modules = (getattr(function, "__module__", None), type(function).__module__)
    top_modules = {str(module).partition(".")[0] for module in modules}
    for plugin in installed().plugins:
        if plugin.top_module in top_modules and plugin.distribution != CORE:
            name = plugin.entry.name
            yield Source(kind, name, plugin.distribution, plugin.version, plugin.top_module)


class RequiredPlugins:
    """The sources of a model.

    A pickle contains them before the model itself, so that a missing plugin is reported before an
    import fails.
    """

    def __init__(
        self, sources: tuple[Source, ...], is_dense: bool, is_portable: bool = False
    ) -> None:
        self.sources, self.is_dense, self.is_portable = sources, is_dense, is_portable

    def __reduce__(self) -> Any:
        return restore_required_plugins, (self.sources, self.is_dense, self.is_portable)


def restore_required_plugins(
    sources: tuple[Source, ...], is_dense: bool, is_portable: bool = False
) -> RequiredPlugins:
    """Unpickle `RequiredPlugins`, and check that the plugins are installed.

    A dense network predicts without plugins, except for that of an encoder. Any other network
    requires the plugin of its code: PluginError is raised if it is missing. Its backend can be
    replaced by another one, so a missing backend is a warning; a portable network predicts
    without it.
    """
    for source in sources:
        UNPICKLED_DISTRIBUTIONS[source.kind, source.name] = source.distribution
    optional = ("backend",) if is_portable else ()
    required = [s for s in sources if s.kind == "encoder" or not is_dense]
    missing = [s for s in required if s.kind not in optional and s.is_missing]
    if missing:
        names = " and ".join(map(str, missing))
        hints = dict.fromkeys(install_hint(s.distribution, version=s.version) for s in missing)
        message = f"This model requires {names}, which is not installed. Try: {' and '.join(hints)}"
        if any(source.kind != "backend" for source in missing):
            raise PluginError(message)
        warnings.warn(message, PluginWarning)
    return RequiredPlugins(sources, is_dense, is_portable)
