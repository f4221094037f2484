"""`verbose` and the callback "progress": lines, and a bar on a terminal."""

import copy
import pickle
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from terminals import on_terminal

import mlpkit as ours
from mlpkit.plugin import MetricValue, Report
from mlpkit.training.progress import ProgressDisplay, printer

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X = np.random.RandomState(0).normal(size=(100, 3))
Y = (X[:, 0] > 0).astype(int)
PROGRAM = """
import sys, time
import numpy as np
from mlpkit import MLPClassifier
X = np.random.RandomState(0).normal(size=(100, 3))
y = (X[:, 0] > 0).astype(int)
def fit(**params):
    MLPClassifier((4,), random_state=0, **{"max_iter": 20, **params}).fit(X, y)
"""
BAR = r"Training: +\d+%\|.*\| (\d+)/20 \[.*loss=[\d.]+"


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("early", [False, True])
def test_lines_are_those_of_scikit_learn(name: str, early: bool, capsys: Any) -> None:
    """Without metrics, in `fit` and in `partial_fit`."""
    printed = []
    for module in (theirs, ours):
        params = {"hidden_layer_sizes": (4,), "random_state": 0, "verbose": True, "max_iter": 30}
        estimator = getattr(module, name)(**params, early_stopping=early, tol=0.02)
        estimator.set_params(n_iter_no_change=3).fit(X, Y)
        if not early:
            estimator.partial_fit(X, Y).partial_fit(X[:10], Y[:10])
        printed.append(capsys.readouterr())
    assert printed[0] == printed[1]
    assert printed[0].err == ""


def test_metrics_are_printed(capsys: Any) -> None:
    """The values over all rows of each split, as in the history."""
    clf = ours.MLPClassifier(
        (4,), max_iter=2, verbose=True, random_state=0, metrics=["accuracy", "log_loss"]
    )
    clf.fit(X, Y, X_val=X[:50], y_val=Y[:50])
    lines = capsys.readouterr().out.splitlines()
    for epoch in (1, 2):
        at = lines.index(f"Iteration {epoch}, loss = {clf.loss_curve_[epoch - 1]:.8f}")
        for line, split in zip(lines[at + 1 : at + 3], ("train", "validation"), strict=True):
            values = [
                f"{r.metric} = {r.value:f}"
                for r in clf.metric_history_.select(split=split, by="all")
                if r.epoch == epoch
            ]
            assert line == f"Metrics of {split}: {', '.join(values)}"


@pytest.mark.parametrize(
    ("monitored", "text", "value"),
    [
        ("log_loss", "log_loss", lambda r: r["log_loss"]),
        ("worst(accuracy, by='group')", None, lambda r: r.worst("accuracy", "group").value),
        ("difference(log_loss)", None, lambda r: r.difference("log_loss")),
        ("accuracy", "accuracy", lambda r: r["accuracy"]),
    ],
)
def test_the_monitored_value_is_printed(
    monitored: str, text: str | None, value: Any, capsys: Any
) -> None:
    """With its name and its original sign, instead of "Validation score"."""
    groups = ours.by_function(lambda X: np.where(X[:, 1] > 0, "a", "b"), name="group")
    params: dict[str, Any] = {"metrics": ["accuracy", "log_loss"], "partitions": groups}
    clf = ours.MLPClassifier((4,), max_iter=1, verbose=True, random_state=0, **params)
    clf.set_params(early_stopping_on=monitored).fit(X, Y, X_val=X[:80], y_val=Y[:80])
    out = capsys.readouterr().out
    expected = value(ours.evaluate(clf, X[:80], Y[:80], **params))
    assert f"\nEarly stopping on {text or monitored}: {expected:f}\n" in out
    assert "Validation score" not in out
    assert clf.best_validation_score_ == pytest.approx(
        expected if "loss" not in monitored else -expected
    )


def reports(n: int) -> list[Report]:
    """Reports of epochs with a score and a metric."""
    metric = MetricValue(1, "validation", "log_loss", "all", "all", 0.25, 10, 10.0)
    return [
        Report(i, 1 / i, 0.5, 0.1, 0.0)._replace(metrics=lambda: [metric]) for i in range(1, n + 1)
    ]


def test_at_most_one_line_per_second(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """And one line for the last epoch."""
    clock = [0.0]
    monkeypatch.setattr("mlpkit.training.progress.time.monotonic", lambda: clock[0])
    shown = ProgressDisplay(total=100)
    epochs = reports(35)
    shown.on_begin(epochs[0]._replace(epoch=0))
    for report in epochs:
        clock[0] += 0.125
        shown(report)
    shown.on_end(epochs[-1])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.findall(r"Epoch (\d+)/100, (\S+) s: ", printed.err) == [
        ("8", "1.0"), ("16", "2.0"), ("24", "3.0"), ("32", "4.0"), ("35", "4.4"),
    ]  # fmt: skip
    last = "Epoch 35/100, 4.4 s: loss=0.02857, score=0.5, validation log_loss=0.25"
    assert printed.err.splitlines()[-1] == last


def test_progress_by_name(capsys: Any) -> None:
    """The display contains max_iter; a short fit prints one line."""
    clf = ours.MLPClassifier((4,), max_iter=7, random_state=0, callbacks="progress").fit(X, Y)
    err = capsys.readouterr().err
    assert re.fullmatch(rf"Epoch 7/7, \S+ s: loss={clf.loss_:.4g}\n", err)


def test_a_bar_on_a_terminal() -> None:
    """It leaves one line, below the complete lines of callbacks and warnings."""
    program = (
        "def shout(report):\n    if report.epoch in (5, 10): print('epoch', report.epoch)\n"
        "fit(verbose=True, callbacks=shout)\nprint('after')\n"
    )
    lines = on_terminal(PROGRAM + program)
    assert lines[:2] == ["epoch 5", "epoch 10"]
    assert re.match(r"/.*: ConvergenceWarning: ", lines[2])
    assert re.fullmatch(rf"{BAR}\]", lines[-3])
    assert lines[-2:] == ["after", ""]
    assert sum("Training" in line for line in lines) == 1


@pytest.mark.parametrize(("solver", "tol"), [("sgd", 0.5), ("lbfgs", 0.01)])
def test_a_bar_of_a_fit_that_ends_early(solver: str, tol: float) -> None:
    """It shows the number of completed epochs."""
    program = f"fit(verbose=True, solver={solver!r}, tol={tol}, n_iter_no_change=2)\n"
    lines = on_terminal(PROGRAM + program)
    (bar,) = (line for line in lines if "Training:" in line)
    match = re.match(BAR, bar)
    assert match and 0 < int(match[1]) < 20
    notes = [line for line in lines if line.startswith("Training loss did not improve")]
    assert len(notes) == (solver == "sgd")


def test_the_bar_is_closed_after_an_error() -> None:
    """Later output begins on a new line, and the streams are restored."""
    program = (
        "before = sys.stdout, sys.stderr\n"
        "def fail(report):\n    if report.epoch == 3: raise OSError('no space')\n"
        "try:\n    fit(verbose=True, callbacks=fail)\n"
        "except OSError: print('caught')\n"
        "assert (sys.stdout, sys.stderr) == before\n"
    )
    lines = on_terminal(PROGRAM + program)
    assert re.match(BAR.replace(r"(\d+)/", "[23]/"), lines[0])
    assert lines[1:] == ["caught", ""]


def test_the_bar_is_closed_after_ctrl_c() -> None:
    """The warning begins on a new line."""
    program = (
        "def slow(report): time.sleep(0.05)\n"
        "fit(verbose=True, max_iter=10000, tol=0, callbacks=slow)\nprint('after')\n"
    )
    lines = on_terminal(PROGRAM + program, interrupted_at="loss=")
    assert re.match(r"/.*: UserWarning: Training interrupted by user\.", lines[0])
    assert re.match(BAR.replace("/20", "/10000"), lines[-3])
    assert lines[-2:] == ["after", ""]


def test_lines_on_a_terminal_without_tqdm() -> None:
    """`verbose` prints like scikit-learn, and "progress" prints its own lines."""
    lines = on_terminal(
        "import sys; sys.modules['tqdm'] = None\n" + PROGRAM + "import warnings\n"
        "warnings.simplefilter('ignore')\n"
        "fit(verbose=True, max_iter=3)\nfit(callbacks='progress', max_iter=3)\n"
    )
    assert [line.partition(",")[0] for line in lines] == [
        "Iteration 1", "Iteration 2", "Iteration 3", "Epoch 3/3", "",
    ]  # fmt: skip


def test_two_bars_of_threads() -> None:
    """Simultaneous fits have separate bars, and restore the streams."""
    program = (
        "import threading, warnings\nwarnings.simplefilter('ignore')\n"
        "before = sys.stdout, sys.stderr\n"
        "def slow(report): time.sleep(0.02)\n"
        "threads = [threading.Thread(target=fit, kwargs={'verbose': True, 'callbacks': slow})\n"
        "           for _ in range(2)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "assert (sys.stdout, sys.stderr) == before\nprint('after')\n"
    )
    lines = on_terminal(PROGRAM + program)
    assert any(line.startswith("after") for line in lines)
    assert not any("Error" in line for line in lines)


def test_lines_in_the_processes_of_joblib() -> None:
    """Worker processes share the terminal and print lines instead of bars."""
    program = (
        "from sklearn.model_selection import cross_val_score\nimport warnings\n"
        "warnings.simplefilter('ignore')\nimport os; os.environ['PYTHONWARNINGS'] = 'ignore'\n"
        "clf = MLPClassifier((4,), max_iter=3, verbose=True)\n"
        "cross_val_score(clf, X, y, n_jobs=2, cv=2)\n"
    )
    lines = on_terminal(PROGRAM + program)
    assert sum(line.startswith("Iteration 3") for line in lines) == 2
    assert not any("Training:" in line for line in lines)


def test_a_notebook_draws_a_bar() -> None:
    """A bar is drawn if IPython runs a kernel."""
    program = (
        "import types, warnings\nwarnings.simplefilter('ignore')\n"
        "shell = types.SimpleNamespace(config={'IPKernelApp': {}})\n"
        "sys.modules['IPython'] = types.SimpleNamespace(get_ipython=lambda: shell)\n"
        "fit(callbacks='progress')\n"
    )
    command = [sys.executable, "-c", PROGRAM + program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.search(BAR, done.stderr)


def test_tqdm_is_imported_late() -> None:
    """Neither `import mlpkit` nor a fit without a terminal imports it."""
    program = "fit(verbose=True)\nassert 'tqdm' not in sys.modules\n"
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM + program]
    subprocess.run(command, capture_output=True, check=True)


def test_there_is_one_printer() -> None:
    """Estimators with it have equal parameters, also copies and unpickled ones."""
    assert printer() is printer()
    assert pickle.loads(pickle.dumps(printer())) is copy.deepcopy(printer()) is printer()
