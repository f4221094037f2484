"""Estimators that are fitted to files have the numbers of a fit in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import dataset, parquet
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, MLPRegressor, by_labels, by_quantile, evaluate, scan
from mlpkit.plugin import Report

pytestmark = pytest.mark.once
FEW = {"max_iter": 5, "tol": 1.0, "n_iter_no_change": 2}  # epochs, without a warning
NAMES = [f"c{i}" for i in range(4)]


def table(n: int = 600) -> pa.Table:
    """Numbers, two classes, weights, and a column of groups."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    others = {"y": X[:, 0] + X[:, 1] * X[:, 2] > 0, "w": rng.random(n), "g": ["a", "b"] * (n // 2)}
    return pa.table({**dict(zip(NAMES, X.T, strict=True)), **others})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of several row groups."""
    rows = table()
    parquet.write_table(rows.slice(0, 250), tmp_path / "a.parquet", row_group_size=100)
    parquet.write_table(rows.slice(250), tmp_path / "b.parquet", row_group_size=100)
    return tmp_path


def rows_of(folder: Any, **options: Any) -> Any:
    """The scan of the rows with their roles."""
    return scan(folder, target="y", weight="w", labels="g", **options)


def in_memory() -> tuple[Any, ...]:
    """The same rows in memory: X, y, sample weights and labels."""
    frame = table().to_pandas()
    return frame[NAMES], frame.y, frame.w, frame[["g"]]


def equal(a: Any, b: Any) -> bool:
    """Whether two fitted estimators have the same bits."""
    same = all(np.array_equal(p, q) for p, q in zip(a.coefs_, b.coefs_, strict=True))
    return same and a.loss_curve_ == b.loss_curve_


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop_columns(["c1"]), r"b\.parquet: column 'c1' not found"),
        (
            lambda f: f.set_column(1, "c1", pa.array(["x"] * len(f))),
            r"b\.parquet: column 'c1' has the type string",
        ),
        (
            lambda f: f.set_column(1, "c1", pa.array([np.nan] * len(f))),
            r"rows 251 to 350: Input X contains NaN",
        ),
    ],
)
def test_errors_name_the_file(tmp_path: Path, change: Any, message: str) -> None:
    """A missing column, another type, and a value that is not finite."""
    rows = table()
    parquet.write_table(rows.slice(0, 250), tmp_path / "a.parquet")
    parquet.write_table(change(rows.slice(250)), tmp_path / "b.parquet", row_group_size=100)
    clf = MLPClassifier((5,), max_iter=1)
    with pytest.raises(ValueError, match=message):
        clf.fit(rows_of(tmp_path))
    assert not hasattr(clf, "classes_")


def test_a_file_that_changes_is_an_error(folder: Path) -> None:
    """It is noticed when it is read again."""
    rows = rows_of(folder)
    parquet.write_table(table(100), folder / "b.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet was changed while it was in use"):
        MLPClassifier().fit(rows)


@pytest.mark.parametrize("name", ["y", "sample_weight", "labels"])
def test_arrays_beside_a_scan_are_refused(folder: Path, name: str) -> None:
    """They are columns of the files."""
    argument = {"y": "target", "sample_weight": "weight"}.get(name, name)
    message = rf"{name} cannot be passed beside a scan .* scan\(\.\.\., {argument}='name'\)"
    clf = MLPClassifier()
    for method in (clf.fit, clf.partial_fit):
        with pytest.raises(ValueError, match=message):
            method(rows_of(folder), **{name: [0, 1]})


def test_a_scan_without_target_only_predicts(folder: Path) -> None:
    """`fit` raises an error about the missing targets."""
    rows = scan(folder, drop=["y", "w", "g"])
    with pytest.raises(ValueError, match="requires y to be passed"):
        MLPClassifier().fit(rows)
    X, y, *_ = in_memory()
    clf = MLPClassifier((5,), **FEW).fit(X, y)
    assert np.array_equal(clf.predict(rows), clf.predict(X))


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


def test_an_encoder_of_all_rows_stays_within_the_memory(folder: Path) -> None:
    """It learns from the rows in memory, or its error says what to do."""
    frame = table().to_pandas()
    scaler: Any = StandardScaler()
    a = MLPClassifier((5,), **FEW, random_state=0, encoder=scaler).fit(rows_of(folder))
    X, y, w, _ = in_memory()
    b = MLPClassifier((5,), **FEW, random_state=0, encoder=scaler).fit(X.to_numpy(), y, w)
    assert a.loss_curve_ == pytest.approx(b.loss_curve_, rel=1e-9)
    rows = rows_of(folder)
    rows.memory = 2 * frame[NAMES].to_numpy().nbytes - 1
    message = (
        "which learns from all rows at once, requires more memory than the 37.5 KiB that scan may"
        r" use\. Pass more, such as scan\(\.\.\., memory='8GiB'\)"
    )
    with pytest.raises(ValueError, match=message):
        MLPClassifier(encoder=scaler).fit(rows)
    MLPClassifier((5,), **FEW, encoder="standard").fit(rows)  # reads one column after the other


@pytest.mark.parametrize(
    ("memory", "purpose"),
    [
        (100, "reading the targets, the weights and the labels"),
        (9_599, "reading the column 'c0'"),
    ],
)
def test_what_is_read_at_once_stays_within_the_memory(
    folder: Path, memory: int, purpose: str
) -> None:
    """A column, and the columns that are not features."""
    rows = scan(folder, target="y", drop=["w", "g"])
    rows.memory = memory
    with pytest.raises(ValueError, match=f"{purpose} requires more memory than the"):
        MLPClassifier(encoder="standard").fit(rows)


def test_files_without_rows_are_an_error(tmp_path: Path) -> None:
    """In `fit`, in predictions and in parts."""
    parquet.write_table(table(0), tmp_path / "a.parquet")
    rows = rows_of(tmp_path)
    X, y, *_ = in_memory()
    clf = MLPClassifier((5,), **FEW).fit(X, y)
    for use in (MLPClassifier().fit, clf.predict, clf.partial_fit):
        with pytest.raises(ValueError, match="contains no rows"):
            use(rows)


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
