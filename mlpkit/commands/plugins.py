"""Show who offers what, from which distribution, and what can't be used and why."""

import argparse
import io
import json
import logging
import os
import platform
import re
import sys
import textwrap
import warnings
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from typing import Literal

from mlpkit.commands.default_devices import answers
from mlpkit.messages import exception_line
from mlpkit.plugin import Component, Kind, PluginError, PluginWarning
from mlpkit.registry.discovery import CORE, DISABLE, Plugin, own_version
from mlpkit.registry.distributions import install_line
from mlpkit.registry.lookup import LOG, Registry, missing

SUMMARY = "show what is installed, and what is broken and why"
WIDTH = 100
SLOW = 0.3  # seconds that a light module does not take
Status = Literal["ok", "broken", "disabled", "missing requirements", "ambiguous", "shadowed"]


@dataclass
class Offer:
    """One component; ``note`` says what is wrong and what to do."""

    kind: Kind
    name: str
    summary: str
    requires: tuple[str, ...]
    options: tuple[str, ...]
    status: Status
    note: str = ""
    device: str = ""  # of a backend: where it computes by default


@dataclass
class Row:
    """One entry point; its status is its own, or that of the first offer with trouble."""

    plugin: str
    distribution: str
    version: str
    status: Status
    note: str = ""
    offers: list[Offer] = field(default_factory=list)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell each lookup")


def main(given: argparse.Namespace) -> int:
    """Print the listing; what is broken is part of it, so the exit code is 0."""
    if given.verbose:
        traced()
    registry = Registry()
    costs = [imported(plugin) for plugin in registry.plugins]  # before any lookup loads more
    rows = [row(p, c, registry) for p, c in zip(registry.plugins, costs, strict=True)]
    rows.sort(key=lambda r: r.distribution == CORE)  # what was installed beyond the core first
    offers = {o.name: o for r in rows for o in r.offers if o.device}
    devices = answers({name: o.device for name, o in offers.items()})
    about = {"mlpkit": own_version(), "python": platform.python_version()}
    notes = unknown_names(registry.plugins)
    if given.json:
        for name, device in devices:
            offers[name].device = device
        plugins = [asdict(r) for r in rows]
        print(json.dumps({**about, "plugins": plugins, "notes": notes}, indent=2))
    else:
        print(", ".join(f"{name} {version}" for name, version in about.items()))
        print(f"\n{table(rows)}", flush=True)
        print("\nDEVICE THAT A BACKEND USES BY DEFAULT", flush=True)
        for name, device in devices:  # which takes seconds, where a framework is imported
            start = f"  {name:{max(map(len, offers))}}  "
            print("\n".join(wrapped(device, len(start), start)), flush=True)
        print("".join(f"\n{note}" for note in notes), end="\n" if notes else "")
    return 0


def components(plugin: Plugin) -> list[tuple[Kind, Component]]:
    """All that a plugin offers, with its kind."""
    return [(kind, c) for kind, named in plugin.components.items() for c in named.values()]


def traced() -> None:
    """Have each lookup told on stderr, from here on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.DEBUG)


def imported(plugin: Plugin) -> list[str]:
    """Load a plugin; what it costs those who only list it, in sentences."""
    before = set(sys.modules)
    with redirect_stdout(io.StringIO()) as printed:
        offered = components(plugin.load())
    required = {module for _, c in offered for module in c.requires}
    costs = []
    if heavy := sorted(required & (set(sys.modules) - before)):
        costs.append(f"Imports {', '.join(heavy)}")
    if plugin.seconds > SLOW:
        costs.append(f"Takes {plugin.seconds:.1f} s")
    if text := " ".join(printed.getvalue().split()):
        costs.append(f"Prints {textwrap.shorten(text, 60, placeholder=' ...')!r}")
    return [f"{cost} when it is only listed, which its factories should." for cost in costs]


def row(plugin: Plugin, costs: list[str], registry: Registry) -> Row:
    """What there is to say about one entry point."""
    found = Row(plugin.entry.name, plugin.distribution, plugin.version, "ok")
    found.offers = [offer(plugin, kind, c, registry) for kind, c in components(plugin)]
    if plugin.disabled:
        found.status, found.note = "disabled", f"Left out by {plugin.disabled}."
    elif plugin.error:
        found.status, found.note = "broken", f"{exception_line(plugin.error)}. {plugin.remedy}"
    elif not found.offers:
        found.note = "Offers nothing."
    found.note = " ".join([found.note, *costs]).strip()
    if trouble := [o.status for o in found.offers if o.status != "ok"]:
        found.status = trouble[0]
    return found


def offer(plugin: Plugin, kind: Kind, c: Component, registry: Registry) -> Offer:
    """What there is to say about one component: what a lookup of its name would find."""
    found = Offer(kind, c.name, c.summary, c.requires, c.options, "ok")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PluginWarning)  # the listing says it
            first, _ = registry.find(kind, c.name)
    except PluginError as error:
        found.status, found.note = "ambiguous", f"{error}."
    else:
        if first is not plugin:
            found.status = "shadowed"
            found.note = (
                f"{kind}={c.name!r} is that of {first.label}."
                f" This one is {kind}='{plugin.distribution}/{c.name}'."
            )
    if absent := missing(c):
        found.status = "missing requirements"
        needs = f"Needs {', '.join(absent)}: {install_line(plugin.distribution)}."
        found.note = f"{needs} {found.note}".rstrip()
    if kind == "backend" and found.status == "ok":
        found.device = c.device
    return found


def unknown_names(plugins: list[Plugin]) -> list[str]:
    """What MLPKIT_DISABLE_PLUGINS names in vain."""
    named = [name for name in re.split(r"[,\s]+", os.environ.get(DISABLE, "")) if name]
    unknown = [name for name in named if not any(p.is_called(name) for p in plugins)]
    notes = [f"{DISABLE} names {name!r}, which is not installed." for name in unknown]
    if any(p.is_called(name) for p in plugins if p.distribution == CORE for name in named):
        notes.append(f"{DISABLE} can't leave out the core.")
    return notes


def table(rows: list[Row]) -> str:
    """The rows as text, a line for each plugin and under it what it offers."""
    heads = [("PLUGIN", "DISTRIBUTION", "VERSION", "STATUS")]
    cells = heads + [(r.plugin, r.distribution, r.version, r.status) for r in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    head, *lines = ("  ".join(map(str.ljust, c, widths)).rstrip() for c in cells)
    text = [head]
    for r, line in zip(rows, lines, strict=True):
        text += ["", line, *wrapped(r.note, 2)]
        kinds = max([len(o.kind) for o in r.offers], default=0)
        names = max([len(o.name) for o in r.offers], default=0)
        kind = ""
        for o in r.offers:
            shown = "" if o.kind == kind else o.kind
            kind = o.kind
            start = f"  {shown:{kinds}}  {o.name:{names}}  "
            state = "" if o.status == "ok" else f"[{o.status}] "
            text += wrapped(f"{state}{o.summary}", len(start), start) or [start.rstrip()]
            text += wrapped(o.note, len(start))
    return "\n".join(text)


def wrapped(text: str, indent: int, start: str | None = None) -> list[str]:
    """Text in lines that fit the width; words as long as a command stay whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent if start is None else start,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
