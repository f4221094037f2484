"""Names into objects: the only place where a string becomes a plugin.

A name is looked up among the built-ins, then in the entry point of that name (of the
part before a dot), then in all; ``"distribution/name"`` or ``"entrypoint/name"`` is looked
up there alone. What nobody asks for is never imported, and can break without harm; what is
asked for and can't be used raises its own reason, and nothing takes its place.

The logger ``mlpkit.registry.lookup`` tells each lookup at level DEBUG.
"""

import logging
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

from mlpkit.messages import did_you_mean, exception_line, nearest
from mlpkit.plugin import Component, Kind, PluginError, PluginWarning
from mlpkit.registry import discovery
from mlpkit.registry.discovery import CORE, KINDS, LOCK, Plugin, same
from mlpkit.registry.distributions import KNOWN, bringing, install_line, spelled

# of models that were loaded from pickles: which distribution brought a name
SEEN: dict[tuple[str, str], str] = {}
OWN = ("", "builtins", "abc", "typing", "collections", "functools", "__main__", CORE)
LOG = logging.getLogger(__name__)


class Stage(NamedTuple):
    """Where a lookup goes: whether the name asks for just these plugins, and why them."""

    asked: bool
    plugins: list[Plugin]
    why: str


class Registry:
    """What is installed; a plugin is imported when a lookup gets to it."""

    def __init__(self, plugins: Iterable[Plugin] | None = None) -> None:
        self.plugins = discovery.plugins() if plugins is None else list(plugins)

    def find(self, kind: Kind, name: str) -> tuple[Plugin, Component]:
        """The one component of this kind and name; ValueError or PluginError if there is none."""
        plain = name.rpartition("/")[2]
        for asked, stage, why in self._stages(name):
            offers = [p for p in stage if plain in p.load().components.get(kind, {})]
            broken = [p for p in stage if p.error]
            _trace(kind, name, why, stage, offers)
            if len(offers) > 1:
                raise PluginError(_ambiguous(kind, plain, offers))
            if offers:
                _warn(broken)
                return offers[0], offers[0].components[kind][plain]
            if asked and broken:
                raise PluginError(
                    f"{kind}={name!r} can't be used: {broken[0].trouble}. {broken[0].remedy}"
                ) from broken[0].error
        raise self._absent(kind, name)

    def _stages(self, name: str) -> Iterator[Stage]:
        """Where to look, in turn."""
        qualifier, slash, plain = name.rpartition("/")
        if slash:
            distribution = [p for p in self.plugins if same(p.distribution, qualifier)]
            yield Stage(True, distribution, f"the distribution {qualifier!r}")
            entry = [p for p in self.plugins if same(p.entry.name, qualifier)]
            yield Stage(True, entry, f"the entry point {qualifier!r}")
        else:
            head = plain.partition(".")[0]
            yield Stage(True, [p for p in self.plugins if p.distribution == CORE], "the built-ins")
            own = [p for p in self.plugins if p.entry.name in (plain, head)]
            yield Stage(True, own, "the entry point of the name")
            yield Stage(False, self.plugins, "all plugins")

    def names(self, kind: Kind) -> list[str]:
        """All names of a kind, built-ins first; those of broken plugins are not known."""
        offered = [p.load().components.get(kind, {}) for p in self.plugins]
        return list(dict.fromkeys(name for names in offered for name in names))

    def taking(self, kind: Kind, option: str) -> list[str]:
        """The components that take an option, as they are typed: ``backend='fast'``."""
        offers = [c for p in self.plugins for c in p.load().components.get(kind, {}).values()]
        return list(dict.fromkeys(f"{kind}={c.name!r}" for c in offers if option in c.options))

    def resolve(self, kind: Kind, name: str) -> tuple[Any, Component]:
        """The object behind a name, and its description."""
        plugin, component = self.find(kind, name)
        if absent := missing(component):
            raise PluginError(
                f"{kind}={name!r} of {plugin.label} needs {', '.join(absent)}, not installed"
                f" here. Try: {install_line(plugin.distribution)}"
            )
        module, _, attribute = component.factory.partition(":")
        try:
            return getattr(import_module(module), attribute), component
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{kind}={name!r} of {plugin.label} can't be used: {component.factory} could"
                f" not be imported: {exception_line(error)}"
            ) from error

    def _absent(self, kind: Kind, name: str) -> ValueError | PluginError:
        """The error for a name that nobody offers: what there is, and what to type next."""
        qualifier, slash, plain = name.rpartition("/")
        source = qualifier if slash else plain.partition(".")[0]
        package = SEEN.get((kind, name)) or bringing(kind, plain) or bringing(kind, source)
        called = [p for p in self.plugins if p.is_called(source, package or f"{CORE}-{source}")]
        if off := [p for p in called if p.disabled]:
            return PluginError(
                f"{kind}={name!r} can't be used: {off[0].trouble}. Take it out of there, and"
                " start again."
            )
        names = self.names(kind)
        parts = [f"unknown {kind} {name!r}; installed: {', '.join(names) or 'none'}."]
        more = [n for known in KNOWN for n in known.brings.get(kind, ()) if n not in names]
        if not package:
            meant = spelled(kind, plain, [*names, *more]) or nearest(plain, [*names, *more])
            parts += [f"Did you mean {meant!r}?"] if meant else []
            package = bringing(kind, meant) if meant in more else ""
        elsewhere = [other for other in KINDS if plain in self.names(other) and other != kind]
        parts += [f"There is a {other}={plain!r}." for other in elsewhere]
        if package and not called and not elsewhere:
            parts.append(f"{package} brings it: {install_line(package)}.")
        if unused := [p.trouble for p in self.plugins if p.trouble]:
            parts.append(f"(Not in use: {'; '.join(unused)})")
        return ValueError(" ".join(parts))


def adapted(kind: str, given: Any, **context: Any) -> Any:
    """What a plugin's adapter makes of a foreign object; None where none is for it.

    An adapter is for the objects whose class, or a base of it, or which as functions, come
    from the top-level module of its name; a text "name.x" goes as "x" to the adapter "name".
    """
    classes = (given, *type(given).__mro__)
    tops = [str(getattr(c, "__module__", "")).partition(".")[0] for c in classes]
    if isinstance(given, str):
        first, _, given = given.partition(".")
        tops = [first] if given else []
    for top in dict.fromkeys(tops):
        if top in OWN:
            continue
        try:
            adapt, _ = installed().resolve("adapter", top)
        except ValueError:
            continue
        return adapt(kind, given, **context)
    return None


def missing(component: Component) -> list[str]:
    """The modules that a component requires and that are not installed; imports none."""
    tops = [module.partition(".")[0] for module in component.requires]
    return [top for top in tops if sys.modules.get(top) is None and find_spec(top) is None]


def _trace(kind: str, name: str, why: str, stage: list[Plugin], offers: list[Plugin]) -> None:
    """Tell the logger about one stage of a lookup."""
    if LOG.isEnabledFor(logging.DEBUG):
        asked = ", ".join(p.trouble or p.label for p in stage) or "nobody"
        found = " and ".join(p.label for p in offers)
        end = f"found in {found}" if offers else "not there"
        LOG.debug("%s=%r: %s: asked %s: %s", kind, name, why, asked, end)


def _ambiguous(kind: Kind, name: str, offers: list[Plugin]) -> str:
    """Who offers the name, and how to choose."""
    distinct = len({p.distribution for p in offers}) == len(offers)
    sources = [p.distribution if distinct else p.entry.name for p in offers]
    choice = " or ".join(f"{kind}='{source}/{name}'" for source in sources)
    return f"{kind} {name!r} is offered by {' and '.join(p.label for p in offers)}. Choose {choice}"


def _warn(broken: Iterable[Plugin]) -> None:
    """Say once that a plugin which nobody asked for is broken."""
    with LOCK:
        for plugin in broken:
            if not plugin.told:
                plugin.told = True
                warnings.warn(f"{plugin.trouble}. {plugin.remedy}", PluginWarning, stacklevel=3)


@cache
def _registry() -> Registry:
    return Registry()


def installed() -> Registry:
    """The registry of this process; what is installed is read at the first call."""
    with LOCK:
        return _registry()


def label(kind: Kind | Literal["loss"], given: Any) -> str:
    """What messages call a component: a name, with the plugin that brings it; an object by its
    qualified name, with the plugin that its code is part of.
    """
    if kind != "loss" and isinstance(given, str):
        try:
            return f"{kind}={given!r} of {installed().find(kind, given)[0].label}"
        except (ValueError, PluginError):
            return f"{kind}={given!r}"
    name = getattr(given, "name", None)
    if not name:
        function = inner(given)
        name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{kind} {name}{owner(given)}"


def owner(*code: Any) -> str:
    """The plugin that functions or objects are part of, as " of plugin 'x' (mlpkit-x 1.0)";
    empty for the core's and the user's own.
    """
    functions = [inner(function) for function in code if function is not None]
    modules = {getattr(f, "__module__", type(f).__module__) for f in functions}
    tops = {str(module).partition(".")[0] for module in modules}
    found = [p for p in installed().plugins if p.distribution != CORE and tops & p.modules]
    return "".join(f" of {plugin.label}" for plugin in found[:1])


def inner(function: Any) -> Any:
    """The function that partial ones are made from."""
    while isinstance(function, partial):
        function = function.func
    return function


@contextmanager
def without(*names: str) -> Iterator[Registry]:
    """Inside, plugins with these names of an entry point or distribution are left out, as
    by MLPKIT_DISABLE_PLUGINS, but in this process alone (in all of its threads).
    """
    global _registry
    with LOCK:
        before = _registry
        off = {p: p.is_called(*names) and p.distribution != CORE for p in before().plugins}
        how = f"mlpkit.registry.lookup.without({', '.join(map(repr, names))})"
        plugins = [
            replace(p, disabled=how, loaded=False, error=None, components={}) if off[p] else p
            for p in before().plugins
        ]
        found = Registry(plugins)
        _registry = cache(lambda: found)
    try:
        yield found
    finally:
        with LOCK:
            _registry = before


def resolve(
    kind: Kind, given: Any, options: Mapping[str, Any] | None = None
) -> tuple[Any, dict[str, Any]]:
    """The object that a parameter names, or is, with the options that go to it.

    ``options`` for a name are checked against what its component declares.
    """
    if not isinstance(given, str):
        return given, dict(options or {})
    found, component = installed().resolve(kind, given)
    for option in options or {}:
        if option not in component.options:
            others = installed().taking(kind, option)
            raise ValueError(
                f"{kind} {given!r} has no option {option!r}; it takes:"
                f" {', '.join(component.options) or 'none'}."
                f" {did_you_mean(option, component.options)}".rstrip()
                + (f" It is an option of {' and '.join(others)}." if others else "")
            )
    return found, dict(options or {})
