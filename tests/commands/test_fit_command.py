"""``mlpkit fit``: columns, the task, settings, progress, checkpoints and interruption."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from command_line import CORE, SHORT, N, Result, numbers, run, write
from environments import plain
from terminals import on_terminal, receive_interrupts

import mlpkit
from mlpkit import MLPClassifier, MLPRegressor, durations
from mlpkit.commands.fitting.interruption import Interruption, print_announcement
from mlpkit.commands.fitting.settings import Settings, parsed_parameters, read_config
from mlpkit.commands.fitting.tasks import inferred_task
from mlpkit.sources.errors import InputError

pytestmark = pytest.mark.once
KEPT = ("--drop", "id,sex,pay")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Return a CSV file."""
    return write(tmp_path / "people.csv")


def fit(data: Any, *arguments: Any, target: str = "income", stdin: bytes = b"") -> Result:
    """Fit an estimator of the core for a few epochs."""
    output = () if "-o" in arguments else ("-o", Path("model.mlpkit"))
    return run(
        *("fit", data, "--target", target, *SHORT, *output, *arguments),
        stdin=stdin,
        disabled=CORE,
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_is_written(people: Path) -> None:
    """What was inferred and written is printed; nothing else, as stderr is not a terminal."""
    result = fit(people, *KEPT)
    assert result.code == 0
    first, task, trained, wrote = result.out.splitlines()
    assert first == f"{people}: 300 rows, 2 features"
    assert task == "income: text, 2 different values -> classification"
    assert trained.startswith("Trained 3 epochs in ")
    assert wrote.startswith("Wrote model.mlpkit (")
    assert "epoch" not in result.err
    model = mlpkit.load("model.mlpkit")
    assert isinstance(model, MLPClassifier) and model.classes_.tolist() == ["high", "low"]
    assert model.feature_names_in_.tolist() == ["age", "hours"]
    assert model.encoder == "standard" and model.callbacks is None
    assert os.listdir() == sorted(["people.csv", "model.mlpkit"], key=os.listdir().index)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows"])
def test_formats_give_the_same_model(suffix: str, people: Path, folder: Path) -> None:
    """From a file, a folder and standard input."""
    fit(people, *KEPT)
    X = pa.table({n: numbers()[n] for n in ("age", "hours")})
    expected = mlpkit.load("model.mlpkit").predict_proba(X)
    path = write(folder / f"people{suffix}")
    (folder / "parts").mkdir()
    for i in range(3):
        part = {n: v[100 * i : 100 * (i + 1)] for n, v in numbers().items()}
        write(folder / "parts" / f"{i}{suffix}", part)
    for data, stdin in ((path, b""), ("parts", b""), ("-", path.read_bytes())):
        assert fit(data, *KEPT, stdin=stdin).code == 0
        np.testing.assert_array_equal(mlpkit.load("model.mlpkit").predict_proba(X), expected)


@pytest.mark.parametrize(
    ("values", "task", "reason"),
    [
        (["a", "b"] * 20, "classification", "text, 2 different values"),
        ([True, False] * 20, "classification", "boolean, 2 different values"),
        (pa.array(["a", "b"] * 20).dictionary_encode(), "classification", "text, 2 different"),
        ([1, 2] * 20, "classification", "whole numbers, 2 different values"),
        ([0.0, 1.0, None] * 20, "classification", "whole numbers, 2 different values"),
        ([*range(20)] * 10, "classification", "whole numbers, 20 different values"),
        ([*range(21)] * 10, "regression", "whole numbers, 21 different values (more than 20)"),
        ([*range(9)] * 9, "regression", "9 different values (fewer than 10 rows of each)"),
        ([0.5, 1.0] * 20, "regression", "real numbers"),
    ],
)
def test_the_task_follows_from_the_target(values: Any, task: str, reason: str) -> None:
    """The reason is printed."""
    inference = inferred_task(pa.table({"y": values}))
    assert (
        inference.task == task
        and f"y: {reason}" in inference.reason
        or reason in (inference.reason)
    )
    assert inference.reason.endswith(f" -> {task}")


@pytest.mark.parametrize(
    ("columns", "task"),
    [
        ({"a": [0, 1] * 20, "b": [True, False] * 20}, "classification"),
        ({"a": [0.5, 1.0] * 20, "b": [3, 4] * 20}, "regression"),
    ],
)
def test_several_targets(columns: Any, task: str) -> None:
    """Labels of 0 and 1, or numbers."""
    assert inferred_task(pa.table(columns)).task == task
    with pytest.raises(InputError, match="several targets must all be"):
        inferred_task(pa.table({**columns, "c": ["x", "y"] * 20}))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"name {i}" for i in range(40)], "'y' contains 40 different texts in 40 rows"),
        (pa.array([None] * 40, pa.null()), "'y' has no value"),
        (pa.array(range(40), pa.date32()), "must contain classes or numbers, but its type is"),
    ],
)
def test_targets_that_are_rejected(values: Any, expected: str) -> None:
    """Identifiers, nothing and dates."""
    with pytest.raises(InputError, match=expected):
        inferred_task(pa.table({"y": values}))


def test_the_task_can_be_chosen(people: Path) -> None:
    """``--task`` overrides; a regression standardizes its targets."""
    assert "-> regression" in fit(people, "--drop", "sex,income", target="pay").out
    model = mlpkit.load("model.mlpkit")
    assert isinstance(model, MLPRegressor) and model.standardize_targets
    assert fit(people, "--drop", "sex,income", "--task", "regression", target="age").code == 0
    assert isinstance(mlpkit.load("model.mlpkit"), MLPRegressor)
    wrong = fit(people, *KEPT, "--task", "regression")
    assert "--task regression requires numbers, but the target 'income'" in wrong.error


def test_two_targets(folder: Path) -> None:
    """Separated by a comma."""
    columns = {**numbers(), "other": np.arange(N) % 2, "old": numbers()["age"] > 40}
    path = write(folder / "two.parquet", columns)
    result = fit(path, "--drop", "id,sex,pay,income", target="other,old")
    assert result.code == 0 and "labels of 0 and 1 -> classification" in result.out
    assert mlpkit.load("model.mlpkit").n_outputs_ == 2


def test_columns_by_role(folder: Path) -> None:
    """Dropped columns and weights are not features; groups are, unless they are dropped."""
    columns = {**numbers(), "w": np.arange(N) % 3}
    path = write(folder / "people.parquet", columns)
    assert fit(path, "--drop", "id,sex,pay", "--weight", "w", "--group", "sex").code == 0
    model = mlpkit.load("model.mlpkit")
    assert model.feature_names_in_.tolist() == ["age", "hours"]
    history = model.metric_history_
    assert {v.partition for v in history if v.partitioner == "sex"} == {"f", "m"}
    weights = {v.split: v.weight for v in history if v.partitioner == "all"}
    assert sum(weights.values()) == columns["w"].sum()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--drop", "agee"), "--drop: column 'agee' not found. Did you mean 'age'?"),
        (("--drop", "income"), "--drop: 'income' is the target"),
        (("--weight", "income"), "--weight: 'income' is the target"),
        (("--categorical", "id", *KEPT), "--categorical: 'id' is not a feature"),
        (("--drop", "id,age,hours,sex,pay"), "no column is left as a feature"),
        (("--valid", "1.5", *KEPT), "the fraction must be between 0 and 1, got 1.5"),
        (("--valid", "nope", *KEPT), "'nope' is neither a number, nor a column, nor a file"),
        (("--set", "max_itr=5", *KEPT), "has no parameter 'max_itr'. Did you mean 'max_iter'?"),
        (("--set", "max_iter", *KEPT), "--set requires NAME=VALUE, as in --set max_iter=50"),
        (("--set", "max_iter=many", *KEPT), "The 'max_iter' parameter of MLPClassifier must be"),
        (("--backend", "numpi", *KEPT), "Did you mean 'numpy'?"),
        (("--estimator", "MLPRegressor", *KEPT), "MLPRegressor is for regression, but the task"),
        (("--estimator", "Forest", *KEPT), "unknown estimator"),
        (("--time-limit", "soon", *KEPT), "as in 90s, 10m or 1.5h, got 'soon'"),
        (("--resume", *KEPT), "--resume requires --checkpoint FILE"),
        ((*KEPT, "--checkpoint", "model.mlpkit"), "--checkpoint and --output are the same file"),
        (("-o", "nope/model.mlpkit", *KEPT), "does not exist"),
        (("-o", ".", *KEPT), "the output is a folder"),
        (("--config", "nope.toml"), "nope.toml: No such file"),
    ],
)
def test_wrong_arguments_are_one_line(
    arguments: tuple[str, ...], expected: str, people: Path
) -> None:
    """The exit code is 2, and no file is written."""
    assert expected in fit(people, *arguments).error
    assert os.listdir() == [people.name]


def test_wrong_options_are_one_line(people: Path) -> None:
    """Also those that argparse finds."""
    result = run("fit", people, "--targt", "income")
    assert result.code == 2 and len(result.err.splitlines()) == 1
    assert run("fit", people, "-o", "m.mlpkit").error == (
        "--target is required, on the command line or in --config"
    )


def test_text_and_missing_values_need_the_plugin(folder: Path) -> None:
    """The error names the columns, the plugin, how to install it, and the remedy."""
    columns: Any = {**numbers(), "gap": [None, *range(N - 1)], "nan": [np.nan, *range(N - 1)]}
    path = write(folder / "people.parquet", columns)
    error = fit(path).error
    assert error.startswith(
        "the column 'sex' contains text; the columns 'gap', 'nan' contain missing values."
    )
    assert "install mlpkit-tabular (pip install" in error
    assert error.endswith("To leave them out, pass --drop sex,gap,nan.")
    assert fit(path, "--drop", "sex,gap,nan").code == 0
    assert "'age' contains text" in fit(path, "--categorical", "age", "--drop", "gap,nan,sex").error


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((4,), "'income' has a missing value in row 5. Remove this row."),
        ((4, 7), "'income' has 2 missing values, the first one in row 5. Remove these rows."),
    ],
)
def test_a_missing_target_is_counted(rows: tuple[int, ...], expected: str, folder: Path) -> None:
    """With the first row."""
    columns = numbers()
    income = [None if i in rows else v for i, v in enumerate(columns["income"].tolist())]
    path = write(folder / "people.csv", {**columns, "income": income})
    assert expected in fit(path, *KEPT).error


def test_a_header_alone(folder: Path) -> None:
    """There is nothing to fit."""
    path = folder / "empty.csv"
    path.write_text("age,income\n")
    assert "has no value" in fit(path).error


@pytest.mark.parametrize("valid", ["0.2", "held", "held.csv"])
def test_validation_rows(valid: str, folder: Path) -> None:
    """A fraction, a column that marks them, or a file; metrics are measured on them."""
    columns = {**numbers(), "held": np.where(np.arange(N) % 5, "train", "valid")}
    write(folder / "people.csv", columns)
    write(folder / "held.csv", numbers(60, seed=1))
    drop = "id,sex,pay" if valid == "held" else "id,sex,pay,held"
    result = fit("people.csv", "--drop", drop, "--valid", valid)
    n = N if valid == "held.csv" else 240
    assert f"people.csv: {n} training rows, 60 validation rows, 2 features" in result.out
    history = mlpkit.load("model.mlpkit").metric_history_
    values = [v for v in history if v.split == "validation" and v.metric == "accuracy"]
    assert [v.n_rows for v in values] == [60] * 3
    assert "; last epoch: accuracy " in result.out


def test_a_fraction_has_all_classes(folder: Path) -> None:
    """The classes have the same fractions in both parts, and the seed decides."""
    columns = {"x": np.arange(200.0), "y": np.where(np.arange(200) < 10, "rare", "common")}
    path = write(folder / "rare.csv", columns)
    losses = []
    for seed in (1, 1, 2):
        assert fit(path, "--valid", "0.2", "--seed", seed, target="y").code == 0
        model = mlpkit.load("model.mlpkit")
        assert model.random_state == seed
        losses.append(model.loss_curve_)
    assert losses[0] == losses[1] != losses[2]


def test_a_column_of_other_values_is_no_mark(folder: Path) -> None:
    """The accepted values are listed."""
    path = write(folder / "people.csv")
    error = fit(path, "--drop", "id,pay", "--valid", "sex").error
    assert "must contain true, 1 or 'valid' for validation rows" in error and "'" in error


def test_settings_of_a_file(people: Path, folder: Path) -> None:
    """The command line has precedence; what would run can be printed and run."""
    (folder / "fit.toml").write_text(
        'data = "people.csv"\ntarget = "income"\ndrop = ["id", "sex", "pay"]\nvalid = 0.2\n'
        '[parameters]\nmax_iter = 5\nsolver = "sgd"\nearly_stopping_on = "none"\n'
    )
    printed = run(
        *("fit", "--config", "fit.toml", "--set", "max_iter=2", "--print-config"),
        disabled=CORE,
    )
    assert printed.code == 0 and printed.err == ""
    config = tomllib.loads(printed.out)
    assert config["parameters"] == {
        "encoder": "standard",
        "max_iter": 2,
        "solver": "sgd",
        "early_stopping_on": "none",
    }
    assert config["task"] == "classification" and config["estimator"] == "MLPClassifier"
    (folder / "again.toml").write_text(printed.out)
    again = run("fit", "--config", "again.toml", "--print-config", disabled=CORE)
    assert again.out == printed.out
    curves = []
    for file, extra in (("fit.toml", ("--set", "max_iter=2")), ("again.toml", ())):
        result = run("fit", "--config", file, *extra, "-o", "m.mlpkit", disabled=CORE)
        assert result.code == 0
        model = mlpkit.load("m.mlpkit")
        assert model.early_stopping_on is None and model.n_iter_ == 2
        curves.append(model.loss_curve_)
    assert curves[0] == curves[1]


def test_all_settings_survive_a_file(folder: Path) -> None:
    """Also lists, nested options, None and text that TOML escapes."""
    settings = Settings(
        data='a "b".csv',
        target=["y"],
        seed=3,
        drop=["a", "b\n"],
        parameters={
            "hidden_layer_sizes": [64, 32],
            "backend_options": {"device": "cpu"},
            "x": None,
        },
    )
    (folder / "s.toml").write_text(settings.toml())
    assert read_config("s.toml") == settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sead = 1", "s.toml: unknown setting 'sead'. Did you mean 'seed'?"),
        ('seed = "1"', "s.toml: seed must be an integer, got"),
        ("target = [1]", "s.toml: target must be a string or a list of strings"),
        ("parameters = 3", "s.toml: parameters must be a table"),
        ("seed = ", "s.toml: not valid TOML: "),
    ],
)
def test_wrong_settings(text: str, expected: str, folder: Path) -> None:
    """The message names the file and the setting."""
    (folder / "s.toml").write_text(text)
    assert expected in run("fit", "--config", "s.toml").error


def test_parameters_of_the_command_line() -> None:
    """Values are TOML, or else text."""
    assert parsed_parameters(
        ["a=1", "b=0.5", "c=true", "d=relu", 'e="none"', "f.g=[1, 2]", "f.h={i = 1}", "j=a=b"]
    ) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": "relu",
        "e": None,
        "f": {"g": [1, 2], "h": {"i": 1}},
        "j": "a=b",
    }


@pytest.mark.parametrize("text", ["", "0", "ten", "10 x", "1h30", "-5", "1m 2"])
def test_durations_that_are_none(text: str) -> None:
    """They raise ValueError."""
    with pytest.raises(ValueError, match="a duration must be"):
        durations.parsed(text)


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


def test_a_model_that_can_t_be_written_leaves_the_old_one(people: Path) -> None:
    """An error after training, too, leaves the old file as it was."""
    Path("model.mlpkit").write_bytes(b"old")
    assert fit(people, *KEPT, "--set", "max_iter=0").code == 2
    assert Path("model.mlpkit").read_bytes() == b"old"
    assert sorted(os.listdir()) == ["model.mlpkit", "people.csv"]


def test_an_unwritable_output_is_noticed_before_training(people: Path) -> None:
    """No epoch is trained."""
    result = fit(people, *KEPT, "--log", "text", "-o", "nope/model.mlpkit")
    assert result.code == 2 and "epoch" not in result.err


def test_a_traceback_on_request(people: Path) -> None:
    """The last line is the same."""
    result = run("fit", people, "--target", "nope", "-o", "m.mlpkit", "--traceback")
    assert result.code == 2 and "Traceback (most recent call last)" in result.err
    assert "mlpkit fit: error: " in result.err.splitlines()[-1]


def test_without_pyarrow_the_message_has_the_command(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It installs the extra."""
    monkeypatch.setattr("mlpkit.commands.running.NEEDED", ("pyarrow_is_not_installed",))
    error = run("fit", people, "--target", "income", "-o", "m.mlpkit").error
    assert "this command needs pyarrow_is_not_installed" in error and "[cli]" in error
