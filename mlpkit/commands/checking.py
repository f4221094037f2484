"""Hold an installed plugin to the laws of what it offers, and say what came out."""

import argparse
import tempfile
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlpkit.discovery import Plugin, did_you_mean
from mlpkit.plugin import Component, Kind
from mlpkit.registry import Registry

SUMMARY = "hold an installed plugin to the laws of its kind"
LAWS: dict[Kind, str] = {
    "backend": "BackendLaws",
    "builder": "BuilderLaws",
    "solver": "SolverLaws",
    "trainer": "TrainerLaws",
    "callback": "CallbackLaws",
    "metric": "MetricLaws",
    "partitioner": "PartitionerLaws",
}


@dataclass
class Verdict:
    """What the laws say to one component."""

    kind: Kind
    name: str
    kept: int = 0
    skipped: int = 0
    broken: dict[str, str] = field(default_factory=dict)  # law: why
    note: str = ""

    @property
    def word(self) -> str:
        """The verdict itself."""
        return "BROKEN" if self.broken else "kept" if self.kept else "not checked"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("name", help="of an entry point or a distribution")


def main(given: argparse.Namespace) -> int:
    """Print a verdict for each component; the exit code is 0 if every law is kept."""
    try:
        import pytest  # noqa: F401
    except ImportError:
        print("The laws are tests, and pytest is not installed. Try: pip install 'mlpkit[test]'")
        return 2
    registry = Registry()
    plugins = [p for p in registry.plugins if p.is_called(given.name)]
    if not plugins:
        known = [p.entry.name for p in registry.plugins]
        hint = did_you_mean(given.name, known)
        print(f"No plugin {given.name!r}; installed: {', '.join(known)}. {hint}".rstrip())
        return 2
    return max([checked(plugin) for plugin in plugins])


def checked(plugin: Plugin) -> int:
    """Print what the laws say to a plugin; the exit code."""
    offers = [(k, c) for k, named in plugin.load().components.items() for c in named.values()]
    if plugin.trouble or not offers:
        print(f"{plugin.trouble or f'{plugin.label} offers nothing'}. {plugin.remedy}")
        return 1
    print(f"{plugin.label}\n")
    verdicts = [verdict(plugin, kind, component) for kind, component in offers]
    for v in verdicts:
        print(told(v))
    broken = sum(len(v.broken) for v in verdicts)
    print(f"\n{broken} broken laws." if broken else "\nEvery law that was checked is kept.")
    return int(broken > 0)


def verdict(plugin: Plugin, kind: Kind, component: Component) -> Verdict:
    """Run the laws of a component."""
    found = Verdict(kind, component.name)
    if kind not in LAWS:
        found.note = "there are no laws for this kind"
        return found
    import pytest

    name = f"{plugin.distribution}/{component.name}"
    laws = LAWS[kind]
    test = f"from mlpkit.testing import {laws}\n\n\nclass TestIt({laws}):\n    {kind} = {name!r}\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "test_it.py")
        path.write_text(test)
        options = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:randomly"]
        options += ["--rootdir", folder, "-c", str(Path(folder, "none.ini"))]
        Path(folder, "none.ini").write_text("[pytest]\n")
        pytest.main([*options, "--import-mode=importlib", str(path)], plugins=[Witness(found)])
    return found


class Witness:
    """A plugin of pytest's that writes down what happens."""

    def __init__(self, found: Verdict) -> None:
        self.found = found

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a test, or keep why it failed."""
        if report.failed:
            law = report.nodeid.rpartition("::")[2].removeprefix("test_")
            crash = getattr(report.longrepr, "reprcrash", None)
            self.found.broken[law] = crash.message if crash else str(report.longrepr)
        elif report.skipped:
            self.found.skipped += 1
        elif report.when == "call":
            self.found.kept += 1

    def pytest_collectreport(self, report: Any) -> None:
        """Keep why nothing could be collected."""
        if report.failed:
            self.found.broken["collection"] = str(report.longrepr)


def told(v: Verdict) -> str:
    """A verdict in lines."""
    counts = f"{v.kept} laws and cases kept" if v.kept else v.note
    counts += f", {v.skipped} do not apply" if v.skipped else ""
    lines = [f"{v.word:12} {v.kind} {v.name!r}: {counts}"]
    for law, why in v.broken.items():
        words = " ".join(why.split())
        lines.append(f"    {law.replace('_', ' ')}")
        lines += textwrap.wrap(
            textwrap.shorten(words, 300, placeholder=" ..."),
            100,
            initial_indent=8 * " ",
            subsequent_indent=8 * " ",
        )
    return "\n".join(lines)
