"""Run the conformance tests of an installed plugin, and print the results."""

import argparse
import inspect
import json
import os
import re
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mlpkit.commands.program_name import program_name
from mlpkit.messages import did_you_mean
from mlpkit.plugin import CAPABILITIES, Capability, Component, Kind, PluginError
from mlpkit.registry.discovery import Plugin
from mlpkit.registry.distributions import CORE, install_hint
from mlpkit.registry.lookup import Registry

# what hypothesis adds to a message: the failing case
CASE = re.compile(r"\s*F(?:ail|alsify)ing .*?: \w+\(\s*self=<.*?>,\s*(.*?),?\s*\)$", re.DOTALL)
SHOWN = re.compile(r"(?<=.)\nassert .*", re.DOTALL)  # what pytest adds to the message of a test
CONFORMANCE_TESTS: dict[Kind, str] = {
    "backend": "BackendTests",
    "builder": "BuilderTests",
    "solver": "SolverTests",
    "trainer": "TrainerTests",
    "callback": "CallbackTests",
    "metric": "MetricTests",
    "partitioner": "PartitionerTests",
    "encoder": "EncoderTests",
    "exporter": "ExporterTests",
    "communicator": "CommunicatorTests",
}


@dataclass
class Outcome:
    """The results of the conformance tests of a component."""

    kind: Kind
    name: str
    n_passed: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # reasons by test
    exempt: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    note: str = ""
    supports: tuple[Capability, ...] | None = None  # what a backend declares

    @property
    def word(self) -> str:
        """The result in a word."""
        return "FAILED" if self.failed else "passed" if self.n_passed else "not tested"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("name", help="an entry point or a distribution, or NAME/COMPONENT")
    parser.add_argument(
        "--options",
        type=options_from,
        default={},
        help="options of the component as JSON: '{\"column\": 0}'",
    )
    parser.add_argument("--backend", help="the backend that trains with its builders and solvers")


def options_from(text: str) -> dict[str, Any]:
    """Return options from JSON."""
    try:
        options = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(options, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not an object, as '{{\"column\": 0}}' is")
    return options


def main(arguments: argparse.Namespace) -> int:
    """Print the results of each component; the exit code is 0 if no test failed."""
    try:
        for module in ("hypothesis", "pytest"):
            import_module(module)
    except ImportError as error:
        remedy = f"Try: {install_hint(f'{CORE}[testing]')}"
        print(f"The conformance tests require {error.name}, which is not installed. {remedy}")
        return 2
    registry, (name, _, only) = Registry(), arguments.name.partition("/")
    plugins = [p for p in registry.plugins if p.is_called(name)]
    if not plugins:
        known = [p.entry.name for p in registry.plugins]
        hint = did_you_mean(name, known)
        print(f"No plugin {name!r}; installed: {', '.join(known)}. {hint}".rstrip())
        return 2
    return max([check_plugin(registry, plugin, only, arguments) for plugin in plugins])


def check_plugin(
    registry: Registry, plugin: Plugin, only: str, arguments: argparse.Namespace
) -> int:
    """Print the results of a plugin or of one of its components, and return the exit code."""
    offers = [(k, c) for k, named in plugin.load().components.items() for c in named.values()]
    if plugin.problem or not offers:
        print(f"{plugin.problem or f'{plugin.label} has no components'}. {plugin.remedy}")
        return 1
    names = list(dict.fromkeys(c.name for _, c in offers))
    offers = [(k, c) for k, c in offers if only in ("", c.name)]
    if not offers:
        hint = did_you_mean(only, names)
        print(f"{plugin.label} has no {only!r}; it has: {', '.join(names)}. {hint}".rstrip())
        return 2
    if arguments.options and len(offers) > 1:
        print(
            f"{plugin.label} has {', '.join(names)}, and options are for one component. Try:"
            f" {program_name()} check {plugin.entry.name}/{names[0]} --options ..."
        )
        return 2
    print(f"{plugin.label}\n", flush=True)
    failed_tests = []
    for kind, component in offers:
        outcome = check_component(registry, plugin, kind, component, arguments)
        failed_tests += list(outcome.failed)
        print(report_lines(outcome), flush=True)
    if failed_tests and not arguments.backend and {k for k, _ in offers} & {"builder", "solver"}:
        print("\nBuilders and solvers of a framework are tested on its backend: --backend NAME")
    print(
        f"\n{len(failed_tests)} failed tests." if failed_tests else "\nAll tests that apply passed."
    )
    return int(bool(failed_tests))


def check_component(
    registry: Registry,
    plugin: Plugin,
    kind: Kind,
    component: Component,
    arguments: argparse.Namespace,
) -> Outcome:
    """Run the conformance tests of a component."""
    outcome = Outcome(kind, component.name)
    if kind not in CONFORMANCE_TESTS:
        outcome.note = "mlpkit.testing has no conformance tests of this kind"
        return outcome
    if kind == "backend":
        outcome.supports = component.supports
        if "dense_networks" not in component.supports:
            outcome.note = "its conformance tests need 'dense_networks', which it does not declare"
            return outcome
    name = f"{plugin.distribution}/{component.name}"
    try:
        factory, _ = registry.resolve(kind, name)
    except PluginError as error:
        outcome.failed["the factory can be imported"] = str(error)
        return outcome
    if missing := [n for n in required_options(kind, factory) if n not in arguments.options]:
        example = json.dumps(dict.fromkeys(missing, "..."))
        outcome.note = (
            f"it requires options; try: {program_name()} check"
            f" {plugin.entry.name}/{component.name} --options '{example}'"
        )
        return outcome
    attributes = {kind: name, "exempt": dict(component.exempt)}
    if arguments.options:
        attributes["options"] = arguments.options
    if arguments.backend and kind in ("builder", "solver"):
        attributes["backend"] = arguments.backend
    run(CONFORMANCE_TESTS[kind], attributes, outcome)
    return outcome


def required_options(kind: Kind, factory: Any) -> list[str]:
    """Return the options that a factory requires."""
    if kind == "trainer":
        return []
    n_positional = {"backend": 3, "builder": 2, "exporter": 1}.get(kind, 0)
    try:
        parameters = list(inspect.signature(factory).parameters.values())[n_positional:]
    except (TypeError, ValueError):  # no signature
        return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variable]


def run(tests: str, attributes: Mapping[str, Any], outcome: Outcome) -> None:
    """Run a test class with these attributes, and record the results."""
    import pytest

    lines = [f"    {name} = {value!r}\n" for name, value in attributes.items()]
    test = f"from mlpkit.testing import {tests}\n\n\nclass TestIt({tests}):\n{''.join(lines)}"
    with tempfile.TemporaryDirectory() as folder:
        # a unique name: pytest would reuse an imported module of the same name
        path = Path(folder, f"test_{Path(folder).name}.py")
        path.write_text(test)
        options = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:randomly"]
        options += ["--rootdir", folder, "-c", str(Path(folder, "none.ini"))]
        options += ["--import-mode=importlib", str(path)]
        Path(folder, "none.ini").write_text("[pytest]\n")
        with patch.dict(os.environ):
            os.environ.pop("PYTEST_ADDOPTS", None)  # meant for the user's tests
            code = pytest.main(options, plugins=[Recorder(outcome)])
    if not (outcome.failed or outcome.n_passed or outcome.skipped or outcome.exempt):
        outcome.failed["the tests can be run"] = f"pytest ended with {code!r}"


class Recorder:
    """A pytest plugin that records results."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a passed test, or record why it failed."""
        test = report.nodeid.rpartition("::")[2].removeprefix("test_").partition("[")[0]
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = crash.message if crash else str(report.longrepr)
            if case := CASE.search(why):
                test, why = f"{test} (for {' '.join(case[1].split())})", why[: case.start()]
            self.outcome.failed.setdefault(test, SHOWN.sub("", why))
        elif hasattr(report, "wasxfail"):
            self.outcome.exempt[test] = report.wasxfail
        elif report.skipped:
            why = str(report.longrepr[2]).removeprefix("Skipped: ")
            self.outcome.skipped[test] = CASE.sub("", why)
        elif report.when == "call":
            self.outcome.n_passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        """Record an error of the collection."""
        if report.failed:
            self.outcome.failed["collection"] = str(report.longrepr)


def report_lines(v: Outcome) -> str:
    """Return the results as text."""
    counts = f"{v.n_passed} tests passed" if v.n_passed or v.failed else v.note
    lines = [f"{v.word:12} {v.kind} {v.name!r}: {counts}"]
    if v.supports is not None:
        other = [capability for capability in CAPABILITIES if capability not in v.supports]
        lines += [f"    declares: {', '.join(v.supports) or 'nothing'}"]
        lines += [f"    does not declare, and must reject: {', '.join(other)}"] if other else []
    for word, tests in (("exempt", v.exempt), ("skipped", v.skipped)):
        lines += [f"    {word}: {test.replace('_', ' ')}: {why}" for test, why in tests.items()]
    reasons: dict[str, list[str]] = {}
    for test, why in v.failed.items():
        reasons.setdefault(" ".join(why.split()), []).append(test.replace("_", " "))
    for words, failed_tests in reasons.items():  # a reason of several tests is printed once
        lines += [f"    {textwrap.shorten(test, 96, placeholder=' ...)')}" for test in failed_tests]
        lines += textwrap.wrap(
            textwrap.shorten(words, 300, placeholder=" ..."),
            100,
            initial_indent=8 * " ",
            subsequent_indent=8 * " ",
        )
    return "\n".join(lines)
