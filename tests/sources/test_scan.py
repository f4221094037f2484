"""Estimators that are fitted to files have the numbers of a fit in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import dataset, parquet
from scanned import FEW, NAMES, equal, in_memory, rows_of, table
from sklearn.base import clone

from mlpkit import MLPClassifier, MLPRegressor, by_labels, by_quantile, evaluate, scan
from mlpkit.plugin import Report

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"encoder": "standard"},
        {"early_stopping": True},
        {"dtype": "float32", "early_stopping": True, "dropout": 0.2},
        {"metrics": ["accuracy"], "partitions": [by_quantile("c0"), by_labels("g")]},
    ],
    ids=lambda p: ", ".join(p),
)
def test_a_fit_of_files_equals_a_fit_in_memory(folder: Path, parameters: dict[str, Any]) -> None:
    """Weights, losses, metrics by group and predictions have the same bits."""
    rows, (X, y, w, labels) = rows_of(folder), in_memory()
    a = MLPClassifier((10,), **FEW, random_state=0, **parameters).fit(rows)
    b = MLPClassifier((10,), **FEW, random_state=0, **parameters).fit(X, y, w, labels=labels)
    assert equal(a, b)
    assert a.feature_names_in_.tolist() == NAMES
    assert list(a.metric_history_) == list(b.metric_history_)
    assert np.array_equal(a.predict_proba(rows), b.predict_proba(X))
    assert a.predict(rows).tolist() == b.predict(X).tolist()


def test_validation_and_evaluation_sets_may_be_files(folder: Path) -> None:
    """Their metrics equal those of the same rows in memory."""
    rows, (X, y, w, _) = rows_of(folder), in_memory()
    a = MLPClassifier((5,), **FEW, early_stopping_on="log_loss", random_state=0)
    b = MLPClassifier((5,), **FEW, early_stopping_on="log_loss", random_state=0)
    a.fit(rows, X_val=rows, eval_sets={"more": rows})
    b.fit(X, y, w, X_val=X, y_val=y, sample_weight_val=w, eval_sets={"more": (X, y, w)})
    assert equal(a, b)
    assert list(a.metric_history_) == list(b.metric_history_)


def test_partial_fit_makes_a_pass_over_each_part(folder: Path) -> None:
    """It equals a call for each row group."""
    rows = rows_of(folder)
    sizes = [len(part.y) for part in rows]
    assert sizes == [100, 100, 50, 100, 100, 100, 50]
    a = MLPClassifier((5,), random_state=0).partial_fit(rows, classes=[False, True])
    b = MLPClassifier((5,), random_state=0)
    X, y, w, labels = in_memory()
    begin = 0
    for size in sizes:
        part = slice(begin, begin + size)
        b.partial_fit(X[part], y[part], w[part], [False, True], labels=labels[part])
        begin += size
    assert equal(a, b)


def test_a_regressor(folder: Path) -> None:
    """Several targets; a column that is neither used nor a feature."""
    rows = scan(folder, target=["c2", "c3"], drop=["g", "y"], weight="w")
    assert rows.features == ["c0", "c1"]
    X, _, w, _ = in_memory()
    a = MLPRegressor(hidden_layer_sizes=(5,), **FEW, random_state=0).fit(rows)
    b = MLPRegressor(hidden_layer_sizes=(5,), **FEW, random_state=0).fit(
        X[["c0", "c1"]], X[["c2", "c3"]], w
    )
    assert equal(a, b)
    assert np.array_equal(a.predict(rows), b.predict(X[["c0", "c1"]]))
    a.partial_fit(rows)


def test_a_report_of_files_equals_one_in_memory(folder: Path) -> None:
    """By the labels that the scan names."""
    X, y, w, labels = in_memory()
    clf = MLPClassifier((5,), **FEW, random_state=0).fit(X, y)
    options: dict[str, Any] = {"partitions": [by_labels("g")], "metrics": ["accuracy"]}
    a = evaluate(clf, rows_of(folder), **options)
    b = evaluate(clf, X, y, sample_weight=w, labels=labels, **options)
    assert [e.value for e in a.entries] == pytest.approx([e.value for e in b.entries], abs=1e-12)


def sources(folder: Path) -> dict[str, Any]:
    """The same rows in all kinds of sources."""
    rows = table().drop_columns(["g"])
    arrays = np.stack([np.asarray(column) for column in rows.columns], axis=1)
    rows.to_pandas().to_csv(folder / "rows.csv", index=False)
    np.save(folder / "rows.npy", arrays)
    with pa.ipc.new_file(str(folder / "rows.arrow"), rows.schema) as writer:
        writer.write_table(rows, max_chunksize=70)
    files = [folder / "a.parquet", folder / "b.parquet"]
    return {
        "csv": folder / "rows.csv",
        "arrow": str(folder / "rows.arrow"),
        "list": files,
        "dataset": dataset.dataset([str(file) for file in files]),
        "memory maps": [
            np.load(folder / "rows.npy", mmap_mode="r")[:200],
            np.load(folder / "rows.npy", mmap_mode="r")[200:],
        ],
    }


@pytest.mark.parametrize("kind", ["csv", "arrow", "list", "dataset", "memory maps"])
def test_sources(folder: Path, kind: str) -> None:
    """Files of each format, lists, datasets and memory maps have the same rows."""
    source = sources(folder)[kind]
    names = NAMES if kind != "memory maps" else [f"x{i}" for i in range(4)]
    target, weight = ("y", "w") if kind != "memory maps" else ("x4", "x5")
    drop = ["g"] if kind in ("list", "dataset") else []
    rows = scan(source, target=target, weight=weight, drop=drop)
    assert (rows.n_rows, rows.features) == (600, names)
    X, y, w, _ = in_memory()
    a = MLPRegressor(hidden_layer_sizes=(5,), **FEW, random_state=0).fit(rows)
    b = MLPRegressor(hidden_layer_sizes=(5,), **FEW, random_state=0).fit(X, y.astype(float), w)
    assert a.loss_curve_ == pytest.approx(b.loss_curve_, rel=1e-12)


def test_patterns_are_the_files_with_such_names(folder: Path) -> None:
    """In the order of their names; a list may contain several."""
    assert rows_of(folder / "[ab].parquet").n_rows == 600
    assert rows_of([folder / "b*.parquet", folder / "a*"]).n_rows == 600
    with pytest.raises(ValueError, match=r"c\*\.parquet: no file matches this pattern"):
        rows_of(folder / "c*.parquet")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_numbers_that_are_categories_become_text(tmp_path: Path, suffix: str) -> None:
    """In whole columns and in parts."""
    columns = {"zip": ["00501", "10001"] * 2, "x": [1, 2, 3, 4], "y": [0, 1, 0, 1]}
    frame = pd.DataFrame(columns)
    path = tmp_path / f"rows.{suffix}"
    if suffix == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.astype({"zip": int}).to_parquet(path)
    rows = scan(path, target="y", categorical="zip")
    expected = columns["zip"] if suffix == "csv" else ["501", "10001"] * 2
    assert rows.dataset().X.column("zip").to_pylist() == expected
    (part,) = rows
    assert part.X.column("zip").to_pylist() == expected
    with pytest.raises(ValueError, match="categorical: 'y' is not a feature"):
        scan(path, target="y", categorical="y")


@pytest.mark.parametrize("as_dictionary", [False, True])
def test_equal_texts_are_one_object(tmp_path: Path, as_dictionary: bool) -> None:
    """Targets and labels of many rows take no more than a reference each."""
    text = pa.array(["a label", "another"] * 50)
    text = text.dictionary_encode() if as_dictionary else text
    rows = pa.table({"x": np.arange(100.0), "y": text, "g": text})
    parquet.write_table(rows, tmp_path / "a.parquet", row_group_size=30)
    data = scan(tmp_path, target="y", labels="g").dataset()
    assert data.y.tolist() == data.labels["g"].tolist() == ["a label", "another"] * 50
    assert len(set(map(id, data.y))) == len(set(map(id, data.labels["g"]))) == 2


def test_the_types_of_csv_follow_from_all_values(tmp_path: Path) -> None:
    """A column that has other values in a later file gets the type of all of them."""
    values = {"a": [1, 2, 2.5], "b": ["", "", 3], "c": ["2024-05-31", "x", "y"], "y": [0, 1, 1]}
    frame = pd.DataFrame(values)
    for i in range(3):
        frame[i : i + 1].to_csv(tmp_path / f"{i}.csv", index=False)
    (tmp_path / "0.csv").write_text("a,b,c,y\n1,,2024-05-31,0\n")
    rows = scan(tmp_path, target="y")
    X = rows.dataset().X
    assert [str(X.column(name).type) for name in X.column_names] == ["double", "int64", "string"]
    assert X.column("a").to_pylist() == [1.0, 2.0, 2.5]


def test_progress(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """The rows that have been used, and the time that is left."""
    monkeypatch.setattr("mlpkit.sources.progress.SECONDS", 0.0)
    assert len(list(rows_of(folder, verbose=True))) == 7
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1].split(", ")[0] for line in lines] == [
        f"{n} of 600 rows" for n in (100, 200, 250, 350, 450, 550)
    ]
    assert all(line.endswith("s left") for line in lines)
    list(rows_of(folder))
    assert not capsys.readouterr().out


class Interrupted(Exception):
    """What ends a fit."""


class Epochs:
    """A callback that counts epochs, and may end a fit with an exception."""

    only_observes = True

    def __init__(self, last: int) -> None:
        self.last, self.numbers = last, list[int]()

    def __call__(self, report: Report) -> None:
        """Keep the number of the epoch."""
        self.numbers.append(report.epoch)
        if report.epoch == self.last:
            raise Interrupted


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_fit_of_files_continues_from_a_checkpoint(folder: Path) -> None:
    """It equals a fit that was not interrupted."""
    whole = MLPClassifier((5,), random_state=0, max_iter=5, n_iter_no_change=100)
    part = clone(whole).set_params(checkpoint=folder / "_checkpoint", checkpoint_every=1)
    with pytest.raises(Interrupted):
        clone(part).set_params(callbacks=[Epochs(last=3)]).fit(rows_of(folder))
    epochs = Epochs(last=0)
    part.set_params(callbacks=[epochs]).fit(rows_of(folder))
    assert epochs.numbers == [3, 4, 5]  # the third one was not saved
    assert equal(whole.fit(rows_of(folder)), part)


def test_calibration_on_files(folder: Path) -> None:
    """Probabilities and intervals are calibrated on the rows of a scan."""
    rows, (X, y, w, _) = rows_of(folder), in_memory()
    a = MLPClassifier((5,), **FEW, random_state=0).fit(X, y).calibrate(rows)
    b = MLPClassifier((5,), **FEW, random_state=0).fit(X, y).calibrate(X, y, w)
    assert a.temperature_ == b.temperature_
    rows = scan(folder, target="c3", drop=["y", "w", "g"])
    X, y = X[NAMES[:3]], X["c3"]
    c = MLPRegressor(hidden_layer_sizes=(5,), **FEW, random_state=0).fit(rows).calibrate(rows)
    d = MLPRegressor(hidden_layer_sizes=(5,), **FEW, random_state=0).fit(X, y).calibrate(X, y)
    assert np.array_equal(c.predict_interval(rows), d.predict_interval(X))
