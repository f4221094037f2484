"""Lookup of components by name: the only place where a string becomes a plugin.

A name is searched for among the built-in components, then in the entry point of that name (or of
the part before a dot), then in all plugins. ``"distribution/name"`` and ``"entrypoint/name"``
are searched for in these alone. A plugin that is not needed is not imported, so its errors do no
harm. A plugin that is requested and cannot be used raises an error with the reason; no other
plugin replaces it.

The logger ``mlpkit.registry.lookup`` logs each step of a lookup at the level DEBUG.
"""

import logging
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from mlpkit.messages import comma_separated, did_you_mean, exception_line, nearest
from mlpkit.plugin import Component, Kind, PluginError, PluginWarning
from mlpkit.registry.components import KINDS
from mlpkit.registry.discovery import LOCK, Plugin, installed_plugins, is_same_name
from mlpkit.registry.distributions import (
    CORE,
    KNOWN_DISTRIBUTIONS,
    distribution_with,
    install_hint,
    with_extra,
)
from mlpkit.registry.spellings import canonical_name

# the distributions that models from pickles name, by the kind and the name of the component
UNPICKLED_DISTRIBUTIONS: dict[tuple[str, str], str] = {}
NOT_ADAPTED = ("", "builtins", "abc", "typing", "collections", "functools", "__main__", CORE)
LOG = logging.getLogger(__name__)


class LookupStep(NamedTuple):
    """One step of a lookup.

    If ``is_explicit``, the name refers to these plugins: an error of theirs is raised.
    """

    is_explicit: bool
    plugins: list[Plugin]
    place: str


class Registry:
    """The installed plugins. A plugin is imported when a lookup reaches it."""

    def __init__(self, plugins: Iterable[Plugin] | None = None) -> None:
        self.plugins = installed_plugins() if plugins is None else list(plugins)

    def find(self, kind: Kind, name: str) -> tuple[Plugin, Component]:
        """Return the component of a kind and name, and its plugin.

        Raises ValueError if there is none, and PluginError if it cannot be used or if several
        plugins have it.
        """
        component_name = name.rpartition("/")[2]
        for step in self._steps(name):
            providers = [
                p for p in step.plugins if component_name in p.load().components.get(kind, {})
            ]
            failed = [p for p in step.plugins if p.error]
            _log(kind, name, step, providers)
            if len(providers) > 1:
                raise PluginError(_ambiguity(kind, component_name, providers))
            if providers:
                _warn(failed)
                return providers[0], providers[0].components[kind][component_name]
            if step.is_explicit and failed:
                raise PluginError(
                    f"{kind}={name!r} cannot be used: {failed[0].problem}. {failed[0].remedy}"
                ) from failed[0].error
        raise self._not_found(kind, name)

    def _steps(self, name: str) -> Iterator[LookupStep]:
        qualifier, slash, component_name = name.rpartition("/")
        if slash:
            plugins = [p for p in self.plugins if is_same_name(p.distribution, qualifier)]
            yield LookupStep(True, plugins, f"the distribution {qualifier!r}")
            plugins = [p for p in self.plugins if is_same_name(p.entry.name, qualifier)]
            yield LookupStep(True, plugins, f"the entry point {qualifier!r}")
        else:
            plugins = [p for p in self.plugins if p.distribution == CORE]
            yield LookupStep(True, plugins, "built-in components")
            prefix = component_name.partition(".")[0]
            plugins = [p for p in self.plugins if p.entry.name in (component_name, prefix)]
            yield LookupStep(True, plugins, f"the entry point {prefix!r}")
            yield LookupStep(False, self.plugins, "all plugins")

    def names(self, kind: Kind) -> list[str]:
        """Return all names of a kind that can be used, those of built-in components first."""
        by_plugin = [p.load().components.get(kind, {}) for p in self.plugins]
        return list(dict.fromkeys(name for names in by_plugin for name in names))

    def with_option(self, kind: Kind, option: str) -> list[str]:
        """Return the components that accept an option, as ``backend='fast'``."""
        components = [c for p in self.plugins for c in p.load().components.get(kind, {}).values()]
        return list(dict.fromkeys(f"{kind}={c.name!r}" for c in components if option in c.options))

    def resolve(self, kind: Kind, name: str) -> tuple[Any, Component]:
        """Return the factory of a component, and the component."""
        plugin, component = self.find(kind, name)
        if missing := missing_requirements(component):
            hint = install_hint(with_extra(plugin.distribution, component.name))
            raise PluginError(
                f"{kind}={name!r} of {plugin.label} requires {', '.join(missing)}, which is not"
                f" installed. Try: {hint}"
            )
        module, _, attribute = component.factory.partition(":")
        try:
            return getattr(import_module(module), attribute), component
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{kind}={name!r} of {plugin.label} cannot be used: {component.factory} could"
                f" not be imported: {exception_line(error)}"
            ) from error

    def method(self, kind: Kind, name: str) -> Any:
        """Return the function of a method, such as "x_method" of the component "x", or None.

        Only the plugin with the entry point "x" is imported, so that looking for any other
        attribute costs little. None if that plugin or the module of the method cannot be used.
        """
        prefix = name.partition("_")[0]
        for plugin in self.plugins:
            if plugin.entry.name != prefix:
                continue
            component = plugin.load().components.get(kind, {}).get(prefix)
            path = "" if component is None else component.methods.get(name, "")
            if component is None or not path or missing_requirements(component):
                continue
            module, _, function = path.partition(":")
            try:
                return getattr(import_module(module), function)
            except ImportError as error:  # of the library that looks for the method
                LOG.debug("method %s of %s: %s", name, plugin.label, exception_line(error))
        return None

    def _not_found(self, kind: Kind, name: str) -> ValueError | PluginError:
        """Return the error for an unknown name, with the known names and a suggestion."""
        qualifier, slash, component_name = name.rpartition("/")
        prefix = qualifier if slash else component_name.partition(".")[0]
        distribution = (
            UNPICKLED_DISTRIBUTIONS.get((kind, name))
            or distribution_with(kind, component_name)
            or distribution_with(kind, prefix)
        )
        candidates = [
            p for p in self.plugins if p.is_called(prefix, distribution or f"{CORE}-{prefix}")
        ]
        if disabled := [p for p in candidates if p.disabled_by]:
            return PluginError(
                f"{kind}={name!r} cannot be used: {disabled[0].problem}. Enable it there and"
                " restart Python."
            )
        names = self.names(kind)
        sentences = [f"unknown {kind} {name!r}; installed: {comma_separated(names)}."]
        installable = [
            n
            for known in KNOWN_DISTRIBUTIONS
            for n in known.components.get(kind, ())
            if n not in names
        ]
        if not distribution:
            known_names = [*names, *installable]
            suggestion = canonical_name(kind, component_name, known_names) or nearest(
                component_name, known_names
            )
            sentences += [f"Did you mean {suggestion!r}?"] if suggestion else []
            if suggestion in installable:
                distribution = distribution_with(kind, suggestion)
        other_kinds = [k for k in KINDS if component_name in self.names(k) and k != kind]
        sentences += [f"There is a {other}={component_name!r}." for other in other_kinds]
        if distribution and not candidates and not other_kinds:
            sentences.append(f"It is part of {distribution}: {install_hint(distribution)}.")
        if problems := [p.problem for p in self.plugins if p.problem]:
            sentences.append(f"(Not in use: {'; '.join(problems)})")
        return ValueError(" ".join(sentences))


def distribution_of(kind: Kind, name: str) -> str:
    """Return the name of the distribution that provides a component.

    Parameters
    ----------
    kind : str
        The kind of the component, such as "backend".
    name : str
        The name of the component.

    Returns
    -------
    str
        The distribution, such as "mlpkit-dask".

    Raises
    ------
    ValueError
        If no installed plugin has the name.
    PluginError
        If the plugin cannot be used.

    Examples
    --------
    >>> import mlpkit.registry
    >>> mlpkit.registry.distribution_of("backend", "numpy")
    'mlpkit'
    """
    return installed().find(kind, name)[0].distribution


def missing_requirements(component: Component) -> list[str]:
    """Return the required modules of a component that are not installed, without an import."""
    modules = [module.partition(".")[0] for module in component.requires]
    return [m for m in modules if sys.modules.get(m) is None and find_spec(m) is None]


def _log(kind: str, name: str, step: LookupStep, providers: list[Plugin]) -> None:
    if LOG.isEnabledFor(logging.DEBUG):
        searched = comma_separated(p.problem or p.label for p in step.plugins)
        result = (
            f"found in {' and '.join(p.label for p in providers)}" if providers else "not found"
        )
        LOG.debug("%s=%r: %s: searched %s: %s", kind, name, step.place, searched, result)


def _ambiguity(kind: Kind, name: str, providers: list[Plugin]) -> str:
    """Return the message for a name that several plugins provide."""
    has_distinct_distributions = len({p.distribution for p in providers}) == len(providers)
    qualifiers = [p.distribution if has_distinct_distributions else p.entry.name for p in providers]
    choices = " or ".join(f"{kind}='{qualifier}/{name}'" for qualifier in qualifiers)
    labels = " and ".join(p.label for p in providers)
    return f"{kind} {name!r} is provided by {labels}. Use {choices}"


def _warn(failed: Iterable[Plugin]) -> None:
    """Warn once about each plugin that was not requested and cannot be used."""
    with LOCK:
        for plugin in failed:
            if not plugin.warned:
                plugin.warned = True
                warnings.warn(f"{plugin.problem}. {plugin.remedy}", PluginWarning, stacklevel=3)


@cache
def _registry() -> Registry:
    return Registry()


def installed() -> Registry:
    """Return the registry of this process; the first call reads what is installed."""
    with LOCK:
        return _registry()


@contextmanager
def without(*names: str) -> Iterator[Registry]:
    """Disable plugins inside a ``with`` block.

    It has the effect of the environment variable ``MLPKIT_DISABLE_PLUGINS``, for all threads of
    this process. It is meant for tests.

    Parameters
    ----------
    *names : str
        Names of entry points or distributions. Names that are not installed are ignored, and
        mlpkit itself cannot be disabled.

    Yields
    ------
    registry : Registry
        The registry without these plugins, which is in use inside the block.

    Examples
    --------
    >>> import mlpkit.registry
    >>> from mlpkit import MLPClassifier
    >>> with mlpkit.registry.without("mlpkit-partitions"):
    ...     clf = MLPClassifier(backend="numpy", max_iter=3, tol=1.0, n_iter_no_change=1)
    ...     clf = clf.fit([[0.0], [1.0]], [0, 1])
    """
    global _registry
    with LOCK:
        enclosing = _registry
        disabled_by = f"mlpkit.registry.without({', '.join(map(repr, names))})"
        registry = Registry(
            replace(p, disabled_by=disabled_by, loaded=False, error=None, components={})
            if p.is_called(*names) and p.distribution != CORE
            else p
            for p in enclosing().plugins
        )
        _registry = cache(lambda: registry)
    try:
        yield registry
    finally:
        with LOCK:
            _registry = enclosing


def resolve(
    kind: Kind, name_or_object: Any, options: Mapping[str, Any] | None = None
) -> tuple[Any, dict[str, Any]]:
    """Return the factory that a name refers to, or an object unchanged, and the options.

    Raises ValueError if the component of the name does not declare one of the options.
    """
    if not isinstance(name_or_object, str):
        return name_or_object, dict(options or {})
    factory, component = installed().resolve(kind, name_or_object)
    for option in options or {}:
        if option not in component.options:
            raise ValueError(_unknown_option(kind, name_or_object, component, option))
    return factory, dict(options or {})


def _unknown_option(kind: Kind, name: str, component: Component, option: str) -> str:
    """Return the message about an option that a component does not declare."""
    known = component.options
    accepted = (
        f"no option {option!r}; it accepts: {comma_separated(known)}."
        if known
        else (f"no options, got {option!r}.")
    )
    message = f"{kind} {name!r} has {accepted} {did_you_mean(option, known)}".rstrip()
    others = installed().with_option(kind, option)
    if not others:
        return message
    listed = " and ".join(filter(None, [", ".join(others[:-1]), others[-1]]))
    return f"{message} It is an option of {listed}."


def adapted(kind: str, foreign_object: Any, **context: Any) -> Any:
    """Return the component that a plugin makes of another library's object, or None.

    The adapter is the one with the name of the top-level module of the object's class, of a base
    class, or of the function. The string "name.x" is passed as "x" to the adapter "name".
    """
    classes = (foreign_object, *type(foreign_object).__mro__)
    modules = [str(getattr(c, "__module__", "")).partition(".")[0] for c in classes]
    if isinstance(foreign_object, str):
        prefix, _, foreign_object = foreign_object.partition(".")
        modules = [prefix] if foreign_object else []
    for module in dict.fromkeys(modules):
        if module in NOT_ADAPTED:
            continue
        try:
            adapt, _ = installed().resolve("adapter", module)
        except ValueError:
            continue
        return adapt(kind, foreign_object, **context)
    return None
