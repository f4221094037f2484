"""The console command `mlpkit`, and `python -m mlpkit`, as pip installs them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from distributions import wheel
from environments import Environment, plain

from mlpkit import __version__
from mlpkit.__main__ import COMMANDS

REPOSITORY = Path(__file__).parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A virtual environment with the wheel of this repository."""
    folder = tmp_path_factory.mktemp("command")
    environment = Environment(folder / "venv", linked=False)
    return environment.install_wheel(wheel(REPOSITORY, folder / "wheels"))


@pytest.fixture(params=["mlpkit", "python -m mlpkit"])
def typed(request: pytest.FixtureRequest) -> str:
    """What the user types."""
    return str(request.param)


@pytest.fixture
def run(environment: Environment, typed: str) -> Run:
    """Run the command as it is typed."""
    scripts = environment.python.parent
    start = [environment.python, "-m", "mlpkit"] if " " in typed else [scripts / "mlpkit"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*map(str, start), *arguments]
        return subprocess.run(command, env=plain(), capture_output=True, text=True, check=False)

    return run


def test_help_names_the_command_as_it_was_typed(run: Run, typed: str) -> None:
    """The usage lines can be copied; each command is listed."""
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {typed} [-h]")
    assert all(f"\n    {name}" in done.stdout for name in COMMANDS)
    for name in COMMANDS:
        assert run(name, "--help").stdout.startswith(f"usage: {typed} {name} [-h]")


def test_errors_name_the_command_as_it_was_typed(run: Run, typed: str) -> None:
    """Exit code 2, and the usage on stderr."""
    done = run("unknown")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"\n{typed}: error: " in done.stderr


def test_messages_name_the_command_as_it_was_typed(run: Run, typed: str, tmp_path: Path) -> None:
    """What a command says to type next is what works here."""
    done = run("new-plugin", "lion", "--kind", "solver", "--folder", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"\n    {typed} check lion\n" in done.stdout


def test_it_works(run: Run) -> None:
    """The installed command finds the installed plugins."""
    assert run("--version").stdout == f"mlpkit {__version__}\n"
    done = run("plugins")
    assert (done.returncode, done.stderr) == (0, "")
    assert "numpy" in done.stdout
