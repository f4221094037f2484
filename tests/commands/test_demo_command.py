"""``mlpkit demo`` compares the backends, shows its progress, and reports failures."""

import argparse
import io
import re
from pathlib import Path

import pytest
from distributions import install, offering, only, run

from mlpkit.commands import demo, demo_progress
from mlpkit.plugin import Report
from mlpkit.registry.lookup import Registry

pytestmark = pytest.mark.once

NUMBERS = r"\s+(\S+)\s+(\d+)\s+(\S+) s\s+(\S+) s"
BACKENDS = [
    "'broken', 'mlpkit_heavy:backend', 'fails when it is used'",
    "'absent', 'mlpkit_heavy:backend', requires=('nonexistent',)",
]


def rows(out: str, backend: str) -> list[re.Match[str]]:
    """Return the rows of a backend, one for each data set."""
    ending = r"$" if backend == demo.SKLEARN else r"\s+(\S+)$"
    return list(re.finditer(rf"^  {backend}{NUMBERS}{ending}", out, re.MULTILINE))


def test_numpy_alone(tmp_path: Path) -> None:
    """Without plugins each table has a row for NumPy, which agrees with scikit-learn."""
    process = run(tmp_path, "-m", "mlpkit", "demo", "--max-iter", "3")
    assert process.returncode == 0, process.stderr
    sklearn_rows, numpy_rows = rows(process.stdout, demo.SKLEARN), rows(process.stdout, "numpy")
    assert len(sklearn_rows) == len(numpy_rows) == len(demo.DATASETS)
    for expected, actual in zip(sklearn_rows, numpy_rows, strict=True):
        assert actual[1] == expected[1]  # scores
        assert actual[2] == expected[2] == "3"  # epochs
        assert float(actual[5]) < 1e-9
    assert "pass backend='numpy' to the estimators of mlpkit" in " ".join(process.stdout.split())
    assert max(map(len, process.stdout.splitlines())) <= 100


def test_plain_progress(tmp_path: Path) -> None:
    """Each fit is a plain line if stderr is not a terminal."""
    process = run(tmp_path, "-m", "mlpkit", "demo", "--max-iter", "1", "--backend", "numpy")
    assert process.stderr.splitlines() == [
        f"{name} on {backend} ..." for name in demo.DATASETS for backend in (demo.SKLEARN, "numpy")
    ]


def test_backend_that_fails(tmp_path: Path) -> None:
    """A backend that fails is a row with the reason; the others are fitted; the exit code is 1."""
    source = offering("mlpkit_backends", *BACKENDS)
    fault = "def backend(*args): raise OSError('no device')"
    install(tmp_path, "mlpkit-fast", {"fast": source}, modules={"mlpkit_heavy": fault})
    process = run(tmp_path, "-m", "mlpkit", "demo", "--max-iter", "2")
    assert process.returncode == 1, process.stderr
    assert process.stdout.count("  broken        failed: OSError: no device\n") == len(
        demo.DATASETS
    )
    assert len(rows(process.stdout, "numpy")) == len(demo.DATASETS)
    assert "Left out: absent requires nonexistent. Try: pip install mlpkit-fast\n" in process.stdout
    assert "failed: PluginError" not in process.stdout


def test_chosen_backends(tmp_path: Path) -> None:
    """--backend selects backends; an unknown name is a row with the error message."""
    arguments = ("-m", "mlpkit", "demo", "--max-iter", "1", "--backend", "numpi")
    process = run(tmp_path, *arguments)
    assert process.returncode == 1, process.stderr
    assert process.stdout.count("numpi         failed: ValueError: unknown backend") == 3
    assert not rows(process.stdout, "numpy")
    assert "No backend could be compared" in process.stdout
    assert len(rows(run(tmp_path, *arguments, "--backend", "numpy").stdout, "numpy")) == 3


def test_ambiguous_name_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that two plugins provide is left out; the message shows how to choose."""
    for name in "ab":
        install(tmp_path, f"mlpkit-{name}", {name: offering("mlpkit_backends", BACKENDS[0])})
    with only(tmp_path):
        registry = Registry()
        monkeypatch.setattr(demo, "installed", lambda: registry)
        names, left_out = demo.available()
    assert names == ["numpy"]
    assert "Use backend='mlpkit-a/broken' or backend='mlpkit-b/broken'." in left_out[0]


def test_fastest_backend_is_recommended() -> None:
    """The sums of the second fits are compared, among the backends that fitted all data sets."""
    table = [demo.Row(demo.SKLEARN, seconds=(1.0, 1.0), score=0.5, losses=(1.0,))]
    for name, seconds in (("slow", 2.0), ("fast", 0.5), ("other", 0.7)):
        table.append(demo.Row(name, seconds=(0.1, seconds), score=0.5, losses=(1.0,)))
    partial = demo.Row("partial", seconds=(0.1, 0.1), score=0.5, losses=(1.0,))
    sentence = demo.conclusions([table, [*table, partial]])[-1]
    assert (
        "Fastest here: fast (sum of the second fits: fast 1.00 s, other 1.40 s, slow 4.00 s)"
        in sentence
    )
    assert "backend='fast'" in sentence and "MLPKIT_BACKEND=fast" in sentence


NOISY = """
import os
from mlpkit.numpy_backend.steps import backend as numpy_backend
from mlpkit.plugin import PluginError

def noisy(*arguments):
    os.write(2, b"W0000 a framework says hello")
    return numpy_backend(*arguments)

def specialized(*arguments):
    raise PluginError("specialized does not support dense networks")
"""


def test_output_of_frameworks_and_unsupported_networks(tmp_path: Path) -> None:
    """Output of frameworks is discarded; a backend for other networks is left out."""
    offers = [f"'{name}', 'mlpkit_heavy:{name}'" for name in ("noisy", "specialized")]
    source = offering("mlpkit_backends", *offers)
    install(tmp_path, "mlpkit-fast", {"fast": source}, modules={"mlpkit_heavy": NOISY})
    process = run(tmp_path, "-m", "mlpkit", "demo", "--max-iter", "2")
    assert process.returncode == 0, process.stderr
    assert "hello" not in process.stderr + process.stdout
    assert all(line.endswith(" ...") for line in process.stderr.splitlines())
    assert len(rows(process.stdout, "noisy")) == 3
    text = " ".join(process.stdout.split())
    assert text.count("Left out: specialized does not support dense networks") == 1
    assert "failed" not in text


def test_slow_backend_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, a backend is left out if its epochs or all fits together take too long."""
    now = 0.0
    monkeypatch.setattr(demo_progress.time, "monotonic", lambda: now)
    limited, unlimited = (
        demo_progress.DemoProgress(io.StringIO(), limited) for limited in (True, False)
    )

    def at(seconds: float, epoch: int) -> None:
        nonlocal now
        now = seconds
        unlimited(Report(epoch, 0.5, None, 0.001, 0.0))
        limited(Report(epoch, 0.5, None, 0.001, 0.0))

    at(10.0, 1)  # the time before the first epoch does not count
    at(12.9, 2)
    with pytest.raises(TimeoutError, match="its epochs took more than 3 s"):
        at(13.1, 3)
    at(14.0, 1)
    with pytest.raises(TimeoutError, match="the time limit of 20 s was reached"):
        at(20.1, 1)
    problem = demo.load_problem("diabetes")
    results = list(demo.compare("diabetes", problem, ["numpy"], 3, limited))
    assert [row.backend for row in results] == [demo.SKLEARN, "numpy"]
    assert (
        results[1].left_out.startswith("numpy: the time limit of 20 s was reached.")
        and not results[1].failure
    )


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def test_live_progress() -> None:
    """On a terminal a single line is updated, and cleared at the end."""
    stream = Terminal()
    progress = demo.DemoProgress(stream)
    progress.begin("digits on numpy")
    progress.last_write = 0.0
    for epoch in (1, 2):  # the second follows too soon to be shown
        progress(Report(epoch, 0.5, None, 0.001, 0.0))
    progress.clear()
    first, second, last, end = stream.getvalue().split("\r\r") + [""]
    assert first.strip() == "digits on numpy ..."
    assert second.strip() == "digits on numpy: epoch 1, loss 0.5000"
    assert last.strip() == end == ""
    assert "\n" not in stream.getvalue()


def test_interrupt_ends_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a fit ends the whole demo."""

    def interrupt(report: Report) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo.DemoProgress, "__call__", lambda self, report: interrupt(report))
    with pytest.raises(KeyboardInterrupt):
        demo.main(argparse.Namespace(backend=["numpy"], max_iter=2))
