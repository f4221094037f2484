"""Installed plugins: one `Plugin` for each entry point, imported when it is needed."""

import os
import re
import time
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from threading import RLock
from typing import Literal, Self

from pluggy import PluginValidationError

from mlpkit.messages import exception_line
from mlpkit.plugin import Component, Kind, PluginError
from mlpkit.registry.components import GROUP, IncompatiblePlugin, load_components
from mlpkit.registry.distributions import CORE, UNKNOWN, install_hint, own_version

DISABLE = "MLPKIT_DISABLE_PLUGINS"  # names of entry points or distributions, with commas
LOCK = RLock()  # one plugin is imported at a time; its module may look up names meanwhile
PluginStatus = Literal["ok", "disabled", "unavailable", "incompatible", "invalid"]


@dataclass(eq=False)
class Plugin:
    """An entry point with its components, or with the reason why it cannot be used."""

    entry: EntryPoint
    distribution: str
    version: str
    disabled_by: str = ""  # `DISABLE` or a call of `without`
    loaded: bool = False
    seconds: float = 0.0  # taken by the import and the hooks
    warned: bool = False  # a warning has reported the error
    error: BaseException | None = None
    components: dict[Kind, dict[str, Component]] = field(default_factory=dict)

    def load(self) -> Self:
        """Import the module and call its hooks, once; an exception is stored, not raised."""
        with LOCK:
            if not (self.loaded or self.disabled_by):
                self.loaded, started = True, time.perf_counter()
                try:
                    self.components = load_components(self.entry)
                except (Exception, SystemExit) as error:
                    self.error = error
                self.seconds = time.perf_counter() - started
        return self

    @property
    def label(self) -> str:
        """The entry point and its distribution, for messages."""
        return f"plugin {self.entry.name!r} ({self.distribution} {self.version})"

    @property
    def status(self) -> PluginStatus:
        """Whether it can be used; "ok" as long as it is not loaded."""
        if self.disabled_by:
            return "disabled"
        if isinstance(self.error, IncompatiblePlugin):
            return "incompatible"
        if isinstance(self.error, PluginError | PluginValidationError):
            return "invalid"
        return "unavailable" if self.error else "ok"

    @property
    def reason(self) -> str:
        """Why it cannot be used, on one line, or an empty string."""
        line = exception_line(self.error) if self.error else ""
        return line.removeprefix("PluginError: ").removeprefix("IncompatiblePlugin: ")

    @property
    def problem(self) -> str:
        """A clause that says why it cannot be used; empty if its status is "ok"."""
        if self.disabled_by:
            return f"{self.label} is disabled by {self.disabled_by}"
        return f"{self.label} is {self.status}: {self.reason}" if self.error else ""

    @property
    def remedy(self) -> str:
        """What to do if it cannot be used."""
        return (
            f"Try: {install_hint(self.distribution, '--upgrade ')}, or disable the plugin:"
            f" {DISABLE}={self.entry.name}"
        )

    @property
    def top_module(self) -> str:
        """The top-level module of the entry point."""
        return self.entry.value.partition(":")[0].partition(".")[0].strip()

    @property
    def top_modules(self) -> set[str]:
        """The top-level modules of the entry point and of the factories that are known."""
        factories = [c.factory for named in self.components.values() for c in named.values()]
        return {
            self.top_module,
            *(factory.partition(":")[0].partition(".")[0] for factory in factories),
        }

    def is_called(self, *names: str) -> bool:
        """Whether its entry point or its distribution has one of the names."""
        own_names = (self.entry.name, self.distribution)
        return any(is_same_name(own, name) for own in own_names for name in names)


def installed_plugins() -> list[Plugin]:
    """Return the core, then the other plugins sorted by name."""
    # the core is added without metadata, so that stale or foreign metadata cannot replace it
    core = Plugin(EntryPoint("core", "mlpkit.registry.builtins", GROUP), CORE, own_version())
    disabled = disabled_names()
    plugins: dict[tuple[str, str], Plugin] = {}
    for entry in entry_points(group=GROUP):
        distribution, version = distribution_of(entry)
        if not is_same_name(distribution, CORE):
            plugin = Plugin(entry, distribution, version)
            plugin.disabled_by = DISABLE if plugin.is_called(*disabled) else ""
            plugins.setdefault((entry.name, distribution), plugin)  # two paths may show it twice
    return [core, *(plugins[key] for key in sorted(plugins))]


def disabled_names() -> list[str]:
    """Return the names in the environment variable MLPKIT_DISABLE_PLUGINS."""
    return [name for name in re.split(r"[,\s]+", os.environ.get(DISABLE, "")) if name]


def distribution_of(entry: EntryPoint) -> tuple[str, str]:
    """Return the name and the version of the distribution of an entry point."""
    try:
        assert entry.dist is not None
        return entry.dist.name or UNKNOWN, entry.dist.version or UNKNOWN
    except Exception:  # an incomplete removal leaves entry points without metadata
        return UNKNOWN, UNKNOWN


def is_same_name(a: str, b: str) -> bool:
    """Return whether package indexes treat two names as equal.

    >>> is_same_name("mlpkit_lion", "MLPkit-Lion")
    True
    """
    a, b = (re.sub(r"[-_.]+", "-", name).lower() for name in (a, b))
    return a == b
