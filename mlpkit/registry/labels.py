"""How messages refer to components and to the plugins that contain them."""

from functools import partial
from typing import Any, Literal

from mlpkit.plugin import Kind, PluginError
from mlpkit.registry.distributions import CORE
from mlpkit.registry.lookup import installed


def component_label(kind: Kind | Literal["loss"], name_or_object: Any) -> str:
    """Return the name of a component, or the qualified name of an object, and its plugin."""
    if kind != "loss" and isinstance(name_or_object, str):
        label = f"{kind}={name_or_object!r}"
        try:
            return f"{label} of {installed().find(kind, name_or_object)[0].label}"
        except (ValueError, PluginError):
            return label
    name = getattr(name_or_object, "name", None)
    if name is None:
        function = unwrapped(name_or_object)
        name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{kind} {name}{plugin_suffix(name_or_object)}"


def plugin_suffix(*functions: Any) -> str:
    """Return the plugin that functions or objects are defined in.

    The result is like " of plugin 'x' (mlpkit-x 1.0)". It is empty if they belong to mlpkit or to
    the user.
    """
    unwrapped_functions = [unwrapped(function) for function in functions if function is not None]
    modules = {getattr(f, "__module__", type(f).__module__) for f in unwrapped_functions}
    top_modules = {str(module).partition(".")[0] for module in modules}
    for plugin in installed().plugins:
        if plugin.distribution != CORE and top_modules & plugin.top_modules:
            return f" of {plugin.label}"
    return ""


def unwrapped(function: Any) -> Any:
    """Return the function inside `functools.partial` objects."""
    while isinstance(function, partial):
        function = function.func
    return function
