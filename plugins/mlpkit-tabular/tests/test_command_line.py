"""``mlpkit fit`` and the other commands on tables with columns of every type."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlpkit
from mlpkit.__main__ import main
from mlpkit_tabular import TabularClassifier

SHORT = ["--set", "max_iter=3", "--set", "hidden_layer_sizes=8", "--set", "n_folds=none"]
CORE = ["--estimator", "MLPClassifier", "--backend", "numpy", "--set", "max_iter=3"]
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(
    rows: tuple[pd.DataFrame, np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Files:
    """Return the training rows as CSV and as Parquet."""
    X, labels, _ = rows
    frame = X.assign(zip=np.arange(len(X)) % 7 + 501, label=labels)
    frame["town"] = [f"{label}{i % 60}" for i, label in enumerate(labels)]  # has level means
    folder = tmp_path_factory.mktemp("tables")
    frame.to_csv(folder / "rows.csv", index_label="id")
    frame.to_parquet(folder / "rows.parquet", index=False)
    return folder / "rows.csv", folder / "rows.parquet"


def run(*arguments: Any) -> int:
    """Run a command in this process."""
    return main(list(map(str, arguments)))


def test_tables_work_as_they_are(files: Files, tmp_path: Path) -> None:
    """With the estimator of this plugin, which is the default."""
    data, parquet = files
    model, out = tmp_path / "model.mlpkit", tmp_path / "out.parquet"
    arguments = ("--target", "label", "--drop", "id", "--categorical", "zip", *SHORT)
    assert run("fit", data, *arguments, "-o", model, "--quiet") == 0
    estimator = mlpkit.load(model)
    assert type(estimator) is TabularClassifier
    kinds = dict(zip(estimator.feature_names_in_, estimator.encoder_._schema.kinds, strict=True))
    assert kinds == {
        **{"age": "number", "income": "number", "sex": "category", "city": "category"},
        **{"member": "boolean", "since": "date", "note": "category", "zip": "category"},
        "town": "category",
    }
    written = []
    for rows in (data, parquet):  # text, or columns with types
        assert run("predict", model, rows, "--proba", "-o", out, "--quiet") == 0
        written.append(pd.read_parquet(out))
    pd.testing.assert_frame_equal(*written)
    X = pd.read_parquet(parquet).drop(columns="label")
    expected = estimator.predict_proba(X.assign(zip=X["zip"].astype(str)))
    np.testing.assert_allclose(
        written[0][["probability_no", "probability_yes"]], expected, rtol=1e-5, atol=1e-6
    )


def test_groups_that_are_dropped(files: Files, tmp_path: Path, capsys: Any) -> None:
    """An estimator of the core gets the encoder of this plugin; reports need no feature."""
    data, parquet = files
    model = tmp_path / "model.mlpkit"
    arguments = ("--target", "label", "--drop", "id,sex", "--group", "sex", "--valid", "0.2")
    assert run("fit", data, *arguments, *CORE, "-o", model, "--quiet") == 0
    estimator = mlpkit.load(model)
    assert estimator.encoder == "tabular" and "sex" not in estimator.feature_names_in_
    assert {v.partition for v in estimator.metric_history_ if v.partitioner == "sex"} == {"f", "m"}
    capsys.readouterr()
    assert run("report", model, parquet, "--by", "sex", "--format", "json") == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert {v["partition"] for v in values} == {"all", "f", "m"}
    assert run("inspect", model, "--json") == 0
    features = {f["name"]: f["kind"] for f in json.loads(capsys.readouterr().out)["features"]}
    assert features["since"] == "date" and features["city"] == "text"


def test_every_column_has_its_kind(files: Files, tmp_path: Path, capsys: Any) -> None:
    """Also categories with means of levels, and numbers with tied values."""
    model = tmp_path / "model.mlpkit"
    arguments = ("--target", "label", "--drop", "id", *CORE, "-o", model, "--quiet")
    rare = ("--set", "encoder_options.min_count=20")
    assert run("fit", files[0], *arguments, *rare) == 0
    estimator = mlpkit.load(model)
    assert any(c.source == "town" and c.kind == "numeric" for c in estimator.encoder_.columns)
    capsys.readouterr()
    assert run("inspect", model, "--json") == 0
    features = {f["name"]: f["kind"] for f in json.loads(capsys.readouterr().out)["features"]}
    assert features["town"] == "text" and features["zip"] == "number"
    assert run("predict", model, files[0], "-o", tmp_path / "out.csv") == 0
