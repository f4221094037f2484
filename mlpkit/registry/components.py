"""The components of an entry point: its hooks are called and what they return is checked."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import Any, get_args

import pluggy

from mlpkit.messages import did_you_mean, exception_line
from mlpkit.plugin import API, CAPABILITIES, Component, Hooks, Kind, PluginError
from mlpkit.registry.distributions import own_version

GROUP = "mlpkit"  # the group of the entry points
KINDS: tuple[Kind, ...] = get_args(Kind)
HOOKS = {f"mlpkit_{kind}s": kind for kind in KINDS}


class IncompatiblePlugin(PluginError):
    """A plugin does not support this version of the plugin contract."""


def load_components(entry: EntryPoint) -> dict[Kind, dict[str, Component]]:
    """Import the module of an entry point and return its components by kind and name.

    Raises PluginError if the module violates the contract, and IncompatiblePlugin if it supports
    other versions of the contract only.
    """
    module = entry.load()
    check_api(getattr(module, "mlpkit_api", (API, API)))
    module = module() if isinstance(module, type) else module
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    manager.register(module, name=entry.name)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        unknown = min(set(vars(manager.hook)) - set(HOOKS))
        raise PluginError(
            f"unknown hook {unknown!r}. The hooks are: {', '.join(HOOKS)}."
            f" {did_you_mean(unknown, HOOKS)}"
        ) from error
    components: dict[Kind, dict[str, Component]] = {}
    for hook, kind in HOOKS.items():
        implementations = getattr(manager.hook, hook).get_hookimpls()
        if hasattr(module, hook) and not implementations:
            raise PluginError(f"{hook} must be decorated with @hookimpl")
        by_name = components[kind] = {}
        for implementation in implementations:
            for component in check_components(hook, call_hook(hook, implementation.function)):
                if component.name in by_name:
                    raise PluginError(f"{hook} returned {component.name!r} twice")
                by_name[component.name] = component
    return components


def call_hook(hook: str, function: Callable[[], Any]) -> Any:
    """Return the result of a hook, that of a generator as a list.

    Raises PluginError with the name of the hook if the hook raises an exception.
    """
    try:
        result = function()
        return list(result) if isinstance(result, Iterator) else result
    except (Exception, SystemExit) as error:
        raise PluginError(f"{hook} raised {exception_line(error)}") from error


def check_api(declared: Any) -> None:
    """Raise an error unless a plugin supports this version of the contract."""
    match declared:
        case (int(first), int(last)) if first <= last:
            pass
        case _:
            raise PluginError(
                "mlpkit_api must be the first and the last version of the contract that the plugin"
                f" supports, such as ({API}, {API}), got {declared!r}"
            )
    if not first <= API <= last:
        versions = f"version {first}" if first == last else f"versions {first} to {last}"
        remedy = "a newer mlpkit" if first > API else "a newer release of the plugin"
        raise IncompatiblePlugin(
            f"it supports {versions} of the plugin contract, and mlpkit {own_version()} has"
            f" version {API}; install {remedy}"
        )


def check_components(hook: str, result: Any) -> list[Component]:
    """Return the components that a hook returned; raise PluginError if they are invalid."""
    if not isinstance(result, Iterable):
        raise PluginError(f"{hook} must return a list of mlpkit.plugin.Component, got {result!r}")
    components = list(result)
    for c in components:
        if not isinstance(c, Component):
            raise PluginError(f"{hook} must return mlpkit.plugin.Component, got {c!r}")
        if not c.name or "/" in c.name:
            raise PluginError(f"{hook}: a name must not be empty or contain '/', got {c.name!r}")
        if not re.fullmatch(r"[\w.]+:\w+", c.factory):
            raise PluginError(
                f"{hook}: factory of {c.name!r} must be 'package.module:function', got"
                f" {c.factory!r}"
            )
        if not isinstance(c.device, str):
            raise PluginError(
                f"{hook}: device of {c.name!r} must be 'cpu' or 'package.module:function', got"
                f" {c.device!r}"
            )
        for field, value in (("requires", c.requires), ("options", c.options)):
            if isinstance(value, str):
                raise PluginError(f"{hook}: {field} of {c.name!r} must be a tuple, ({value!r},)")
        if isinstance(c.supports, str) or not set(c.supports) <= set(CAPABILITIES):
            raise PluginError(
                f"{hook}: supports of {c.name!r} must be a tuple of {', '.join(CAPABILITIES)};"
                f" got {c.supports!r}"
            )
        check_methods(hook, c)
        if not isinstance(c.exempt, Mapping):
            raise PluginError(
                f"{hook}: exempt of {c.name!r} must be a dict such as {{'test_...': 'why'}}, got"
                f" {c.exempt!r}"
            )
    return components


def check_methods(hook: str, component: Component) -> None:
    """Raise PluginError if the methods of a component are invalid."""
    name, methods = component.name, component.methods
    if not isinstance(methods, Mapping):
        raise PluginError(f"{hook}: methods of {name!r} must be a dict, got {methods!r}")
    if methods and hook != "mlpkit_exporters":
        raise PluginError(f"{hook}: {name!r} has methods, which only an exporter can have")
    for method, function in methods.items():
        if not method.startswith(f"{name}_"):
            raise PluginError(
                f"{hook}: the names of methods of {name!r} must begin with {name + '_'!r}, got"
                f" {method!r}"
            )
        if not re.fullmatch(r"[\w.]+:\w+", str(function)):
            raise PluginError(
                f"{hook}: the method {method!r} of {name!r} must be 'package.module:function', got"
                f" {function!r}"
            )
