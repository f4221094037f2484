"""``mlpkit fit``: progress, checkpoints and the time limit."""

import json
import time
from pathlib import Path

import pytest
from command_line import KEPT, fit

import mlpkit

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("folder")]


def test_progress_in_lines(people: Path) -> None:
    """One line for each epoch on stderr, with metrics and the time left."""
    result = fit(people, *KEPT, "--valid", "0.2", "--log", "text")
    lines = [line for line in result.err.splitlines() if line.startswith("epoch")]
    assert [line.partition("  ")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    for text in ("loss ", "validation: accuracy ", " per epoch", "at most ", " left"):
        assert all(text in line for line in lines)


def test_progress_as_json(people: Path) -> None:
    """One object on each line of stdout, and nothing else there."""
    result = fit(people, *KEPT, "--valid", "0.2", "--log", "json")
    start, *epochs, end = map(json.loads, result.out.splitlines())
    assert start["event"] == "start" and start["task"] == "classification"
    assert [e["epoch"] for e in epochs] == [1, 2, 3]
    model = mlpkit.load("model.mlpkit")
    assert [e["loss"] for e in epochs] == model.loss_curve_
    assert all(0 <= e["metrics"]["validation"]["accuracy"] <= 1 for e in epochs)
    assert all(e["seconds_left"] >= 0 for e in epochs) and epochs[-1]["seconds_left"] == 0
    assert (end["event"], end["epochs"], end["interrupted"]) == ("end", 3, False)


def test_quiet(people: Path) -> None:
    """Nothing but warnings is printed."""
    result = fit(people, *KEPT, "--quiet", "--set", "early_stopping_on=none")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("warning: Stochastic Optimizer: Maximum iterations (3)")


def test_a_checkpoint_is_continued(people: Path) -> None:
    """With ``--resume`` only; the result is that of a fit without a stop."""
    checkpoint = (*KEPT, "--checkpoint", "run.ckpt")
    assert fit(people, *checkpoint, "--resume").code == 0
    curve = mlpkit.load("model.mlpkit").loss_curve_
    assert "the checkpoint run.ckpt exists. Pass --resume" in fit(people, *checkpoint).error
    assert fit(people, *checkpoint, "--resume").code == 0
    model = mlpkit.load("model.mlpkit")
    assert model.loss_curve_ == curve
    assert model.checkpoint is None  # it belongs to the command, and `partial_fit` has none
    assert fit(people, *checkpoint, "--resume", "--seed", 1).code == 2


def test_a_time_limit(people: Path) -> None:
    """Training ends in time, with the best weights so far, and says so."""
    many = ("--set", "max_iter=1000000", "--set", "n_iter_no_change=1000000")
    started = time.monotonic()
    result = fit(people, *KEPT, *many, "--time-limit", "0.5s")
    assert result.code == 0 and time.monotonic() - started < 20
    assert "time" in result.err
    assert mlpkit.load("model.mlpkit").n_iter_ < 1000000
