"""``mlpkit new-plugin`` writes plugins that work."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from distributions import build, install, run
from lookups import FAST

from mlpkit.__main__ import main
from mlpkit.commands.check import CONFORMANCE_TESTS
from mlpkit.commands.new_plugin import files
from mlpkit.commands.templates import TEMPLATES
from mlpkit.plugin import Hooks
from mlpkit.registry import lookup as registry
from mlpkit.registry.lookup import Registry

pytestmark = pytest.mark.once

DATA = "import numpy as np\nX = np.random.RandomState(0).rand(40, 3)\ny = np.arange(40) % 2\n"


CHECK_ALL = """
import sys
from mlpkit.__main__ import main
for name in sys.argv[1:]:
    assert main(["check", name]) == 0, name
"""


class NewPlugins(NamedTuple):
    """A new plugin of each kind: the folders of the sources, and that of the built wheels."""

    sources: list[Path]
    site: Path


@pytest.fixture(scope="module")
def new_plugins(tmp_path_factory: pytest.TempPathFactory) -> NewPlugins:
    """The plugins "my-backend", "my-builder" and so on."""
    folder = tmp_path_factory.mktemp("plugins")
    sources, site = [], folder / "site"
    for kind in CONFORMANCE_TESTS:
        assert main(["new-plugin", f"my-{kind}", "--kind", kind, "--folder", str(folder)]) == 0
        sources.append(folder / f"mlpkit-my-{kind}")
        build(sources[-1], site)
    return NewPlugins(sources, site)


def test_new_plugins_pass_their_own_tests(new_plugins: NewPlugins) -> None:
    """With the built wheels; every plugin has tests."""
    folder = new_plugins.site.parent
    options = ("-q", "--import-mode=importlib", "-p", "no:cacheprovider", f"--rootdir={folder}")
    tests = [str(source / "tests") for source in new_plugins.sources]
    process = run(new_plugins.site, "-W", "default", "-m", "pytest", "-rp", *options, *tests)
    assert process.returncode == 0, process.stdout
    for source in new_plugins.sources:
        assert re.search(rf"^PASSED \S*{source.name}/tests/", process.stdout, re.M), process.stdout


def test_examples_of_new_plugins_run(new_plugins: NewPlugins) -> None:
    """The README of each plugin has one."""
    blocks = [
        re.findall(r"```python\n(.*?)```", (source / "README.md").read_text(), re.DOTALL)
        for source in new_plugins.sources
    ]
    assert all(len(matches) == 1 for matches in blocks)
    program = "".join(f"exec({DATA + example!r}, {{}})\n" for (example,) in blocks)
    process = run(new_plugins.site, "-W", "ignore", "-c", program, PYTHONWARNINGS="ignore")
    assert process.returncode == 0, process.stderr


def test_new_plugins_pass_the_conformance_tests(new_plugins: NewPlugins) -> None:
    """`mlpkit check` finds their components."""
    names = [source.name.removeprefix("mlpkit-") for source in new_plugins.sources]
    process = run(new_plugins.site, "-c", CHECK_ALL, *names, PYTHONWARNINGS="default")
    assert process.returncode == 0, process.stdout + process.stderr
    for kind, name in zip(CONFORMANCE_TESTS, names, strict=True):
        assert re.search(rf"^passed +{kind} '{name}': \d+ tests passed", process.stdout, re.M)


def test_the_commands_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They install and test the plugin."""
    assert main(["new-plugin", "my-own", "--kind", "solver", "--folder", str(tmp_path)]) == 0
    assert f"pytest {tmp_path / 'mlpkit-my-own'}" in capsys.readouterr().out


def test_each_tested_kind_has_a_template() -> None:
    """Each kind with conformance tests also has a hook."""
    assert TEMPLATES.keys() == CONFORMANCE_TESTS.keys()
    assert {f"mlpkit_{kind}s" for kind in CONFORMANCE_TESTS} <= vars(Hooks).keys()


@pytest.mark.parametrize("name", ["Lion", "9lives", "a b", "-x-", ""])
def test_invalid_names(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written."""
    assert main(["new-plugin", "--kind", "solver", "--folder", str(tmp_path), "--", name]) == 2
    assert "is not a valid name" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("class", "it is a keyword of Python. Try 'class-solver'"),
        ("import", "it is a keyword of Python"),
        ("none", "it is a keyword of Python"),
        ("json", "Python's standard library has a module 'json'"),
        ("scipy", "a module 'scipy' is installed"),
        ("mlpkit-numpy", "there is a backend 'numpy' in mlpkit itself"),
        ("accuracy", "there is a metric 'accuracy' in mlpkit itself"),
        ("core", "it is the entry point of mlpkit itself"),
        ("fast", r"plugin 'fast' \(mlpkit-fast 1.0\) is installed"),
        ("a" * 300, "it has 300 characters, and at most 60 are allowed"),
    ],
)
def test_unavailable_names(
    name: str,
    reason: str,
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is written, and another name is suggested, which works."""
    install(site, "mlpkit-fast", {"fast": FAST})
    monkeypatch.setattr(registry, "_registry", Registry)
    folder = site / "new"
    assert main(["new-plugin", name, "--kind", "solver", "--folder", str(folder)]) == 2
    output = capsys.readouterr().out
    assert re.search(f"cannot be the name of a plugin: {reason}", output) and len(output) < 200
    assert not folder.exists()
    suggestion = output.rpartition("Try '")[2].removesuffix("'.\n")
    assert main(["new-plugin", suggestion, "--kind", "solver", "--folder", str(folder)]) == 0
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text())


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing folder is not changed."""
    for code in (0, 2):
        arguments = ["new-plugin", "mlpkit-lion", "--kind", "solver", "--folder", str(tmp_path)]
        assert main(arguments) == code
    assert "already exists" in capsys.readouterr().out


@pytest.mark.parametrize("kind", TEMPLATES)
@pytest.mark.parametrize("name", ["lion", "lion-with-restarts"])
def test_texts_are_complete(name: str, kind: str) -> None:
    """Short lines without placeholders, and imports of the public modules only."""
    for path, text in files(name, kind).items():  # type: ignore[arg-type]
        assert "$" not in text
        assert max(map(len, text.splitlines()), default=0) <= 100, path
        if path.startswith("mlpkit_"):
            packages = set(re.findall(r"^from (mlpkit\b[\w.]*)", text, re.M))
            assert packages <= {"mlpkit.plugin", "mlpkit.backend_kit"}
