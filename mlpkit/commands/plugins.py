"""List the installed plugins with their components, versions, devices and errors."""

import argparse
import io
import json
import logging
import platform
import sys
import textwrap
import warnings
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from typing import Literal

from mlpkit.commands.default_devices import default_devices
from mlpkit.plugin import Component, Kind, PluginError, PluginWarning
from mlpkit.registry.discovery import DISABLE, Plugin, PluginStatus, disabled_names
from mlpkit.registry.distributions import CORE, install_hint, own_version, with_extra
from mlpkit.registry.lookup import LOG, Registry, missing_requirements

WIDTH = 100
SLOW_IMPORT = 0.3  # seconds
ComponentStatus = Literal["ok", "missing requirements", "ambiguous", "shadowed"]


@dataclass
class ComponentEntry:
    """A component; ``note`` says why it cannot be used and what to do."""

    kind: Kind
    name: str
    summary: str
    requires: tuple[str, ...]
    options: tuple[str, ...]
    status: ComponentStatus
    note: str = ""
    device: str = ""  # the default device of a backend


@dataclass
class PluginEntry:
    """An entry point; its status is its own, or the first of a component that is not "ok"."""

    plugin: str
    distribution: str
    version: str
    status: PluginStatus | ComponentStatus
    note: str = ""
    components: list[ComponentEntry] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("-v", "--verbose", action="store_true", help="print each lookup of a name")


def main(options: argparse.Namespace) -> int:
    """Print the list; the exit code is 0, whatever the status of the plugins."""
    if options.verbose:
        log_to_stderr()
    registry = Registry()
    costs = [import_costs(plugin) for plugin in registry.plugins]  # before a lookup loads plugins
    entries = [plugin_entry(p, c, registry) for p, c in zip(registry.plugins, costs, strict=True)]
    entries.sort(key=lambda entry: entry.distribution == CORE)  # the core is last
    backends = {c.name: c for entry in entries for c in entry.components if c.device}
    devices = default_devices({name: backend.device for name, backend in backends.items()})
    versions = {"mlpkit": own_version(), "python": platform.python_version()}
    notes = notes_on_disabled_names(registry.plugins)
    if options.json:
        for name, device in devices:
            backends[name].device = device
        plugins = [asdict(entry) for entry in entries]
        print(json.dumps({**versions, "plugins": plugins, "notes": notes}, indent=2))
    else:
        print(", ".join(f"{name} {version}" for name, version in versions.items()))
        print(f"\n{table(entries)}", flush=True)
        print("\nDEFAULT DEVICES OF THE BACKENDS", flush=True)
        for name, device in devices:  # a line at a time: the import of a framework takes seconds
            start = f"  {name:{max(map(len, backends))}}  "
            print("\n".join(wrapped(device, len(start), start)), flush=True)
        print("".join(f"\n{note}" for note in notes), end="\n" if notes else "")
    return 0


def components_of(plugin: Plugin) -> list[tuple[Kind, Component]]:
    """Return the components of a plugin, with their kinds."""
    return [(kind, c) for kind, by_name in plugin.components.items() for c in by_name.values()]


def log_to_stderr() -> None:
    """Print the log messages of lookups to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.DEBUG)


def import_costs(plugin: Plugin) -> list[str]:
    """Load a plugin, and return sentences about what its import costs."""
    modules_before = set(sys.modules)
    with redirect_stdout(io.StringIO()) as output:
        components = components_of(plugin.load())
    required = {module for _, component in components for module in component.requires}
    costs = []
    if heavy := sorted(required & (set(sys.modules) - modules_before)):
        costs.append(f"Imports {', '.join(heavy)} when it is listed.")
    if plugin.seconds > SLOW_IMPORT:
        costs.append(f"Takes {plugin.seconds:.1f} s to import when it is listed.")
    if text := " ".join(output.getvalue().split()):
        text = textwrap.shorten(text, 60, placeholder=" ...")
        costs.append(f"Prints {text!r} when it is listed.")
    return [*costs, "Only the factories should do this."] if costs else []


def plugin_entry(plugin: Plugin, costs: list[str], registry: Registry) -> PluginEntry:
    """Return the entry of a plugin."""
    entry = PluginEntry(plugin.entry.name, plugin.distribution, plugin.version, plugin.status)
    entry.components = [component_entry(plugin, *pair, registry) for pair in components_of(plugin)]
    if plugin.disabled_by:
        entry.note = f"Disabled by {plugin.disabled_by}."
    elif plugin.error:
        entry.note = f"{plugin.reason}. {plugin.remedy}"
    elif not entry.components:
        entry.note = "Has no components."
    entry.note = " ".join([entry.note, *costs]).strip()
    if problems := [c.status for c in entry.components if c.status != "ok"]:
        entry.status = problems[0]
    return entry


def component_entry(
    plugin: Plugin, kind: Kind, component: Component, registry: Registry
) -> ComponentEntry:
    """Return the entry of a component, whose status depends on the lookup of its name."""
    name = component.name
    entry = ComponentEntry(
        kind, name, component.summary, component.requires, component.options, "ok"
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PluginWarning)  # the list has the errors
            found_plugin, _ = registry.find(kind, name)
    except PluginError as error:
        entry.status, entry.note = "ambiguous", f"{error}."
    else:
        if found_plugin is not plugin:
            entry.status = "shadowed"
            entry.note = (
                f"{kind}={name!r} is the {kind} of {found_plugin.label}. To use this one:"
                f" {kind}='{plugin.distribution}/{name}'."
            )
    if missing := missing_requirements(component):
        entry.status = "missing requirements"
        remedy = install_hint(with_extra(plugin.distribution, name))
        hint = f"Requires {', '.join(missing)}. Try: {remedy}."
        entry.note = f"{hint} {entry.note}".rstrip()
    if kind == "backend" and entry.status == "ok":
        entry.device = component.device
    return entry


def notes_on_disabled_names(plugins: list[Plugin]) -> list[str]:
    """Return sentences about names in MLPKIT_DISABLE_PLUGINS that have no effect."""
    names = disabled_names()
    unknown = [name for name in names if not any(p.is_called(name) for p in plugins)]
    notes = [f"{DISABLE} contains {name!r}, which is not installed." for name in unknown]
    if any(p.is_called(name) for p in plugins if p.distribution == CORE for name in names):
        notes.append(f"{DISABLE} cannot disable mlpkit itself.")
    return notes


def table(entries: list[PluginEntry]) -> str:
    """Return the entries as text: a line for each plugin, followed by its components."""
    head = ("PLUGIN", "DISTRIBUTION", "VERSION", "STATUS")
    rows = [head, *((e.plugin, e.distribution, e.version, e.status) for e in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first, *others = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    lines = [first]
    for entry, line in zip(entries, others, strict=True):
        lines += ["", line, *wrapped(entry.note, 2)]
        kind_width = max([len(c.kind) for c in entry.components], default=0)
        name_width = max([len(c.name) for c in entry.components], default=0)
        previous_kind = ""
        for c in entry.components:
            kind = "" if c.kind == previous_kind else c.kind
            previous_kind = c.kind
            start = f"  {kind:{kind_width}}  {c.name:{name_width}}  "
            status = "" if c.status == "ok" else f"[{c.status}] "
            lines += wrapped(f"{status}{c.summary}", len(start), start) or [start.rstrip()]
            lines += wrapped(c.note, len(start))
    return "\n".join(lines)


def wrapped(text: str, indent: int, start: str | None = None) -> list[str]:
    """Return text as lines of at most `WIDTH` characters; long words are not broken."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent if start is None else start,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
