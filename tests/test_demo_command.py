"""``mlpkit demo``: what it prints, on terminals and elsewhere, and what it survives."""

import argparse
import io
import re
from pathlib import Path

import pytest
from distributions import install, offering, only, run

from mlpkit.commands import demo, demo_progress
from mlpkit.plugin import Report
from mlpkit.registry import lookup as registry

NUMBERS = r"\s+(\S+)\s+(\d+)\s+(\S+) s\s+(\S+) s"
BACKENDS = [
    "'broken', 'mlpkit_heavy:backend', 'fails when it is used'",
    "'absent', 'mlpkit_heavy:backend', requires=('nonexistent',)",
]


def rows(out: str, backend: str) -> list[re.Match[str]]:
    """The rows of a backend, one for each data set."""
    ending = r"$" if backend == demo.SKLEARN else r"\s+(\S+)$"
    return list(re.finditer(rf"^  {backend}{NUMBERS}{ending}", out, re.MULTILINE))


def test_numpy_alone(tmp_path: Path) -> None:
    """With no plugin there is a row for NumPy in each table, equal to scikit-learn's."""
    done = run(tmp_path, "-m", "mlpkit", "demo", "--max-iter", "3")
    assert done.returncode == 0, done.stderr
    theirs, ours = rows(done.stdout, demo.SKLEARN), rows(done.stdout, "numpy")
    assert len(theirs) == len(ours) == len(demo.DATA)
    for their, our in zip(theirs, ours, strict=True):
        assert our[1] == their[1]  # scores
        assert our[2] == their[2] == "3"  # epochs
        assert float(our[5]) < 1e-9
    assert "MLPClassifier(backend='numpy') from mlpkit" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_plain_progress(tmp_path: Path) -> None:
    """Where the output is no terminal, a plain line says what is being fitted."""
    done = run(tmp_path, "-m", "mlpkit", "demo", "--max-iter", "1", "--backend", "numpy")
    assert done.stderr.splitlines() == [
        f"{name} on {backend} ..." for name in demo.DATA for backend in (demo.SKLEARN, "numpy")
    ]


def test_backend_that_fails(tmp_path: Path) -> None:
    """A failing backend is a row with its reason, the rest goes on, the exit code is 1."""
    source = offering("mlpkit_backends", *BACKENDS)
    fault = "def backend(*args): raise OSError('no device')"
    install(tmp_path, "mlpkit-fast", {"fast": source}, modules={"mlpkit_heavy": fault})
    done = run(tmp_path, "-m", "mlpkit", "demo", "--max-iter", "2")
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("  broken        failed: OSError: no device\n") == len(demo.DATA)
    assert len(rows(done.stdout, "numpy")) == len(demo.DATA)
    assert "Left out: absent needs nonexistent. Try: pip install mlpkit-fast\n" in done.stdout
    assert "failed: PluginError" not in done.stdout


def test_chosen_backends(tmp_path: Path) -> None:
    """--backend chooses, and an unknown name is a row with the registry's message."""
    arguments = ("-m", "mlpkit", "demo", "--max-iter", "1", "--backend", "numpi")
    done = run(tmp_path, *arguments)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("numpi         failed: ValueError: unknown backend") == 3
    assert not rows(done.stdout, "numpy")
    assert "No backend could be compared" in done.stdout
    assert len(rows(run(tmp_path, *arguments, "--backend", "numpy").stdout, "numpy")) == 3


def test_clash_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that two offer is left out with the way to choose."""
    for name in "ab":
        install(tmp_path, f"mlpkit-{name}", {name: offering("mlpkit_backends", BACKENDS[0])})
    with only(tmp_path):
        found = registry.Registry()
        monkeypatch.setattr(demo, "installed", lambda: found)
        names, left_out = demo.available()
    assert names == ["numpy"]
    assert "Choose backend='mlpkit-a/broken' or backend='mlpkit-b/broken'." in left_out[0]


def test_the_fastest_is_recommended() -> None:
    """By the second fits in all; who has not fitted every data set is out of the question."""
    table = [demo.Row(demo.SKLEARN, seconds=(1.0, 1.0), score=0.5, losses=(1.0,))]
    for name, seconds in (("slow", 2.0), ("fast", 0.5), ("other", 0.7)):
        table.append(demo.Row(name, seconds=(0.1, seconds), score=0.5, losses=(1.0,)))
    partial = demo.Row("partial", seconds=(0.1, 0.1), score=0.5, losses=(1.0,))
    told = demo.closing([table, [*table, partial]])[-1]
    assert "Fastest here: fast (second fits in all: fast 1.00 s, other 1.40 s, slow 4.00 s)" in told
    assert "MLPClassifier(backend='fast')" in told and "MLPKIT_BACKEND=fast" in told


NOISY = """
import os
from mlpkit.numpy_backend.steps import backend as right
from mlpkit.plugin import PluginError

def noisy(*given):
    os.write(2, b"W0000 a framework says hello")
    return right(*given)

def choosy(*given):
    raise PluginError("choosy trains other networks")
"""


def test_noise_and_refusals(tmp_path: Path) -> None:
    """What a framework writes is not shown; what is made for other networks is left out, and is
    no failure.
    """
    offers = [f"'{name}', 'mlpkit_heavy:{name}'" for name in ("noisy", "choosy")]
    source = offering("mlpkit_backends", *offers)
    install(tmp_path, "mlpkit-fast", {"fast": source}, modules={"mlpkit_heavy": NOISY})
    done = run(tmp_path, "-m", "mlpkit", "demo", "--max-iter", "2")
    assert done.returncode == 0, done.stderr
    assert "hello" not in done.stderr + done.stdout
    assert all(line.endswith(" ...") for line in done.stderr.splitlines())
    assert len(rows(done.stdout, "noisy")) == 3
    text = " ".join(done.stdout.split())
    assert text.count("Left out: choosy trains other networks") == 1
    assert "failed" not in text


def test_what_is_slow_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, when the epochs of a fit take long or the time is over; the rest goes on."""
    now = 0.0
    monkeypatch.setattr(demo_progress.time, "monotonic", lambda: now)
    limited, unlimited = (
        demo_progress.Progress(io.StringIO(), limited) for limited in (True, False)
    )

    def at(seconds: float, epoch: int) -> None:
        nonlocal now
        now = seconds
        unlimited(Report(epoch, 0.5, None, 0.001, 0.0))
        limited(Report(epoch, 0.5, None, 0.001, 0.0))

    at(10.0, 1)  # what lies before the first epoch does not count
    at(12.9, 2)
    with pytest.raises(TimeoutError, match="its epochs took more than 3 s"):
        at(13.1, 3)
    at(14.0, 1)
    with pytest.raises(TimeoutError, match="20 s were over"):
        at(20.1, 1)
    task = demo.prepared("diabetes")
    found = list(demo.compared("diabetes", task, ["numpy"], 3, limited))
    assert [row.backend for row in found] == [demo.SKLEARN, "numpy"]
    assert found[1].left_out.startswith("numpy: 20 s were over.") and not found[1].failure


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_live_progress() -> None:
    """On a terminal one line is written over and over, and left empty."""
    stream = Terminal()
    progress = demo.Progress(stream)
    progress.begin("digits on numpy")
    progress.shown = 0.0
    for epoch in (1, 2):  # the second comes too soon to be shown
        progress(Report(epoch, 0.5, None, 0.001, 0.0))
    progress.clear()
    first, second, last, end = stream.getvalue().split("\r\r") + [""]
    assert first.strip() == "digits on numpy ..."
    assert second.strip() == "digits on numpy: epoch 1, loss 0.5000"
    assert last.strip() == end == ""
    assert "\n" not in stream.getvalue()


def test_interrupt_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a fit ends the demo, and not this fit alone."""

    def interrupt(report: Report) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo.Progress, "__call__", lambda self, report: interrupt(report))
    with pytest.raises(KeyboardInterrupt):
        demo.main(argparse.Namespace(backend=["numpy"], max_iter=2))
