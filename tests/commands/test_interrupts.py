"""Ctrl-C before training: the exit code is 130, and no traceback is printed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CORE, KEPT, SHORT, write
from environments import plain
from terminals import receive_interrupts

from mlpkit.commands.fitting.interruption import Interruption
from mlpkit.commands.interrupts import Interrupted, Interrupts

pytestmark = pytest.mark.once

# presses Ctrl-C when a module is imported, and then raises ImportError if it has caught that
PROGRAM = """
import runpy, signal, sys
class Pressing:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                if {hides!r}:
                    raise ImportError("the module is incomplete")
                raise
sys.meta_path.insert(0, Pressing())
sys.argv = ["mlpkit", *{arguments!r}]
runpy.run_module("mlpkit", run_name="__main__", alter_sys=True)
"""


def interrupted(
    module: str,
    *arguments: str,
    hides: bool = False,
    prepare: Callable[[], None] = receive_interrupts,
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process in which Ctrl-C is pressed while a module is imported."""
    paths = {"MLPKIT_DISABLE_PLUGINS": CORE[0], "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module, hides=hides, arguments=arguments)],
        env={**plain(), **paths},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=prepare,
    )


@pytest.fixture
def fit(tmp_path: Path) -> tuple[str, ...]:
    """Return the arguments of a short fit."""
    table, model = write(tmp_path / "people.csv"), tmp_path / "model.mlpkit"
    return ("fit", str(table), "--target", "income", *KEPT, *SHORT, "-o", str(model))


@pytest.mark.parametrize(
    "module",
    ["argparse", "mlpkit.commands.fit", "pyarrow", "numpy", "mlpkit.estimators.classifier"],
)
def test_during_an_import(module: str, fit: tuple[str, ...]) -> None:
    """One line is printed, wherever it happens."""
    process = interrupted(module, *fit)
    assert (process.returncode, process.stdout) == (130, "")
    assert process.stderr == "mlpkit: interrupted\n"


@pytest.mark.parametrize("module", ["mlpkit.commands.fit", "pyarrow"])
def test_another_error_because_of_it(module: str, fit: tuple[str, ...]) -> None:
    """A module that catches it and raises another error is not reported as incomplete."""
    process = interrupted(module, *fit, hides=True)
    assert (process.returncode, process.stderr) == (130, "mlpkit: interrupted\n")


def ignore_interrupts() -> None:
    """Ignore Ctrl-C, as a shell lets programs in the background do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def test_in_the_background(fit: tuple[str, ...]) -> None:
    """A program that ignores Ctrl-C at its start continues to do so."""
    process = interrupted("mlpkit.commands.fit", *fit, prepare=ignore_interrupts)
    assert process.returncode == 0 and "interrupted" not in process.stderr
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts, Interruption(lambda: None) as interruption:
            signal.raise_signal(signal.SIGINT)
        assert not interrupts.pressed and not interruption.requested
    finally:
        signal.signal(signal.SIGINT, previous)


def test_handlers_are_restored() -> None:
    """The handler before is in place afterwards, and other threads do not change it."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(Interrupted), Interrupts() as interrupts:
            signal.raise_signal(signal.SIGINT)
        assert interrupts.pressed
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        seen = []

        def enter() -> None:
            with Interrupts():
                seen.append(signal.getsignal(signal.SIGINT))

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        assert seen == [signal.default_int_handler]
    finally:
        signal.signal(signal.SIGINT, previous)


def test_the_program_imports_only_its_command() -> None:
    """The help of the program imports neither NumPy nor the modules of the commands."""
    code = (
        "import sys; from mlpkit.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'sklearn', 'mlpkit.commands.fit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.endswith("\n[]\n")
