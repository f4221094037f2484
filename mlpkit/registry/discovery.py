"""What is installed: one `Plugin` for each entry point, imported and checked on demand."""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from threading import RLock
from typing import Any, Self, get_args

import pluggy

from mlpkit.messages import did_you_mean, exception_line
from mlpkit.plugin import API, CAPABILITIES, Component, Hooks, Kind, PluginError
from mlpkit.registry.distributions import install_line

GROUP = "mlpkit"
CORE = "mlpkit"  # the distribution whose names nobody else may take
UNKNOWN = "unknown"  # for a name or version without metadata
DISABLE = "MLPKIT_DISABLE_PLUGINS"  # entry points or distributions to leave out, with commas
KINDS: tuple[Kind, ...] = get_args(Kind)
HOOKS = {f"mlpkit_{kind}s": kind for kind in KINDS}
LOCK = RLock()  # one plugin loads at a time; a plugin may look names up while it does


@dataclass(eq=False)
class Plugin:
    """One entry point: where it comes from, what it offers, what is wrong with it."""

    entry: EntryPoint
    distribution: str
    version: str
    disabled: str = ""  # by what: `DISABLE`, or the context manager
    loaded: bool = False
    seconds: float = 0.0  # that importing and asking took
    told: bool = False  # a warning said that it is broken
    error: BaseException | None = None
    components: dict[Kind, dict[str, Component]] = field(default_factory=dict)

    def load(self) -> Self:
        """Import its module and ask its hooks, once; an error is kept, not raised."""
        with LOCK:
            if not (self.loaded or self.disabled):
                self.loaded, started = True, time.perf_counter()
                try:
                    self.components = described(self.entry)
                except (Exception, SystemExit) as error:
                    self.error = error
                self.seconds = time.perf_counter() - started
        return self

    @property
    def label(self) -> str:
        """The entry point and its distribution, for messages."""
        return f"plugin {self.entry.name!r} ({self.distribution} {self.version})"

    @property
    def trouble(self) -> str:
        """Why it is not in use, in a line; empty if it is, or if it is not loaded yet."""
        if self.disabled:
            return f"{self.label} is left out by {self.disabled}"
        return f"{self.label} is broken: {exception_line(self.error)}" if self.error else ""

    @property
    def remedy(self) -> str:
        """What to do when it is broken."""
        return (
            f"Try: {install_line(self.distribution, '--upgrade ')}, or leave it out:"
            f" {DISABLE}={self.entry.name}"
        )

    @property
    def top(self) -> str:
        """The top-level module that it lives in."""
        return self.entry.value.partition(":")[0].partition(".")[0].strip()

    @property
    def modules(self) -> set[str]:
        """The top-level modules of its code, as far as it was loaded."""
        factories = [c.factory for named in self.components.values() for c in named.values()]
        return {self.top, *(factory.partition(":")[0].partition(".")[0] for factory in factories)}

    def is_called(self, *names: str) -> bool:
        """Whether its entry point or its distribution has one of the names."""
        return any(same(own, n) for own in (self.entry.name, self.distribution) for n in names)


def plugins() -> list[Plugin]:
    """The core, then every entry point by its name, the same distribution only once."""
    # the core's own needs no metadata, so that neither stale nor foreign files can take it
    core = Plugin(EntryPoint("core", "mlpkit.registry.builtins", GROUP), CORE, own_version())
    off = [name for name in re.split(r"[,\s]+", os.environ.get(DISABLE, "")) if name]
    found: dict[tuple[str, str], Plugin] = {}
    for entry in entry_points(group=GROUP):
        distribution, release = provenance(entry)
        if not same(distribution, CORE):
            plugin = Plugin(entry, distribution, release)
            plugin.disabled = DISABLE if plugin.is_called(*off) else ""
            found.setdefault((entry.name, distribution), plugin)
    return [core, *(found[key] for key in sorted(found))]


def own_version() -> str:
    """The core's version, where it is installed with metadata."""
    try:
        return version(CORE)
    except PackageNotFoundError:
        return UNKNOWN


def provenance(entry: EntryPoint) -> tuple[str, str]:
    """The distribution of an entry point, and its version."""
    try:
        assert entry.dist is not None
        return entry.dist.name or UNKNOWN, entry.dist.version or UNKNOWN
    except Exception:  # what a failed removal left behind
        return UNKNOWN, UNKNOWN


def described(entry: EntryPoint) -> dict[Kind, dict[str, Component]]:
    """Ask the hooks of an entry point's module, and check what they return."""
    module = entry.load()
    check_api(getattr(module, "mlpkit_api", (API, API)))
    module = module() if isinstance(module, type) else module
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    manager.register(module, name=entry.name)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        wrong = min(set(vars(manager.hook)) - set(HOOKS))
        raise PluginError(
            f"there is no hook {wrong!r}; hooks: {', '.join(HOOKS)}. {did_you_mean(wrong, HOOKS)}"
        ) from error
    found: dict[Kind, dict[str, Component]] = {}
    for hook, kind in HOOKS.items():
        implementations = getattr(manager.hook, hook).get_hookimpls()
        if hasattr(module, hook) and not implementations:
            raise PluginError(f"{hook} is not marked; write @hookimpl above it")
        offered = found[kind] = {}
        for implementation in implementations:
            for component in checked(hook, asked(hook, implementation.function)):
                if component.name in offered:
                    raise PluginError(f"{hook} offers {component.name!r} twice")
                offered[component.name] = component
    return found


def asked(hook: str, function: Callable[[], Any]) -> Any:
    """What a hook returns, a generator's as a list; PluginError with its name if it raises."""
    try:
        returned = function()
        return list(returned) if isinstance(returned, Iterator) else returned
    except (Exception, SystemExit) as error:
        raise PluginError(f"{hook} raised {exception_line(error)}") from error


def check_api(declared: Any) -> None:
    """PluginError for a plugin that was made for other versions of the contract."""
    match declared:
        case (int(first), int(last)) if first <= last:
            pass
        case _:
            raise PluginError(
                "mlpkit_api is the first and the last version of the contract that the plugin is"
                f" for, as ({API}, {API}), not {declared!r}"
            )
    if not first <= API <= last:
        versions = f"version {first}" if first == last else f"versions {first} to {last}"
        remedy = "a newer mlpkit" if first > API else "a newer release of the plugin"
        raise PluginError(
            f"it was made for {versions} of the contract, and mlpkit {own_version()} has version"
            f" {API}: install {remedy}"
        )


def checked(hook: str, returned: Any) -> list[Component]:
    """The components that a hook returned; PluginError if they are anything else."""
    if not isinstance(returned, Iterable):
        raise PluginError(f"{hook} must return a list of mlpkit.plugin.Component, not {returned!r}")
    components = list(returned)
    for c in components:
        if not isinstance(c, Component):
            raise PluginError(f"{hook} must return mlpkit.plugin.Component, not {c!r}")
        if not c.name or "/" in c.name:
            raise PluginError(f"{hook} offers {c.name!r}; a name is not empty and has no '/'")
        if not re.fullmatch(r"[\w.]+:\w+", c.factory):
            raise PluginError(
                f"{hook}: factory of {c.name!r} is 'package.module:function', not {c.factory!r}"
            )
        if not isinstance(c.device, str):
            raise PluginError(
                f"{hook}: device of {c.name!r} is 'cpu' or 'package.module:function', not"
                f" {c.device!r}"
            )
        for what, value in (("requires", c.requires), ("options", c.options)):
            if isinstance(value, str):
                raise PluginError(f"{hook}: {what} of {c.name!r} is a tuple, ({value!r},)")
        if isinstance(c.supports, str) or not set(c.supports) <= set(CAPABILITIES):
            raise PluginError(
                f"{hook}: supports of {c.name!r} is a tuple of {', '.join(CAPABILITIES)};"
                f" not {c.supports!r}"
            )
        if not isinstance(c.exempt, Mapping):
            raise PluginError(f"{hook}: exempt of {c.name!r} is {{'test_...': 'why'}}")
    return components


def same(a: str, b: str) -> bool:
    """Whether two names are one to a package index.

    >>> same("mlpkit_lion", "MLPkit-Lion")
    True
    """
    a, b = (re.sub(r"[-_.]+", "-", name).lower() for name in (a, b))
    return a == b
