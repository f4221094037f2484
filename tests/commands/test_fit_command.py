"""``mlpkit fit``: the model, columns, validation rows and errors."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from command_line import KEPT, N, fit, numbers, run, write

import mlpkit
from mlpkit import MLPClassifier

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("folder")]


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
    assert sorted(os.listdir()) == ["model.mlpkit", "people.csv"]


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


def test_a_column_of_other_values_does_not_mark_rows(folder: Path) -> None:
    """The accepted values are listed."""
    path = write(folder / "people.csv")
    error = fit(path, "--drop", "id,pay", "--valid", "sex").error
    assert "must contain true, 1 or 'valid' for validation rows" in error and "'" in error


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
