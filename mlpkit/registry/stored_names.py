"""Names of components in files: from a class to a name, and from a name to the factory."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from mlpkit.plugin import Kind, PluginError
from mlpkit.registry.distributions import CORE, KNOWN_DISTRIBUTIONS, distribution_with, install_hint
from mlpkit.registry.lookup import installed, resolve


def stored_name(kind: Kind, cls: type) -> str | None:
    """Return the name of the component whose factory is a class; None if there is none.

    Names of plugins contain the distribution: "mlpkit-acme/name".
    """
    for plugin in installed().plugins:
        for name, component in plugin.load().components.get(kind, {}).items():
            module, _, attribute = component.factory.partition(":")
            if attribute == cls.__qualname__ and _is_at(cls, module):
                return name if plugin.distribution == CORE else f"{plugin.distribution}/{name}"
    return None


def _is_at(cls: type, module: str) -> bool:
    """Return whether a module of the package of a class has it under its name."""
    if cls.__module__ == module:
        return True
    if cls.__module__.partition(".")[0] != module.partition(".")[0]:
        return False
    return getattr(import_module(module), cls.__qualname__, None) is cls


def required(
    kind: Kind, name: str, options: Mapping[str, Any] | None = None
) -> tuple[Any, dict[str, Any]]:
    """Return what `resolve` returns, for a name and options from a file.

    Raises PluginError if the plugin is not installed, and ValueError if there is no such component
    or option.
    """
    qualifier, _, component_name = name.rpartition("/")
    distribution = qualifier or distribution_with(kind, component_name)
    if distribution and not any(p.is_called(distribution) for p in installed().plugins):
        raise PluginError(
            f"This model requires {kind} {component_name!r} of {distribution}, which is not"
            f" installed. {trusted_hint(distribution)}"
        )
    return resolve(kind, name, options)


def trusted_hint(distribution: str) -> str:
    """Return how to install a distribution that a file names.

    Only known distributions are recommended, since anyone can write a file.
    """
    if any(known.name == distribution for known in KNOWN_DISTRIBUTIONS):
        return f"Try: {install_hint(distribution)}"
    return "Install it if you trust the source of the file."
