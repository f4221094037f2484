"""Write a new plugin: a working distribution, which its author then adapts."""

import argparse
import keyword
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import get_args

from mlpkit.commands import templates
from mlpkit.commands.check import CONFORMANCE_TESTS
from mlpkit.commands.program_name import program_name
from mlpkit.commands.template_backend import SUPPORTS
from mlpkit.plugin import API, Kind
from mlpkit.registry.distributions import CORE, own_version
from mlpkit.registry.lookup import installed

MAX_LENGTH = 60  # characters of a name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("name", help="the name of the component, such as lion")
    parser.add_argument(
        "--kind", required=True, choices=[k for k in get_args(Kind) if k in CONFORMANCE_TESTS]
    )
    parser.add_argument("--folder", default=".", type=Path, help="parent folder (default: current)")


def main(options: argparse.Namespace) -> int:
    """Write the files and print the next commands."""
    name = options.name.removeprefix("mlpkit-")
    if not re.fullmatch(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*", name):
        print(
            f"{options.name!r} is not a valid name: use lowercase letters, digits and hyphens, and"
            " begin with a letter."
        )
        return 2
    if reason := invalid_reason(name):
        suggestion = f"{name[:20].rstrip('-_')}-{options.kind}"
        shown = name if len(name) <= MAX_LENGTH else f"{name[:20]}..."
        print(f"{shown!r} cannot be the name of a plugin: {reason}. Try {suggestion!r}.")
        return 2
    target: Path = options.folder / f"mlpkit-{name}"
    if target.exists():
        print(f"{target} already exists. Choose another name, or another --folder.")
        return 2
    for path, text in files(name, options.kind).items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text)
    print(
        f"Wrote {target}. Next:\n\n"
        f"    pip install -e '{target}[test]'\n"
        f"    pytest {target}\n"
        f"    {program_name()} check {name}\n"
    )
    return 0


def invalid_reason(name: str) -> str:
    """Return why a plugin cannot have this name, or an empty string."""
    identifier = name.replace("-", "_")
    distribution = f"{CORE}-{name}"
    if len(name) > MAX_LENGTH:
        return f"it has {len(name)} characters, and at most {MAX_LENGTH} are allowed"
    if keyword.iskeyword(identifier) or keyword.iskeyword(identifier.title()):
        return "it is a keyword of Python"
    core, *others = installed().plugins
    if name == core.entry.name:
        return "it is the entry point of mlpkit itself"
    for kind, components in core.load().components.items():
        if name in components:
            return f"there is a {kind} {name!r} in mlpkit itself"
    for plugin in others:
        if plugin.is_called(name, distribution):
            return f"{plugin.label} is installed"
    if identifier in sys.stdlib_module_names:
        return f"Python's standard library has a module {identifier!r}"
    for module in (identifier, f"{CORE}_{identifier}"):
        if is_module(module):
            return f"a module {module!r} is installed"
    return ""


def is_module(name: str) -> bool:
    """Return whether a top-level module is installed, without importing it."""
    spec = find_spec(name)
    return spec is not None and spec.origin is not None  # a folder has no origin


def files(name: str, kind: Kind) -> dict[str, str]:
    """Return the text of each file of the distribution, by its path."""
    identifier = name.replace("-", "_")
    template = templates.TEMPLATES[kind]
    major, minor = (own_version().split(".") + ["0"])[:2] if own_version()[0].isdigit() else "01"
    substitutions = {
        "name": name,
        "id": identifier,
        "module": f"mlpkit_{identifier}",
        "kind": kind,
        "Class": "".join(part.title() for part in identifier.split("_")),
        "tests": CONFORMANCE_TESTS[kind],
        "options": template.options,
        "supports": SUPPORTS if kind == "backend" else "",
        "api": str(API),
        "version": f">={major}.{minor},<{major}.{int(minor) + 1}",
    }
    texts = {
        "pyproject.toml": templates.PYPROJECT,
        "README.md": templates.README.replace("$example", template.example.strip()),
        "tox.ini": templates.TOX,
        f"{substitutions['module']}/__init__.py": templates.PACKAGE,
        f"{substitutions['module']}/{kind}.py": template.code,
        f"{substitutions['module']}/py.typed": "",
        f"tests/test_{identifier}.py": templates.TESTS,
    }
    return {
        path: Template(text).substitute(substitutions).lstrip("\n") for path, text in texts.items()
    }
