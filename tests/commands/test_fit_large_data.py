"""``mlpkit fit --memory``: tables that are read in parts give the models of those in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import CORE, KEPT, N, fit, numbers, run, write

import mlpkit

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("folder")]
LARGE = ("--memory", "100MiB")


def columns() -> dict[str, Any]:
    """The columns of the other tests, weights, marks of validation rows, and codes."""
    rng = np.random.RandomState(1)
    marks = np.where(rng.random_sample(N) < 0.3, "valid", "train")
    return {**numbers(), "w": np.arange(N) % 3, "part": marks, "zip": rng.randint(3, size=N) + 500}


@pytest.fixture(params=[".csv", ".parquet"])
def data(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The table in a file of each format."""
    options = {"row_group_size": 70} if request.param == ".parquet" else {}
    return write(folder / f"rows{request.param}", columns(), **options)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--drop", "id,sex,pay,part,zip,w"),
        ("--drop", "id,pay,part,zip,sex", "--group", "sex", "--weight", "w", "--valid", "0.2"),
        ("--drop", "id,pay,zip,sex,w", "--valid", "part", "--group", "age"),
        ("--drop", "id,pay,zip,sex,w,part", "--valid", "valid.parquet"),
        ("--drop", "id,income,zip,sex,w,part", "--target", "pay"),
        ("--drop", "id,income,zip,sex,w,part", "--target", "pay,age", "--valid", "0.3"),
    ],
    ids=" ".join,
)
def test_the_model_is_that_of_a_table_in_memory(data: Path, arguments: tuple[str, ...]) -> None:
    """What is printed, the losses, the metrics of groups and the predictions are the same."""
    write(Path("valid.parquet"), columns())
    results = [fit(data, *arguments, *large, "-o", f"{len(large)}.mlpkit") for large in ((), LARGE)]
    assert [result.code for result in results] == [0, 0], results
    lines = [result.out.splitlines()[:2] for result in results]
    assert lines[0] == lines[1]
    memory, parts = (mlpkit.load(f"{n}.mlpkit") for n in (0, 2))
    assert memory.loss_curve_ == parts.loss_curve_
    assert str(list(memory.metric_history_)) == str(list(parts.metric_history_))  # NaN is NaN
    for a, b in zip(memory.coefs_, parts.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    outputs = []
    for n in (0, 2):
        assert run("predict", f"{n}.mlpkit", data, "-o", f"{n}.csv", disabled=CORE).code == 0
        outputs.append(Path(f"{n}.csv").read_text())
    assert outputs[0] == outputs[1]


def test_categories_and_several_files(folder: Path) -> None:
    """Codes are text, also in the parts, and files are given by names, patterns and folders."""
    pytest.importorskip("mlpkit_tabular")
    (folder / "parts").mkdir()
    for i in range(3):
        part = {n: v[100 * i : 100 * (i + 1)] for n, v in columns().items()}
        write(folder / "parts" / f"{i}.csv", part)
    write(folder / "all.csv", columns())
    options = ["--target", "income", "--drop", "id,pay,part,w", "--categorical", "zip"]
    options += ["--set", "max_iter=2", "--set", "n_folds=none", "--backend", "jax"]
    curves = []
    files = [f"parts/{i}.csv" for i in range(3)]
    for paths, large in (
        (["all.csv"], ()),
        (["parts"], LARGE),
        (["parts/*.csv"], ()),
        (files, LARGE),
    ):
        result = run("fit", *paths, *options, *large, "-o", "m.mlpkit")
        assert result.code == 0, result
        assert "300 rows, 4 features" in result.out
        curves.append(mlpkit.load("m.mlpkit").loss_curve_)
    assert all(curve == curves[0] for curve in curves)
    predicted = run("predict", "m.mlpkit", *files, "--proba", "-o", "out.csv")
    assert predicted.err == "Wrote 300 predictions to out.csv\n"
    report = run("report", "m.mlpkit", *files, "--by", "zip", "--confidence", "0")
    assert report.code == 0 and "500" in report.out


def test_standard_input(folder: Path) -> None:
    """It is copied to a file."""
    data = write(folder / "rows.csv", numbers())
    assert fit("-", *KEPT, *LARGE, stdin=data.read_bytes()).code == 0
    expected = mlpkit.load("model.mlpkit").loss_curve_
    fit(data, *KEPT)
    assert mlpkit.load("model.mlpkit").loss_curve_ == expected
    message = run("fit", "-", data, "--target", "income", "-o", "m.mlpkit").error
    assert "cannot be combined with files" in message
    message = fit("-", *KEPT, "--cache", "kept", stdin=data.read_bytes()).error
    assert "cache requires files on this machine" in message


def test_the_cache_is_used_again(folder: Path) -> None:
    """With other parameters of the network, too."""
    data = write(folder / "rows.parquet", columns())
    arguments = ("--drop", "id,sex,pay,part,zip,w", "--cache", "kept", "--valid", "0.2")
    assert fit(data, *arguments).code == 0
    first = mlpkit.load("model.mlpkit")
    entries = {path: path.stat().st_mtime_ns for path in Path("kept").glob("*/*/rows")}
    assert len(entries) == 2  # of training and of validation rows
    assert fit(data, *arguments).code == 0
    assert mlpkit.load("model.mlpkit").loss_curve_ == first.loss_curve_
    assert fit(data, *arguments, "--set", "alpha=0.1").code == 0
    assert entries == {path: path.stat().st_mtime_ns for path in Path("kept").glob("*/*/rows")}


def test_invalid_values_are_named(folder: Path) -> None:
    """As in memory: text and missing values are errors of the estimators of the core."""
    table = {**columns(), "gone": np.where(np.arange(N) == 250, np.nan, 1.0)}
    data = write(folder / "rows.parquet", table, row_group_size=100)
    for arguments in ((), ("--drop", "sex,part")):
        assert fit(data, *arguments, *LARGE).error == fit(data, *arguments).error
    assert "'gone' contains missing values" in fit(data, "--drop", "sex,part", *LARGE).error
    assert "memory must be a number of bytes or text" in fit(data, *KEPT, "--memory", "much").error
    (folder / "fit.toml").write_text("memory = 100000000\n")
    drop = ("--drop", "id,sex,pay,part,zip,w,gone")
    assert fit(data, *drop, "--config", "fit.toml").code == 0
