"""Hold an installed plugin to the laws of what it offers, and say what came out."""

import argparse
import inspect
import json
import os
import re
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mlpkit.commands.program_name import program_name
from mlpkit.messages import did_you_mean
from mlpkit.plugin import CAPABILITIES, Capability, Component, Kind, PluginError
from mlpkit.registry.discovery import Plugin
from mlpkit.registry.distributions import CORE, install_hint
from mlpkit.registry.lookup import Registry

# what hypothesis adds to a message: the case, and in it the class that was made here
CASE = re.compile(r"\s*F(?:ail|alsify)ing .*?: \w+\(\s*self=<.*?>,\s*(.*?),?\s*\)$", re.DOTALL)
SHOWN = re.compile(r"(?<=.)\nassert .*", re.DOTALL)  # what pytest adds to a law's own words
SUMMARY = "hold an installed plugin to the laws of its kind"
CONFORMANCE_TESTS: dict[Kind, str] = {
    "backend": "BackendTests",
    "builder": "BuilderTests",
    "solver": "SolverTests",
    "trainer": "TrainerTests",
    "callback": "CallbackTests",
    "metric": "MetricTests",
    "partitioner": "PartitionerTests",
}


@dataclass
class Verdict:
    """What the laws say to one component."""

    kind: Kind
    name: str
    kept: int = 0
    broken: dict[str, str] = field(default_factory=dict)  # law: why
    exempt: dict[str, str] = field(default_factory=dict)  # law: why
    skipped: dict[str, str] = field(default_factory=dict)  # law: why
    note: str = ""
    supports: tuple[Capability, ...] | None = None  # what a backend declares

    @property
    def word(self) -> str:
        """The verdict itself."""
        return "BROKEN" if self.broken else "kept" if self.kept else "not checked"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("name", help="an entry point or a distribution, or NAME/COMPONENT of it")
    parser.add_argument(
        "--options",
        type=options_from,
        default={},
        help="what the component is made with, in JSON: '{\"column\": 0}'",
    )
    parser.add_argument("--backend", help="that runs its networks and its solver, where one must")


def options_from(text: str) -> dict[str, Any]:
    """Options by name."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not an object, as '{{\"column\": 0}}' is")
    return found


def main(given: argparse.Namespace) -> int:
    """Print a verdict for each component; the exit code is 0 if every law is kept."""
    try:
        import hypothesis  # noqa: F401
        import pytest  # noqa: F401
    except ImportError as error:
        remedy = f"Try: {install_hint(f'{CORE}[testing]')}"
        print(f"The laws are tests, and {error.name} is missing. {remedy}")
        return 2
    registry, (name, _, only) = Registry(), given.name.partition("/")
    plugins = [p for p in registry.plugins if p.is_called(name)]
    if not plugins:
        known = [p.entry.name for p in registry.plugins]
        hint = did_you_mean(name, known)
        print(f"No plugin {name!r}; installed: {', '.join(known)}. {hint}".rstrip())
        return 2
    return max([checked(registry, plugin, only, given) for plugin in plugins])


def checked(registry: Registry, plugin: Plugin, only: str, given: argparse.Namespace) -> int:
    """Print what the laws say to a plugin, or to one of its components; the exit code."""
    offers = [(k, c) for k, named in plugin.load().components.items() for c in named.values()]
    if plugin.problem or not offers:
        print(f"{plugin.problem or f'{plugin.label} offers nothing'}. {plugin.remedy}")
        return 1
    names = list(dict.fromkeys(c.name for _, c in offers))
    offers = [(k, c) for k, c in offers if only in ("", c.name)]
    if not offers:
        hint = did_you_mean(only, names)
        print(f"{plugin.label} has no {only!r}; it offers: {', '.join(names)}. {hint}".rstrip())
        return 2
    if given.options and len(offers) > 1:
        print(
            f"{plugin.label} offers {', '.join(names)}, and options are for one. Try:"
            f" {program_name()} check {plugin.entry.name}/{names[0]} --options ..."
        )
        return 2
    print(f"{plugin.label}\n", flush=True)
    broken = []
    for kind, component in offers:
        found = verdict(registry, plugin, kind, component, given)
        broken += list(found.broken)
        print(told(found), flush=True)
    if broken and not given.backend and {k for k, _ in offers} & {"builder", "solver"}:
        print("\nNetworks and solvers of one framework are checked on its backend: --backend NAME")
    print(f"\n{len(broken)} broken laws." if broken else "\nEvery law that applies is kept.")
    return int(bool(broken))


def verdict(
    registry: Registry, plugin: Plugin, kind: Kind, component: Component, given: argparse.Namespace
) -> Verdict:
    """Run the laws of a component."""
    found = Verdict(kind, component.name)
    if kind not in CONFORMANCE_TESTS:
        found.note = "there are no laws for this kind"
        return found
    if kind == "backend":
        found.supports = component.supports
        if "dense_networks" not in component.supports:
            found.note = "its laws are about 'dense_networks', which it does not declare"
            return found
    name = f"{plugin.distribution}/{component.name}"
    try:
        factory, _ = registry.resolve(kind, name)
    except PluginError as error:
        found.broken["it can be imported"] = str(error)
        return found
    if absent := [n for n in needed(kind, factory) if n not in given.options]:
        example = json.dumps(dict.fromkeys(absent, "..."))
        found.note = (
            f"it needs options; try: {program_name()} check"
            f" {plugin.entry.name}/{component.name} --options '{example}'"
        )
        return found
    held = {kind: name, "exempt": dict(component.exempt)}
    if given.options:
        held["options"] = given.options
    if given.backend and kind in ("builder", "solver"):
        held["backend"] = given.backend
    run(CONFORMANCE_TESTS[kind], held, found)
    return found


def needed(kind: Kind, factory: Any) -> list[str]:
    """The options without which a factory can't be called."""
    if kind == "trainer":
        return []
    given = {"backend": 3, "builder": 2}.get(kind, 0)  # arguments that mlpkit gives
    try:
        parameters = list(inspect.signature(factory).parameters.values())[given:]
    except (TypeError, ValueError):  # it does not say
        return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variable]


def run(laws: str, held: Mapping[str, Any], found: Verdict) -> None:
    """Run a class of laws with these attributes, and write down what happens."""
    import pytest

    lines = [f"    {name} = {value!r}\n" for name, value in held.items()]
    test = f"from mlpkit.testing import {laws}\n\n\nclass TestIt({laws}):\n{''.join(lines)}"
    with tempfile.TemporaryDirectory() as folder:
        # a name of its own: pytest takes a module that it has met for the one it is asked for
        path = Path(folder, f"test_{Path(folder).name}.py")
        path.write_text(test)
        options = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:randomly"]
        options += ["--rootdir", folder, "-c", str(Path(folder, "none.ini"))]
        options += ["--import-mode=importlib", str(path)]
        Path(folder, "none.ini").write_text("[pytest]\n")
        with patch.dict(os.environ):
            os.environ.pop("PYTEST_ADDOPTS", None)  # meant for the user's own tests
            code = pytest.main(options, plugins=[Witness(found)])
    if not (found.broken or found.kept or found.skipped or found.exempt):
        found.broken["its laws run"] = f"pytest ended with {code!r}"


class Witness:
    """A plugin of pytest's that writes down what happens."""

    def __init__(self, found: Verdict) -> None:
        self.found = found

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a test, or keep why it failed."""
        law = report.nodeid.rpartition("::")[2].removeprefix("test_").partition("[")[0]
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = crash.message if crash else str(report.longrepr)
            if case := CASE.search(why):
                law, why = f"{law} (for {' '.join(case[1].split())})", why[: case.start()]
            self.found.broken.setdefault(law, SHOWN.sub("", why))
        elif hasattr(report, "wasxfail"):
            self.found.exempt[law] = report.wasxfail
        elif report.skipped:
            why = str(report.longrepr[2]).removeprefix("Skipped: ")
            self.found.skipped[law] = CASE.sub("", why)
        elif report.when == "call":
            self.found.kept += 1

    def pytest_collectreport(self, report: Any) -> None:
        """Keep why nothing could be collected."""
        if report.failed:
            self.found.broken["collection"] = str(report.longrepr)


def told(v: Verdict) -> str:
    """A verdict in lines."""
    counts = f"{v.kept} laws and cases kept" if v.kept or v.broken else v.note
    lines = [f"{v.word:12} {v.kind} {v.name!r}: {counts}"]
    if v.supports is not None:
        other = [capability for capability in CAPABILITIES if capability not in v.supports]
        lines += [f"    declares: {', '.join(v.supports) or 'nothing'}"]
        lines += [f"    does not declare, and must refuse: {', '.join(other)}"] if other else []
    for word, laws in (("exempt", v.exempt), ("does not apply", v.skipped)):
        lines += [f"    {word}: {law.replace('_', ' ')}: {why}" for law, why in laws.items()]
    reasons: dict[str, list[str]] = {}
    for law, why in v.broken.items():
        reasons.setdefault(" ".join(why.split()), []).append(law.replace("_", " "))
    for words, broken in reasons.items():  # what breaks several laws is told once
        lines += [f"    {textwrap.shorten(law, 96, placeholder=' ...)')}" for law in broken]
        lines += textwrap.wrap(
            textwrap.shorten(words, 300, placeholder=" ..."),
            100,
            initial_indent=8 * " ",
            subsequent_indent=8 * " ",
        )
    return "\n".join(lines)
