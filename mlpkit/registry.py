"""Names into objects: the only place where a string becomes a plugin.

A name is looked up among the built-ins, then in the entry point of that name (of the
part before a dot), then in all. What nobody asks for is never imported, and can break
without harm; what is asked for and can't be used raises its own reason.
"""

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, get_args

import pluggy

from mlpkit.plugin import Component, Hooks, Kind, PluginError, PluginWarning

GROUP = "mlpkit"
CORE = "mlpkit"  # the distribution whose names nobody else may take
DISABLE = "MLPKIT_DISABLE_PLUGINS"


@dataclass
class Plugin:
    """One entry point: where it comes from, what it offers, what is wrong with it."""

    entry: EntryPoint
    distribution: str
    version: str
    error: Exception | None = None
    components: dict[Kind, dict[str, Component]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The entry point and its distribution, for messages."""
        return f"plugin {self.entry.name!r} ({self.distribution} {self.version})"


def _plugins() -> list[Plugin]:
    """Every entry point that is not switched off, in the order of its name."""
    off = {name.strip().lower() for name in os.environ.get(DISABLE, "").split(",")}
    found = {}
    for entry in entry_points(group=GROUP):
        assert entry.dist is not None
        plugin = Plugin(entry, entry.dist.name, entry.dist.version)
        if plugin.distribution == CORE or not off & {entry.name.lower(), entry.dist.name.lower()}:
            found[entry.name, plugin.distribution] = plugin
    return [found[key] for key in sorted(found)]


class Registry:
    """What is installed; a plugin is imported when a lookup gets to it."""

    def __init__(self, plugins: Iterable[Plugin] | None = None) -> None:
        self.plugins = _plugins() if plugins is None else list(plugins)
        self._loaded: set[int] = set()
        self._told: set[str] = set()

    def load(self, plugin: Plugin) -> Plugin:
        """Import the plugin's module and ask its hooks, once; errors are kept, not raised."""
        if id(plugin) not in self._loaded:
            self._loaded.add(id(plugin))
            try:
                plugin.components = _described(plugin)
            except Exception as error:
                plugin.error = error
        return plugin

    def find(self, kind: Kind, name: str) -> tuple[Plugin, Component]:
        """The one component of this kind and name; ValueError or PluginError if there is none."""
        qualifier, _, plain = name.rpartition("/")
        if qualifier:
            stages = [[p for p in self.plugins if qualifier in (p.distribution, p.entry.name)]]
        else:
            stages = [
                [p for p in self.plugins if p.distribution == CORE],
                [p for p in self.plugins if p.entry.name in (name, name.split(".")[0])],
                self.plugins,
            ]
        for stage in stages:
            offers = [p for p in map(self.load, stage) if plain in p.components.get(kind, {})]
            if len(offers) > 1:
                raise PluginError(_ambiguous(kind, plain, offers))
            if offers:
                self._warn(stage)
                return offers[0], offers[0].components[kind][plain]
            broken = [p for p in stage if p.error and p.entry.name in (plain.split(".")[0], qualifier)]
            if broken:
                raise PluginError(_why(kind, name, broken[0])) from broken[0].error
        raise ValueError(self._unknown(kind, name))

    def _warn(self, plugins: Iterable[Plugin]) -> None:
        """Say once that a plugin which nobody asked for is broken."""
        for plugin in plugins:
            if plugin.error and plugin.entry.name not in self._told:
                self._told.add(plugin.entry.name)
                warnings.warn(_broken(plugin), PluginWarning, stacklevel=4)

    def names(self, kind: Kind) -> list[str]:
        """All names of a kind, built-ins first; broken plugins are left out."""
        loaded = sorted(map(self.load, self.plugins), key=lambda p: p.distribution != CORE)
        return list(dict.fromkeys(name for p in loaded for name in p.components.get(kind, {})))

    def resolve(self, kind: Kind, name: str) -> tuple[Any, Component]:
        """The object behind a name, and its description."""
        plugin, component = self.find(kind, name)
        missing = [module for module in component.requires if find_spec(module) is None]
        if missing:
            raise PluginError(
                f"{kind}={name!r} needs {', '.join(missing)}, not installed here."
                f" Try: pip install {plugin.distribution}"
            )
        module, _, attribute = component.factory.partition(":")
        try:
            return getattr(import_module(module), attribute), component
        except Exception as error:
            raise PluginError(
                f"{kind}={name!r} of {plugin.label}: {component.factory} could not be"
                f" imported: {type(error).__name__}: {error}"
            ) from error

    def _unknown(self, kind: Kind, name: str) -> str:
        names = self.names(kind)
        close = get_close_matches(name, names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        other = "; ".join(_broken(p) for p in self.plugins if p.error)
        return (
            f"unknown {kind} {name!r}; installed: {', '.join(names)}.{hint}"
            f" A plugin may bring it: pip install {CORE}-{name.split('.')[0].rpartition('/')[2]}"
            + (f". Not in use: {other}" if other else "")
        )


def _described(plugin: Plugin) -> dict[Kind, dict[str, Component]]:
    """What the plugin's hooks return, checked."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    module = plugin.entry.load()
    manager.register(module() if isinstance(module, type) else module, name=plugin.entry.name)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = ", ".join(f"mlpkit_{kind}s" for kind in get_args(Kind))
        raise PluginError(f"{plugin.label} has a hook that does not exist: {error}. Hooks: {known}") from error
    found: dict[Kind, dict[str, Component]] = {}
    for kind in get_args(Kind):
        for component in [c for batch in getattr(manager.hook, f"mlpkit_{kind}s")() for c in batch]:
            if not isinstance(component, Component):
                raise PluginError(f"mlpkit_{kind}s of {plugin.label} must return mlpkit.plugin.Component, not {component!r}")
            if component.name in found.setdefault(kind, {}):
                raise PluginError(f"{plugin.label} offers {kind} {component.name!r} twice")
            found[kind][component.name] = component
    return found


def _broken(plugin: Plugin) -> str:
    return f"{plugin.label} is broken: {type(plugin.error).__name__}: {plugin.error}"


def _why(kind: Kind, name: str, plugin: Plugin) -> str:
    return (
        f"{kind}={name!r} can't be used: {_broken(plugin)}."
        f" Try: pip install --upgrade {plugin.distribution}"
    )


def _ambiguous(kind: Kind, name: str, offers: list[Plugin]) -> str:
    labels = " and ".join(p.label for p in offers)
    choice = " or ".join(f"{kind}='{p.distribution}/{name}'" for p in offers)
    return f"{kind} {name!r} is offered by {labels}. Choose {choice}, or set {DISABLE}."


@cache
def installed() -> Registry:
    """The registry of this process."""
    return Registry()


def resolve(kind: Kind, given: Any, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
    """The object that a parameter names, or is, with the options that go to it.

    ``options`` for a name are checked against what its component declares.
    """
    if not isinstance(given, str):
        return given, dict(options or {})
    found, component = installed().resolve(kind, given)
    for option in options or {}:
        if option not in component.options:
            close = get_close_matches(option, component.options, n=1)
            raise ValueError(
                f"{kind} {given!r} has no option {option!r}; it takes:"
                f" {', '.join(component.options) or 'none'}."
                + (f" Did you mean {close[0]!r}?" if close else "")
            )
    return found, dict(options or {})
