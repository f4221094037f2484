"""Write a new plugin: a distribution that works as it is, for its author to change."""

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

SUMMARY = "write a new plugin that works as it is"
LONGEST = 60  # letters of a name


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("name", help="what users will type, such as lion")
    parser.add_argument(
        "--kind", required=True, choices=[k for k in get_args(Kind) if k in CONFORMANCE_TESTS]
    )
    parser.add_argument("--folder", default=".", type=Path, help="where its folder goes (here)")


def main(given: argparse.Namespace) -> int:
    """Write the files and say what to type next."""
    name = given.name.removeprefix("mlpkit-")
    if not re.fullmatch(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*", name):
        print(f"{given.name!r} is no name for a plugin: small letters, digits and - between them.")
        return 2
    if why := unusable(name):
        suggestion = f"{name[:20].rstrip('-_')}-{given.kind}"
        shown = name if len(name) <= LONGEST else f"{name[:20]}..."
        print(f"{shown!r} can't be the name of a plugin: {why}. Try {suggestion!r}.")
        return 2
    target: Path = given.folder / f"mlpkit-{name}"
    if target.exists():
        print(f"{target} is there already. Choose another name, or another --folder.")
        return 2
    for path, text in files(name, given.kind).items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text)
    print(
        f"Wrote {target}. Next:\n\n"
        f"    pip install -e '{target}[test]'\n"
        f"    pytest {target}\n"
        f"    {program_name()} check {name}\n"
    )
    return 0


def unusable(name: str) -> str:
    """Why nobody should call a plugin that; empty if nothing speaks against it."""
    identifier = name.replace("-", "_")
    distribution = f"{CORE}-{name}"
    if len(name) > LONGEST:
        return f"it has {len(name)} characters, and at most {LONGEST} are allowed"
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
    """Whether a top-level module is installed; a mere folder is none. Nothing is imported."""
    found = find_spec(name)
    return found is not None and found.origin is not None


def files(name: str, kind: Kind) -> dict[str, str]:
    """The text of each file of the distribution, by its path."""
    identifier = name.replace("-", "_")
    code, options, example = templates.KINDS[kind]
    major, minor = (own_version().split(".") + ["0"])[:2] if own_version()[0].isdigit() else "01"
    words = {
        "name": name,
        "id": identifier,
        "module": f"mlpkit_{identifier}",
        "kind": kind,
        "Class": "".join(part.title() for part in identifier.split("_")),
        "laws": CONFORMANCE_TESTS[kind],
        "options": options,
        "supports": SUPPORTS if kind == "backend" else "",
        "api": str(API),
        "version": f">={major}.{minor},<{major}.{int(minor) + 1}",
    }
    texts = {
        "pyproject.toml": templates.PYPROJECT,
        "README.md": templates.README.replace("$example", example.strip()),
        "tox.ini": templates.TOX,
        f"{words['module']}/__init__.py": templates.PACKAGE,
        f"{words['module']}/{kind}.py": code,
        f"{words['module']}/py.typed": "",
        f"tests/test_{identifier}.py": templates.TESTS,
    }
    return {path: Template(text).substitute(words).lstrip("\n") for path, text in texts.items()}
