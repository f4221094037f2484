"""``mlpkit fit``: Ctrl-C during training ends it and writes the best model."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import CORE, KEPT, SHORT, run
from environments import plain
from terminals import on_terminal, receive_interrupts

import mlpkit
from mlpkit.commands.fitting.interruption import Interruption, print_announcement

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("folder")]

PROGRAM = """
import sys
from mlpkit.__main__ import main
sys.argv = ["mlpkit"]
sys.exit(main({arguments!r}))
"""


def long_fit(people: Path, *arguments: str) -> list[str]:
    """Return the arguments of a fit that ends when it is interrupted."""
    return [
        *("fit", str(people), "--target", "income", *SHORT, *KEPT, "-o", "model.mlpkit"),
        *("--set", "max_iter=1000000", "--set", "n_iter_no_change=1000000", *arguments),
    ]


def interrupted_fit(people: Path, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """Interrupt a fit after four epochs; return its objects in JSON, and stderr."""
    code = PROGRAM.format(arguments=long_fit(people, "--log", "json", *arguments))
    environment = {
        **plain(),
        "MLPKIT_DISABLE_PLUGINS": CORE[0],
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=receive_interrupts,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]  # the start, and four epochs
    process.send_signal(signal.SIGINT)
    # `communicate` would lose the lines that are in the buffer of stdout
    lines += process.stdout.readlines()
    assert process.stderr is not None
    errors = process.stderr.read()
    assert process.wait(timeout=60) == 130
    process.stdout.close()
    process.stderr.close()
    return [json.loads(line) for line in lines], errors


def test_ctrl_c_writes_the_best_model(people: Path) -> None:
    """The exit code is 130, and the model is that of the best epoch so far."""
    (_, *epochs, end), errors = interrupted_fit(people)
    assert "Interrupted: training ends after this epoch, and the model is written." in errors
    assert "Traceback" not in errors
    assert end["interrupted"] is True and end["epochs"] == len(epochs)
    model = mlpkit.load("model.mlpkit")
    assert model.n_iter_ == len(epochs)
    assert model.best_validation_score_ == max(e["validation_score"] for e in epochs)


def test_a_checkpoint_continues_after_ctrl_c(people: Path) -> None:
    """As if the fit had not been interrupted; the model has no trace of the checkpoint."""
    checkpoint = ("--checkpoint", "run.ckpt", "--resume")
    (_, *epochs, _), _ = interrupted_fit(people, *checkpoint)
    n = len(epochs)
    arguments = [*long_fit(people, *checkpoint), "--time-limit", "1s"]
    result = run(*arguments, disabled=CORE)
    assert result.code == 0 and "Continuing from run.ckpt" in result.out
    continued = mlpkit.load("model.mlpkit")
    assert continued.checkpoint is None and continued.time_limit is None
    assert continued.n_iter_ > n
    as_many = ("--set", f"max_iter={continued.n_iter_}")
    assert run(*long_fit(people, *as_many), disabled=CORE).code == 0
    assert mlpkit.load("model.mlpkit").loss_curve_ == continued.loss_curve_


class InterruptedFile(io.RawIOBase):
    """A file during whose writes Ctrl-C is pressed."""

    def __init__(self, file: io.FileIO) -> None:
        self.file = file

    def writable(self) -> bool:
        """Whether the file can be written: yes."""
        return True

    def fileno(self) -> int:
        """The descriptor of the file."""
        return self.file.fileno()

    def write(self, data: Any) -> int:
        """Write, and send the signal of Ctrl-C to this process."""
        signal.raise_signal(signal.SIGINT)
        return self.file.write(data)


def test_ctrl_c_inside_a_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is announced there, too, although the buffer of stderr is in use."""
    path = tmp_path / "errors.txt"
    with open(path, "wb", buffering=0) as file, Interruption(print_announcement) as interruption:
        stream = io.TextIOWrapper(io.BufferedWriter(InterruptedFile(file)), line_buffering=True)
        monkeypatch.setattr(sys, "stderr", stream)
        print("epoch 3", file=sys.stderr)
        monkeypatch.undo()
    assert interruption.requested
    assert path.read_text().startswith("Interrupted: training ends after this epoch")
    assert path.read_text().endswith("at once.\nepoch 3\n")


def test_a_terminal_shows_lines_and_a_bar(people: Path) -> None:
    """Ctrl-C there ends training, too, and closes the bar."""
    code = f"import os; os.environ['MLPKIT_DISABLE_PLUGINS'] = {CORE[0]!r}\n" + PROGRAM.format(
        arguments=long_fit(people)
    )
    shown = on_terminal(code, interrupted_at="epoch 3/")
    assert any(line.startswith("epoch 1/1000000  loss ") for line in shown)
    assert any(line.startswith("Training:") and "epoch" in line for line in shown)
    assert any(line.startswith("Wrote model.mlpkit") for line in shown)
