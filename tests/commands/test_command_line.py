"""The installed command ``mlpkit``, and ``python -m mlpkit``."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from distributions import wheel
from environments import Environment, plain

from mlpkit import __version__
from mlpkit.commands.program import COMMANDS

REPOSITORY = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return a virtual environment with the wheel of this repository."""
    folder = tmp_path_factory.mktemp("command")
    environment = Environment(folder / "venv", linked=False)
    return environment.install_wheel(wheel(REPOSITORY, folder / "wheels"))


@pytest.fixture(params=["mlpkit", "python -m mlpkit"])
def program(request: pytest.FixtureRequest) -> str:
    """Return the name of the program, as the user types it."""
    return str(request.param)


@pytest.fixture
def run(environment: Environment, program: str) -> Run:
    """Return a function that runs the program with arguments."""
    scripts = environment.python.parent
    start = [environment.python, "-m", "mlpkit"] if " " in program else [scripts / "mlpkit"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*map(str, start), *arguments]
        return subprocess.run(command, env=plain(), capture_output=True, text=True, check=False)

    return run


def test_help_contains_the_program_name(run: Run, program: str) -> None:
    """The usage lines contain the name; each command is listed."""
    process = run("--help")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith(f"usage: {program} [-h]")
    assert all(f"\n    {name}" in process.stdout for name in COMMANDS)
    for name in COMMANDS:
        assert run(name, "--help").stdout.startswith(f"usage: {program} {name} [-h]")


def test_errors_contain_the_program_name(run: Run, program: str) -> None:
    """The exit code is 2, and stderr has one line."""
    process = run("unknown")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith(f"{program}: error: ")
    assert process.stderr.count("\n") == 1


def test_messages_contain_the_program_name(run: Run, program: str, tmp_path: Path) -> None:
    """The suggested commands can be copied."""
    process = run("new-plugin", "lion", "--kind", "solver", "--folder", str(tmp_path))
    assert (process.returncode, process.stderr) == (0, "")
    assert f"\n    {program} check lion\n" in process.stdout


def test_plugins_are_found(run: Run) -> None:
    """The installed command finds the installed plugins."""
    assert run("--version").stdout == f"mlpkit {__version__}\n"
    process = run("plugins")
    assert (process.returncode, process.stderr) == (0, "")
    assert "numpy" in process.stdout
