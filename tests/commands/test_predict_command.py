"""``mlpkit predict``: columns, formats, streams of constant memory, and whole outputs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from command_line import CORE, SHORT, N, numbers, read, run, write
from environments import plain
from memory_peaks import assert_constant_memory
from sklearn.datasets import load_iris

import mlpkit
from mlpkit import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
FEATURES = ("age", "hours")
SUFFIXES = (".csv", ".parquet", ".arrow", ".arrows")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a classifier, a regressor, and rows in each format."""
    folder = tmp_path_factory.mktemp("predict")
    for suffix in SUFFIXES:
        write(folder / f"people{suffix}")
    data = folder / "people.parquet"
    for name, target, drop in (("income", "income", "pay"), ("pay", "pay", "income")):
        arguments = ("--target", target, "--drop", f"id,sex,{drop}", *SHORT)
        output = folder / f"{name}.mlpkit"
        assert run("fit", data, *arguments, "-o", output, disabled=CORE).code == 0
    return folder


def features(**changed: Any) -> pa.Table:
    """Return the columns of the model."""
    return pa.table({name: numbers()[name] for name in FEATURES} | changed)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("of", SUFFIXES)
def test_formats(suffix: str, of: str, folder: Path, tmp_path: Path) -> None:
    """Predictions, probabilities and kept columns are the same in each format."""
    out = tmp_path / f"out{suffix}"
    arguments = ("--proba", "--keep", "id,sex", "-o", out)
    result = run("predict", folder / "income.mlpkit", folder / f"people{of}", *arguments)
    assert (result.code, result.out) == (0, "")
    assert result.err == f"Wrote 300 predictions to {out}\n"
    model = mlpkit.load(folder / "income.mlpkit")
    columns = read(out)
    assert list(columns) == [*("id", "sex", "prediction", "probability_high", "probability_low")]
    assert list(map(int, columns["id"])) == list(range(N))
    assert columns["sex"] == numbers()["sex"].tolist()
    assert columns["prediction"] == model.predict(features()).tolist()
    proba = np.stack([columns["probability_high"], columns["probability_low"]], axis=1)
    np.testing.assert_allclose(proba, model.predict_proba(features()), rtol=1e-6)


def test_standard_input_and_output(folder: Path) -> None:
    """CSV is the format of standard output; nothing else is printed there."""
    stdin = (folder / "people.csv").read_bytes()
    piped = run("predict", folder / "income.mlpkit", "-", stdin=stdin)
    assert piped.code == 0 and piped.err == ""
    assert piped.out.splitlines()[0] == '"prediction"' and len(piped.out.splitlines()) == N + 1
    for suffix in SUFFIXES[1:]:
        stdin = (folder / f"people{suffix}").read_bytes()
        assert run("predict", folder / "income.mlpkit", "-", "-o", "-", stdin=stdin) == piped


def test_columns_are_found_by_name(folder: Path, tmp_path: Path) -> None:
    """In any order, with others besides, and without the target."""
    columns = numbers()
    data = {"hours": columns["hours"], "other": ["x"] * N, "age": columns["age"].astype(float)}
    result = run("predict", folder / "pay.mlpkit", write(tmp_path / "data.parquet", data))
    lines = result.out.splitlines()[1:]
    expected = mlpkit.load(folder / "pay.mlpkit").predict(features())
    np.testing.assert_allclose(np.array(lines, dtype=float), expected, rtol=1e-6)


def test_kept_text_is_kept_as_it_is(folder: Path, tmp_path: Path) -> None:
    """A number of CSV that is not a feature keeps its zeros."""
    path = tmp_path / "data.csv"
    path.write_text("id,age,hours\n007,30,40\n008,31,41\n")
    out = run("predict", folder / "income.mlpkit", path, "--keep", "id").out
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == ['"007"', '"008"']


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"age": [1]}, "column 'hours' not found"),
        ({"x": [1]}, "columns 'age', 'hours' not found"),
        ({"age": ["old"], "hours": [1]}, "column 'age'"),
        ({"age": pa.array([], pa.int64()), "hours": pa.array([], pa.int64())}, "contains no rows"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_wrong_columns_are_named(
    columns: Any, expected: str, suffix: str, folder: Path, tmp_path: Path
) -> None:
    """With the name of the file; there is no output."""
    data, out = write(tmp_path / f"data{suffix}", columns), tmp_path / "out.csv"
    error = run("predict", folder / "income.mlpkit", data, "-o", out).error
    assert expected in error
    assert [data] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--keep", "ide"), "--keep: column 'ide' not found. Did you mean 'id'?"),
        (("-o", "out.xlsx"), "the suffix of the output must be one of: .csv, .parquet"),
        (("-o", "nope/out.csv"), "nope/out.csv: the output cannot be written: the folder"),
        (("--delimiter", "::"), "--delimiter must be one character"),
    ],
)
def test_wrong_arguments(arguments: Any, expected: str, folder: Path) -> None:
    """They are one line."""
    data = folder / "people.csv"
    assert expected in run("predict", folder / "income.mlpkit", data, *arguments).error


def test_several_targets_are_named(tmp_path: Path) -> None:
    """Also the probabilities of labels."""
    labels = {"a": np.arange(N) % 2, "b": np.arange(N) // 2 % 2}
    data = write(tmp_path / "people.csv", {**numbers(), **labels})
    model, out = tmp_path / "m.mlpkit", tmp_path / "out.csv"
    arguments = ("--target", "a,b", "--drop", "id,sex,pay,income", *SHORT)
    assert run("fit", data, *arguments, "-o", model, disabled=CORE).code == 0
    assert run("predict", model, data, "--proba", "-o", out).code == 0
    header = out.read_text().splitlines()[0].replace('"', "").split(",")
    assert header == ["prediction_a", "prediction_b", "probability_a", "probability_b"]


@pytest.mark.parametrize("data", ["people.csv", "."])
def test_inputs_are_not_replaced(data: str, folder: Path, tmp_path: Path) -> None:
    """Neither the table nor a file of the folder, under any of their names."""
    table = write(tmp_path / "people.csv")
    before = table.read_bytes()
    link = tmp_path / "link.csv"
    link.symlink_to(table)
    for command in ("predict", "report"):
        for output in (table, link):
            arguments = (folder / "income.mlpkit", tmp_path / data, "-o", output)
            assert "would replace an input" in run(command, *arguments).error
    assert before == table.read_bytes()


def test_a_regressor_has_no_probabilities(folder: Path) -> None:
    """The error has the name of the model and its class."""
    error = run("predict", folder / "pay.mlpkit", folder / "people.csv", "--proba").error
    assert error.startswith("--proba: ") and "pay.mlpkit is a MLPRegressor" in error


def test_files_that_are_no_models(folder: Path, tmp_path: Path) -> None:
    """Other files, missing ones and folders."""
    for path in (folder / "people.csv", tmp_path / "nope.mlpkit", tmp_path):
        assert path.name in run("predict", path, folder / "people.csv").error


def test_models_of_arrays(tmp_path: Path) -> None:
    """They take all columns but the kept ones, in their order."""
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier(max_iter=2, random_state=0, backend="numpy").fit(X, y)
    model.save(tmp_path / "iris.mlpkit")
    path = write(tmp_path / "iris.csv", {**{f"c{i}": c for i, c in enumerate(X.T)}, "y": y})
    out = tmp_path / "out.csv"
    assert run("predict", tmp_path / "iris.mlpkit", path, "--keep", "y", "-o", out).code == 0
    assert read(out) == {"y": y.tolist(), "prediction": model.predict(X).tolist()}
    error = run("predict", tmp_path / "iris.mlpkit", path).error
    assert "the model has 4 features without names, but there are 5 columns" in error


def test_models_without_encoder(folder: Path, tmp_path: Path) -> None:
    """A missing value is an error that names the column."""
    model = MLPRegressor(max_iter=2, random_state=0, backend="numpy")
    model.fit(features(), numbers()["pay"]).save(tmp_path / "plain.mlpkit")
    result = run("predict", tmp_path / "plain.mlpkit", folder / "people.csv")
    predictions = np.array(result.out.splitlines()[1:], dtype=float)
    np.testing.assert_allclose(predictions, model.predict(features()), rtol=1e-6)
    data = write(tmp_path / "gap.csv", {"age": [1, None], "hours": [1, 2]})
    assert (
        "column 'age' has missing values" in run("predict", tmp_path / "plain.mlpkit", data).error
    )


def test_an_error_in_the_middle_leaves_the_old_file(folder: Path, tmp_path: Path) -> None:
    """Rows that were already predicted are not written."""
    parts, out = tmp_path / "parts", tmp_path / "out.csv"
    parts.mkdir()
    write(parts / "a.csv", {"age": [1] * 9, "hours": [2] * 9})
    write(parts / "b.csv", {"age": ["old"], "hours": [2]})
    out.write_text("old")
    assert "b.csv" in run("predict", folder / "income.mlpkit", parts, "-o", out).error
    assert out.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.csv", "parts"]


PROGRAM = """
import json, sys, tracemalloc
import pyarrow
from mlpkit.__main__ import main
from mlpkit.sources import csv_files
csv_files.BLOCK = 1 << 16  # of which 32 are read ahead
model, small, large, out = sys.argv[1:]
sys.argv[:] = ["mlpkit"]
tracemalloc.start()
peaks = []
for data in (small, large):
    tracemalloc.reset_peak()
    assert main(["predict", model, data, "--keep", "age", "-o", out, "--quiet"]) == 0
    arrow = pyarrow.default_memory_pool().max_memory()
    peaks.append([tracemalloc.get_traced_memory()[1], arrow])
print(json.dumps(peaks))
"""


@pytest.mark.parametrize(
    ("suffix", "output"), [(".csv", ".parquet"), (".parquet", ".csv"), (".arrow", ".parquet")]
)
def test_memory_does_not_depend_on_the_number_of_rows(
    suffix: str, output: str, folder: Path, tmp_path: Path
) -> None:
    """The peaks of NumPy's and Arrow's memory are those of a tenth of the rows.

    The file of Parquet has one row group.
    """
    rng = np.random.RandomState(0)
    paths = []
    for n in (200_000, 2_000_000):
        columns = {"age": rng.random_sample(n).round(3), "hours": rng.random_sample(n).round(3)}
        options = {} if suffix == ".csv" else {"max_chunksize": 50_000}
        options = {"row_group_size": n} if suffix == ".parquet" else options
        paths.append(write(tmp_path / f"{n}{suffix}", columns, **options))
    arguments = [folder / "pay.mlpkit", *paths, tmp_path / f"out{output}"]
    assert_constant_memory(PROGRAM, *arguments, n_large=2_000_000)
    assert len(read(tmp_path / f"out{output}")["prediction"]) == 2_000_000


def test_a_reader_that_stops_early_is_not_an_error(folder: Path, tmp_path: Path) -> None:
    """As with ``mlpkit predict ... | head``."""
    columns = {"age": np.arange(400_000), "hours": np.arange(400_000)}
    data = write(tmp_path / "data.parquet", columns)
    process = subprocess.Popen(
        [sys.executable, "-m", "mlpkit", "predict", str(folder / "pay.mlpkit"), str(data)],
        env={**plain(), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == '"prediction"\n'
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), errors) == (0, "")
