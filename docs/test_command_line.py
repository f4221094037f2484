"""The commands on the pages run, and print what the pages show."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent / "user_guide"
PAGES = ("command_line.md", "life_of_a_model.md")
FENCE = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
PROGRAM = "import sys; sys.argv[0] = 'mlpkit'; from mlpkit.__main__ import main; sys.exit(main())"


def matches(shown: str, printed: str) -> bool:
    """Whether a text is what the page shows, in which "..." stands for any text."""
    pattern = ".*".join(map(re.escape, " ".join(shown.split()).split("...")))
    return re.fullmatch(pattern, " ".join(printed.split())) is not None


@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_the_page_shows(page: str, tmp_path: Path) -> None:
    """In their order, in one folder, by a shell in which ``mlpkit`` is this program."""
    program = tmp_path / "bin" / "mlpkit"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{PROGRAM}" "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    environment.pop("MLPKIT_BACKEND", None)
    work = tmp_path / "work"
    work.mkdir()
    commands = 0
    for kind, text in FENCE.findall((GUIDE / page).read_text()):
        pairs = [(text, "")] if kind == "python" else COMMAND.findall(text)
        for command, shown in pairs:
            arguments = [sys.executable, "-c", command]
            process = subprocess.run(
                arguments if kind == "python" else ["bash", "-c", command],
                cwd=work,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert process.returncode == 0, f"{command}\n{process.stdout}"
            assert matches(shown, process.stdout), f"{command}\n{process.stdout}"
            commands += kind == "console"
    assert commands > 5
