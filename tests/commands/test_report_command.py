"""``mlpkit report``: groups, formats, and limits that decide the exit code."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from command_line import CORE, SHORT, N, Result, numbers, run, write

import mlpkit
from mlpkit import evaluate
from mlpkit.commands.models.groups import quantiles_of
from mlpkit.partitions.partitioners import by_labels, by_quantile

pytestmark = pytest.mark.once
FEATURES = ("age", "hours")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models, the rows of their fit, and the same rows in three files."""
    folder = tmp_path_factory.mktemp("report")
    data = write(folder / "people.parquet")
    write(folder / "people.csv")
    (folder / "parts").mkdir()
    for i in range(3):
        part = {n: v[100 * i : 100 * (i + 1)] for n, v in numbers().items()}
        write(folder / "parts" / f"{i}.csv", part)
    for name, target, drop in (("income", "income", "pay"), ("pay", "pay", "income")):
        arguments = ("--target", target, "--drop", f"id,sex,{drop}", *SHORT)
        output = folder / f"{name}.mlpkit"
        assert run("fit", data, *arguments, "-o", output, disabled=CORE).code == 0
    return folder


def report(
    folder: Path, *arguments: Any, data: str = "people.csv", model: str = "income"
) -> Result:
    """Report on a model."""
    return run("report", folder / f"{model}.mlpkit", folder / data, *arguments)


def values(result: Result) -> dict[tuple[str, str, str], float]:
    """The values of a report in JSON by metric, partitioner and group."""
    entries = json.loads(result.out)["values"]
    return {(e["metric"], e["partitioner"], e["partition"]): e["value"] for e in entries}


@pytest.mark.parametrize("data", ["people.csv", "people.parquet", "parts"])
def test_values_are_those_of_evaluate(data: str, folder: Path) -> None:
    """Over all rows, by a column that is not a feature, and at quantiles of all rows."""
    arguments = ("--by", "sex", "--by-quantile", "age:3", "--format", "json")
    result = report(folder, *arguments, data=data)
    assert (result.code, result.err) == (0, "")
    columns = numbers()
    X = pa.table({name: columns[name] for name in FEATURES})
    model = mlpkit.load(folder / "income.mlpkit")
    expected = evaluate(
        model,
        X,
        columns["income"],
        partitions=[by_labels(columns["sex"], name="sex"), by_quantile("age", 3)],
    )
    actual = values(result)
    assert actual.keys() == {e[:3] for e in expected}
    for entry in expected:
        assert actual[entry[:3]] == pytest.approx(entry.value, rel=1e-6)


def test_standard_input_is_read_twice_if_needed(folder: Path) -> None:
    """For quantiles, which need all rows before the first is evaluated."""
    stdin = (folder / "people.csv").read_bytes()
    arguments = ("--by-quantile", "age", "--format", "json")
    piped = run("report", folder / "income.mlpkit", "-", *arguments, stdin=stdin)
    assert values(piped) == values(report(folder, *arguments))


def test_text_on_standard_output(folder: Path) -> None:
    """With intervals of 95 percent, unless another confidence is requested."""
    result = report(folder, "--by", "sex")
    assert "\nsex\n  f " in result.out and "95% confidence interval" in result.out
    assert "confidence" not in report(folder, "--confidence", "0").out


@pytest.mark.parametrize("suffix", [".html", ".json", ".csv", ".txt"])
def test_formats_of_files(suffix: str, folder: Path, tmp_path: Path) -> None:
    """The suffix decides; the text is printed, too."""
    path = tmp_path / f"report{suffix}"
    result = report(folder, "--by", "sex", "-o", path)
    assert (result.code, result.err) == (0, f"Wrote {path}\n")
    assert "accuracy" in result.out
    text = path.read_text()
    if suffix == ".json":
        assert json.loads(text)["passed"] is True
    elif suffix == ".csv":
        assert {row["partition"] for row in csv.DictReader(text.splitlines())} == {"all", "f", "m"}
    elif suffix == ".txt":
        assert text == result.out
    else:
        assert text.lower().startswith("<!doctype html>")
        assert "//" not in text.replace("http://www.w3.org/", "")
    assert report(folder, "-o", path, "--quiet")[:3] == (0, "", "")


def test_the_page_has_the_history_and_escapes_data(folder: Path, tmp_path: Path) -> None:
    """Names of groups and the title are text, and the losses of training are shown."""
    columns = {**numbers(), "sex": np.where(numbers()["age"] > 50, "<script>x</script>", "b")}
    data = write(tmp_path / "people.parquet", columns)
    path = tmp_path / "report.html"
    arguments = ("--by", "sex", "-o", path, "--title", "<b>Income</b>", "--max", "log_loss=0.01")
    assert run("report", folder / "income.mlpkit", data, *arguments).code == 1
    page = path.read_text()
    assert "<script" not in page and "<b>Income" not in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page and "&lt;b&gt;Income&lt;/b&gt;" in page
    assert "max_log_loss=0.01" in page and "people.parquet" in page
    assert "Calibration</h2>" in page and "Training</h2>" in page


def test_the_page_of_a_regressor(folder: Path, tmp_path: Path) -> None:
    """Its title names the target and the model."""
    path = tmp_path / "report.html"
    assert report(folder, "--by-quantile", "age:3", "-o", path, model="pay").code == 0
    assert "<title>pay: pay.mlpkit</title>" in path.read_text()


@pytest.mark.parametrize(
    ("limit", "failed"),
    [
        (("--max", "log_loss=0.01"), ["max_log_loss=0.01: log_loss is "] * 3),
        (("--min", "accuracy=1.01"), ["min_accuracy=1.01: accuracy is "] * 3),
        (
            ("--max-difference", "log_loss=-1"),
            ["max_difference[log_loss]=-1: the difference of log_loss is "],
        ),
        (
            ("--min-ratio", "selection_rate=1.5"),
            ["min_ratio[selection_rate]=1.5: the ratio of selection_rate is "],
        ),
        (("--max", "log_loss=100", "--min", "accuracy=0", "--max-difference", "recall=1"), []),
    ],
)
@pytest.mark.parametrize("output", [(), ("--format", "json"), ("--quiet",)])
def test_limits_decide_the_exit_code(
    limit: tuple[str, ...], failed: list[str], output: tuple[str, ...], folder: Path
) -> None:
    """Each violated limit is one line, whatever the format of the report is."""
    result = report(folder, "--by", "sex", *limit, *output)
    assert result.code == bool(failed)
    assert bool(result.out) is ("--quiet" not in output)
    lines = result.err.splitlines()
    assert len(lines) == len(failed)
    for line, start in zip(lines, failed, strict=True):
        assert line.startswith(f"mlpkit report: failed: {start}")
    if "json" in output:
        content = json.loads(result.out)
        assert content["passed"] is (not failed) and len(content["failures"]) == len(failed)


def test_significant_limits(folder: Path) -> None:
    """A value violates its limit only if its interval does."""
    actual = values(report(folder, "--format", "json"))["accuracy", "all", "all"]
    limit = ("--min", f"accuracy={actual + 0.001}")
    assert report(folder, *limit).code == 1
    assert report(folder, *limit, "--significant").code == 0


def test_metrics_and_weights(folder: Path) -> None:
    """Those that are requested, and those that have limits."""
    arguments = ("--metrics", "mae", "--max", "rmse=1e9", "--weight", "hours", "--format", "json")
    result = report(folder, *arguments, model="pay")
    columns = numbers()
    predicted = mlpkit.load(folder / "pay.mlpkit").predict(
        pa.table({name: columns[name] for name in FEATURES})
    )
    errors = np.abs(predicted - columns["pay"])
    assert values(result).keys() == {(m, "all", "all") for m in ("mae", "rmse")}
    expected = np.average(errors, weights=columns["hours"])
    assert values(result)["mae", "all", "all"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_weights_need_not_be_a_feature(suffix: str, folder: Path, tmp_path: Path) -> None:
    """They are numbers in every format."""
    columns = numbers()
    weights = np.arange(N) + 0.5
    data = write(tmp_path / f"people{suffix}", {**columns, "w": weights})
    arguments = ("--metrics", "mae", "--weight", "w", "--format", "json")
    result = run("report", folder / "pay.mlpkit", data, *arguments)
    X = pa.table({name: columns[name] for name in FEATURES})
    errors = np.abs(mlpkit.load(folder / "pay.mlpkit").predict(X) - columns["pay"])
    expected = np.average(errors, weights=weights)
    assert values(result)["mae", "all", "all"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--by", "sexx"), "--by: column 'sexx' not found. Did you mean 'sex'?"),
        (("--by-quantile", "age:x"), "--by-quantile requires COLUMN:N with at least 2 groups"),
        (("--by-quantile", "sex"), "column 'sex'"),
        (("--by", "age", "--by-quantile", "age"), "both have the column 'age'"),
        (("--max", "log_loss"), "--max requires METRIC=NUMBER, as in log_loss=0.4, got 'log_loss'"),
        (("--max", "log_loss=low"), "--max requires METRIC=NUMBER"),
        (("--max", "logloss=1"), "Did you mean 'log_loss'?"),
        (("--max-difference", "recall=0.1"), "compare groups. Pass --by COLUMN"),
        (("--metrics", "rmse"), "'rmse' supports regression"),
        (("--target", "incme"), "--target: column 'incme' not found. Did you mean 'income'?"),
        (("--target", "sex"), "which is not among the classes"),
        (("-o", "report.pdf"), "the suffix of a report must be one of: .html"),
        (("-o", "nope/report.html"), "does not exist"),
        (("--confidence", "2"), "confidence must be between 0 and 1"),
    ],
)
def test_wrong_arguments(arguments: Any, expected: str, folder: Path) -> None:
    """They are one line, and the exit code is 2."""
    assert expected in report(folder, *arguments).error


def test_a_model_without_the_name_of_its_target(folder: Path, tmp_path: Path) -> None:
    """As written by Python; the option has the name."""
    columns = numbers()
    X = pa.table({name: columns[name] for name in FEATURES})
    model = mlpkit.MLPClassifier(max_iter=9, tol=9, n_iter_no_change=1, backend="numpy")
    model.set_params(encoder="standard")
    model.fit(X, columns["income"]).save(tmp_path / "model.mlpkit")
    arguments = ("report", tmp_path / "model.mlpkit", folder / "people.csv")
    assert "does not contain the name of its target. Pass --target" in run(*arguments).error
    assert run(*arguments, "--target", "income").code == 0


@pytest.mark.parametrize("dtype", ["int", "bool", "float"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_classes_of_any_type(dtype: str, suffix: str, tmp_path: Path) -> None:
    """The values of the target are compared in the type of the classes."""
    columns = numbers()
    columns = {n: columns[n] for n in FEATURES} | {"y": (columns["age"] > 50).astype(dtype)}
    data, model = write(tmp_path / f"data{suffix}", columns), tmp_path / "model.mlpkit"
    assert run("fit", data, "--target", "y", *SHORT, "-o", model, disabled=CORE).code == 0
    result = run("report", model, data, "--format", "json")
    assert result.code == 0
    assert {e["n_rows"] for e in json.loads(result.out)["values"]} == {N}


def test_quantiles_of_names_with_colons() -> None:
    """The last colon separates the number."""
    assert quantiles_of("a:b:3") == ("a:b", 3)
