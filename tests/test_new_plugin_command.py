"""``mlpkit new-plugin``: what is written works as it is."""

import ast
import re
from pathlib import Path

import pytest
from distributions import build, install, run
from lookups import FAST

from mlpkit.__main__ import main
from mlpkit.commands.check import CONFORMANCE_TESTS
from mlpkit.commands.new_plugin import files
from mlpkit.commands.templates import KINDS
from mlpkit.plugin import Hooks
from mlpkit.registry import lookup as registry
from mlpkit.registry.lookup import Registry

pytestmark = pytest.mark.once

DATA = "import numpy as np\nX = np.random.RandomState(0).rand(40, 3)\ny = np.arange(40) % 2\n"


@pytest.mark.parametrize("kind", CONFORMANCE_TESTS)
def test_what_is_written_passes_its_own_tests(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a built wheel: the tests, the README's example, and the verdict of `check`."""
    assert main(["new-plugin", "my-own", "--kind", kind, "--folder", str(tmp_path)]) == 0
    source, site = tmp_path / "mlpkit-my-own", tmp_path / "site"
    assert f"pytest {source}" in capsys.readouterr().out
    build(source, site)
    options = ("-q", "--import-mode=importlib", "-p", "no:cacheprovider", f"--rootdir={source}")
    done = run(site, "-W", "default", "-m", "pytest", *options, str(source / "tests"))
    assert done.returncode == 0, done.stdout
    (example,) = re.findall(r"```python\n(.*?)```", (source / "README.md").read_text(), re.DOTALL)
    done = run(site, "-W", "ignore", "-c", DATA + example, PYTHONWARNINGS="ignore")
    assert done.returncode == 0, done.stderr
    done = run(site, "-m", "mlpkit", "check", "my-own", PYTHONWARNINGS="default")
    assert done.returncode == 0, done.stdout
    assert re.search(rf"^passed +{kind} 'my-own': \d+ tests passed", done.stdout, re.M)


def test_every_kind_with_laws_can_be_written() -> None:
    """And each kind has a hook of its own."""
    assert KINDS.keys() == CONFORMANCE_TESTS.keys()
    assert {f"mlpkit_{kind}s" for kind in CONFORMANCE_TESTS} <= vars(Hooks).keys()


@pytest.mark.parametrize("name", ["Lion", "9lives", "a b", "-x-", ""])
def test_names_that_can_not_be(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written."""
    assert main(["new-plugin", "--kind", "solver", "--folder", str(tmp_path), "--", name]) == 2
    assert "is no name for a plugin" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "why"),
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
def test_names_that_are_taken(
    name: str,
    why: str,
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By Python, a module, mlpkit or another plugin: nothing is written, another is suggested."""
    install(site, "mlpkit-fast", {"fast": FAST})
    monkeypatch.setattr(registry, "_registry", Registry)
    folder = site / "new"
    assert main(["new-plugin", name, "--kind", "solver", "--folder", str(folder)]) == 2
    told = capsys.readouterr().out
    assert re.search(f"can't be the name of a plugin: {why}", told) and len(told) < 200
    assert not folder.exists()
    suggestion = told.rpartition("Try '")[2].removesuffix("'.\n")
    assert main(["new-plugin", suggestion, "--kind", "solver", "--folder", str(folder)]) == 0
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text())


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is there stays as it is."""
    for code in (0, 2):
        arguments = ["new-plugin", "mlpkit-lion", "--kind", "solver", "--folder", str(tmp_path)]
        assert main(arguments) == code
    assert "is there already" in capsys.readouterr().out


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_to_fill_in(kind: str) -> None:
    """All texts are complete, and import `mlpkit.plugin` alone."""
    for path, text in files("lion", kind).items():  # type: ignore[arg-type]
        assert "$" not in text
        if path.startswith("mlpkit_"):
            packages = set(re.findall(r"^from (mlpkit\b[\w.]*)", text, re.M))
            assert packages <= {"mlpkit.plugin", "mlpkit.backend_kit"}
