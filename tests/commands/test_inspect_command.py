"""``mlpkit inspect`` and ``mlpkit export``, and the start of the program."""

import json
import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from command_line import CORE, KEPT, SHORT, N, run, write

import mlpkit
from mlpkit.commands.program import main
from mlpkit.files.archive import read_shapes
from mlpkit.files.array_bytes import array_bytes

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a classifier."""
    folder = tmp_path_factory.mktemp("inspect")
    data, model = write(folder / "people.parquet"), folder / "income.mlpkit"
    arguments = ("--target", "income", *KEPT, *SHORT, "-o", model)
    assert run("fit", data, *arguments, disabled=CORE).code == 0
    return model


def test_the_description_as_text(model: Path) -> None:
    """Class, versions, task, features, network and training."""
    result = run("inspect", model)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == f"MLPClassifier (mlpkit {mlpkit.__version__})"
    text = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[1:]}
    assert text["task"] == "binary classification of income: high, low"
    assert text["features"] == "2: age (number), hours (number)"
    assert (
        "dense, encoder standard, 2 inputs, hidden layers 8, 1 output, 33 weights"
        in (text["network"])
    )
    assert text["training"].startswith("3 epochs in ") and f"{N} rows" in text["training"]
    assert ", lowest validation loss 0." in text["training"]


def test_a_model_of_one_epoch(tmp_path: Path) -> None:
    """The noun is in the singular, and a score that no epoch has reached is not shown."""
    data, path = write(tmp_path / "people.parquet"), tmp_path / "short.mlpkit"
    short = ("--set", "trainer=cycles", "--time-limit", "0.001s", "--backend", "numpy")
    result = run("fit", data, "--target", "income", *KEPT, *short, "-o", path, disabled=CORE)
    assert "Trained 1 epoch in " in result.out
    assert mlpkit.load(path).best_validation_score_ == -np.inf
    text = run("inspect", path).out
    assert "training  1 epoch in " in text and "inf" not in text


def test_the_description_as_json(model: Path) -> None:
    """With all parameters."""
    content = json.loads(run("inspect", model, "--json").out)
    estimator = mlpkit.load(model)
    assert content["class"] == "MLPClassifier" and content["target"] == ["income"]
    assert content["classes"] == ["high", "low"] and content["task"] == "binary"
    assert content["parameters"].keys() == estimator.get_params().keys()
    assert content["network"]["weights"] == sum(
        array.size for array in (*estimator.coefs_, *estimator.intercepts_)
    )
    assert content["training"]["loss"] == estimator.loss_
    assert content["training"]["best_validation_score"] == estimator.best_validation_score_


def test_a_misspelled_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The message suggests the most similar command, and lists all."""
    with pytest.raises(SystemExit) as error:
        main(["predct", "m.mlpkit", "people.csv"])
    assert error.value.code == 2
    text = capsys.readouterr().err
    assert "unknown command 'predct'. Did you mean 'predict'? The commands are: fit, " in text


def test_models_of_python(tmp_path: Path) -> None:
    """Without names of columns and of the target, not fitted, or not trained."""
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20.0)
    mlpkit.MLPRegressor(max_iter=1, tol=9, n_iter_no_change=1, backend="numpy").fit(X, y).save(
        tmp_path / "a.mlpkit"
    )
    out = run("inspect", tmp_path / "a.mlpkit").out
    assert "  features  2: x0 (number), x1 (number)\n" in out and "  task      regression\n" in out
    mlpkit.MLPRegressor().save(tmp_path / "b.mlpkit")
    out = run("inspect", tmp_path / "b.mlpkit").out
    assert "  task      none: the model is not fitted\n" in out and "network" not in out
    mlpkit.MLPRegressor(hidden_layer_sizes=(5,)).initialize(2).save(tmp_path / "c.mlpkit")
    out = run("inspect", tmp_path / "c.mlpkit").out  # its loss is NaN
    assert "hidden layers 5, 1 output, " in out and "  training  none\n" in out


def test_weights_are_not_read(tmp_path: Path) -> None:
    """Of a file whose weights are damaged, the description is the same."""
    model, data = tmp_path / "large.mlpkit", write(tmp_path / "data.csv", {"x": [1]})
    large = mlpkit.MLPRegressor(
        hidden_layer_sizes=5000, max_iter=1, tol=9, n_iter_no_change=1, backend="numpy"
    )
    large.fit([[0.0], [1.0]], [0.0, 1.0]).save(model)
    content = model.read_bytes()
    begin = len(content) * 2 // 3
    damaged = tmp_path / "damaged.mlpkit"
    damaged.write_bytes(content[:begin] + b"x" * 64 + content[begin + 64 :])
    assert "damaged" in run("predict", damaged, data).error
    expected = run("inspect", model).out.splitlines()[2:]
    assert run("inspect", damaged).out.splitlines()[2:] == expected


def test_files_that_are_no_models(model: Path, tmp_path: Path) -> None:
    """One line names them."""
    for path in (model.with_name("people.parquet"), tmp_path, tmp_path / "nope.mlpkit"):
        assert path.name in run("inspect", path).error


def mutated(value: Any, rng: random.Random) -> Any:
    """Return a value of JSON, of which a part is replaced."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        return {**value, key: mutated(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        i = rng.randrange(len(value))
        return [*value[:i], mutated(value[i], rng), *value[i + 1 :]]
    return rng.choice([None, -1, 10**15, 0.5, "x\x1b[31m", [], {}, [[]], {"$": "items"}, True])


def test_hostile_descriptions(model: Path, tmp_path: Path) -> None:
    """Each gives a description or an error of one line, and no control character."""
    rng, path = random.Random(0), tmp_path / "hostile.mlpkit"
    with ZipFile(model) as members:
        schema = json.loads(members.read("schema.json"))
        weights = members.read("weights.safetensors")
    codes = set()
    for _ in range(100):
        kept = {name: schema[name] for name in ("format", "version", "checksums")}
        name = rng.choice(list(schema))
        data = json.dumps({**schema, name: mutated(schema[name], rng), **kept}).encode()
        with ZipFile(path, "w") as members:
            members.writestr("schema.json", data)
            members.writestr("weights.safetensors", weights)
            members.comment = b"mlpkit sha256 " + sha256(data).hexdigest().encode()
        result = run("inspect", path)
        codes.add(result.code)
        assert result.code == 0 or result.error
        assert "\x1b" not in result.out + result.err
        assert run("inspect", path, "--json").code in (0, 2)
    assert 0 in codes


def test_shapes_without_arrays(model: Path) -> None:
    """The header of the weights has the shapes."""
    shapes = read_shapes(model, "estimator")
    assert shapes["weights/coef_0"] == (2, 8)
    assert all(isinstance(n, int) for shape in shapes.values() for n in shape)
    assert array_bytes({}) != b""


def test_an_export_needs_its_plugin(model: Path, tmp_path: Path) -> None:
    """The error says how to install it, before anything is written."""
    out = tmp_path / "income.onnx"
    result = run("export", model, "--onnx", out, disabled=(*CORE, "mlpkit-onnx"))
    # a plugin that is installed and disabled, or none
    assert "exporter='onnx'" in result.error or "unknown exporter 'onnx'" in result.error
    assert not out.exists()


LIGHT = """
import sys
import mlpkit
before = set(sys.modules)
from mlpkit.__main__ import main
sys.argv = ["mlpkit"]
for arguments in (["--help"], ["fit", "--help"], ["fit", "--nope"]):
    try:
        main(arguments)
    except SystemExit:
        pass
heavy = ("pyarrow.parquet", "pyarrow._csv", "mlpkit.sources", "tqdm", "matplotlib")
print(sorted(name for name in heavy if name in set(sys.modules) - before))
"""


def test_help_is_light() -> None:
    """What the commands need is imported when a command runs."""
    process = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True
    )
    listed: Any = process.stdout.splitlines()[-1]
    assert listed == "[]"
