"""Tables: the encoder of mlpkit-tabular and its estimators, in onnxruntime."""

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skl2onnx
from sessions import check, feeds, run, session
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.plugin import Column
from mlpkit_onnx import register_converters
from mlpkit_tabular import TabularClassifier, TabularEncoder, TabularRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
QUICK: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
HOSTILE = 'a "b"\n\t/\\é:0 {X}'


def table(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A frame with columns of every type, labels and values."""
    rng = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "income": np.where(rng.rand(n) < 0.1, np.nan, rng.lognormal(3, 1, n)),
            "sex": rng.choice(["f", "m"], n),
            "city": pd.Categorical(rng.choice([f"c{i:02d}" for i in range(15)], n)),
            "rank": pd.Categorical(rng.choice([1, 2, 30], n)),
            "member": rng.rand(n) < 0.4,
            "flag": pd.array(np.where(rng.rand(n) < 0.1, None, rng.rand(n) < 0.5), "boolean"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.randint(0, 9**9, n), "s"),
            "note": np.where(rng.rand(n) < 0.3, None, "x"),
            HOSTILE: rng.choice(np.arange(90) / 10, n),
            "X": rng.rand(n),
            "label": 1.0,
        }
    )
    value = 4 * (np.round(frame[HOSTILE].to_numpy() * 10) % 2) + (frame["sex"] == "f") + rng.rand(n)
    return frame, np.where(value > np.median(value), "yes", "no"), np.asarray(value)


FRAME, LABELS, VALUES = table(1500, 0)
NEW = table(100, 1)[0]
NEW.loc[:10, "city"] = np.nan
NEW["sex"] = NEW["sex"].astype(object)
NEW.loc[10:20, "sex"], NEW.loc[20:30, "sex"] = None, "unknown"
NEW.loc[30:40, "since"] = pd.NaT
NEW.loc[40:50, "X"], NEW.loc[50:60, "X"] = np.inf, -np.inf


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_the_encoder_of_tables(name: str) -> None:
    """Unknown levels, missing and infinite values; no row, one row and more."""
    estimator: Any = MLPClassifier(encoder="tabular", backend="numpy", **QUICK)
    if name == "regressor":
        estimator = MLPRegressor(encoder="tabular", backend="numpy", **QUICK)
    estimator.fit(FRAME, LABELS if name == "classifier" else VALUES)
    assert f"{HOSTILE}_value" in estimator.encoder_.get_feature_names_out()
    model = estimator.to_onnx()
    for rows in (FRAME, NEW, NEW[:1]):
        check(estimator, rows, run(model, rows), 1e-5)
    assert all(len(output) == 0 for output in run(model, NEW[:0]))


def test_names_and_types_of_the_inputs() -> None:
    """One input for each column; an output whose name is taken gets a number."""
    clf = MLPClassifier(encoder="tabular", backend="numpy", **QUICK).fit(FRAME, LABELS)
    opened = session(clf.to_onnx())
    assert [i.name for i in opened.get_inputs()] == list(FRAME)
    assert {tuple(i.shape) for i in opened.get_inputs()} == {(None, 1)}
    types = {i.name: i.type for i in opened.get_inputs()}
    assert {types[c] for c in ("sex", "city", "note")} == {"tensor(string)"}
    assert {types[c] for c in ("income", "rank", "member", "flag", HOSTILE)} == {"tensor(double)"}
    assert types["since"] == "tensor(int64)"
    assert [o.name for o in opened.get_outputs()] == ["label_1", "probabilities"]


def test_arrays_of_numbers_are_one_input() -> None:
    """A table without names that has only numbers."""
    X = np.random.RandomState(0).randn(200, 3)
    X[::7, 1] = np.nan
    clf = MLPClassifier(encoder="tabular", backend="numpy", **QUICK).fit(X, X[:, 0] > 0)
    check(clf, X, run(clf.to_onnx(), X), 1e-5)


def test_arrays_of_objects_have_one_input_for_each_column() -> None:
    """Their names are x0, x1 and so on."""
    X = np.array([["a", 1.0], ["b", 2.0], [None, 3.0]] * 30, dtype=object)
    clf = MLPClassifier(encoder="tabular", backend="numpy", **QUICK).fit(X, X[:, 1] > 1)
    columns = pd.DataFrame({"x0": X[:, 0], "x1": X[:, 1].astype(float)})
    check(clf, X, run(clf.to_onnx(), columns), 1e-5)


def test_text_that_a_file_cannot_store() -> None:
    """The error names the column; an empty name is replaced."""
    frame = pd.DataFrame({"": [1.0, 2.0, 3.0] * 9, "b": ["x", "y", "z"] * 9})
    clf = MLPClassifier(encoder="tabular", backend="numpy", **QUICK)
    model = clf.fit(frame, frame["b"] == "x").to_onnx()
    check(clf, frame, run(model, frame.rename(columns={"": "x0"})), 1e-5)
    clf.fit(np.array([["\ud800", 1.0], ["b", 2.0]] * 9, dtype=object), [0, 1] * 9)
    with pytest.raises(ValueError, match=r"Column 'x0' contains '.ud800', which is not valid"):
        clf.to_onnx()


def test_the_string_of_missing_values() -> None:
    """If it is a value, another one must be chosen."""
    frame = pd.DataFrame({"a": ["", "b", None, "c"] * 30})
    clf = MLPClassifier(encoder="tabular", backend="numpy", **QUICK)
    clf.fit(frame, frame["a"] == "b")
    with pytest.raises(ValueError, match=r"Column 'a' contains the string '', which .*missing='"):
        clf.to_onnx()
    opened = session(clf.to_onnx(missing="?"))
    cells = {"a": frame[["a"]].fillna("?").to_numpy(dtype=object)}
    check(clf, frame, opened.run(None, cells), 1e-5)


ESTIMATORS = {
    "classifier": TabularClassifier(n_folds=2, **QUICK),
    "realmlp": TabularClassifier(builder="realmlp", **QUICK),
    "resnet": TabularClassifier(
        builder="resnet", builder_options={"normalization": "batch"}, **QUICK
    ),
    "full": TabularRegressor(builder_options={"form": "full", "embedding": "periodic"}, **QUICK),
    "quantiles": TabularRegressor(quantiles=(0.1, 0.5, 0.9), **QUICK),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_of_tables(name: str) -> None:
    """Members, folds, calibrated probabilities, units and quantiles are in the graph."""
    estimator = ESTIMATORS[name]
    y = LABELS if isinstance(estimator, TabularClassifier) else VALUES
    estimator.fit(FRAME, y)
    model = estimator.to_onnx()
    for rows in (NEW, NEW[:1]):
        outputs = run(model, rows)
        check(estimator, rows, outputs, 1e-5)
    if name == "quantiles":
        quantiles = estimator.predict(NEW, quantiles=(0.1, 0.5, 0.9))
        np.testing.assert_allclose(run(model, NEW)[1], quantiles, rtol=1e-5, atol=1e-5)
    assert all(len(output) == 0 for output in run(model, NEW[:0]))


def test_skl2onnx_converts_estimators_with_the_encoder() -> None:
    """Columns are inputs of their own types; dates as integers."""
    frame, new = (f.drop(columns=["since", "flag", "rank", "member"]) for f in (FRAME, NEW))
    clf = MLPClassifier(encoder="tabular", backend="numpy", **QUICK).fit(frame, LABELS)
    example = frame.assign(city=frame["city"].astype(str), note=frame["note"].fillna(""))
    options = {id(clf): {"zipmap": False}}
    model = skl2onnx.to_onnx(clf, example[:1], options=options, target_opset=18)
    opened = session(model)
    names = {i.name: column for i, column in zip(opened.get_inputs(), new, strict=True)}
    converted = feeds(opened, new.rename(columns={v: k for k, v in names.items()}))
    check(clf, new, opened.run(None, converted), 1e-5)


def test_the_encoder_as_a_step_of_a_pipeline() -> None:
    """Before any estimator that skl2onnx converts."""
    register_converters(TabularEncoder)
    frame = FRAME[["income", "sex", HOSTILE]].rename(columns={HOSTILE: "tied"})
    for last in (LogisticRegression(), MLPClassifier(backend="numpy", **QUICK)):
        pipeline = make_pipeline(TabularEncoder(), last).fit(frame, LABELS == "yes")
        options = {id(pipeline): {"zipmap": False}}
        model = skl2onnx.to_onnx(pipeline, frame, options=options, target_opset=18)
        inputs = {n: frame[[n]].to_numpy(object if n == "sex" else float) for n in frame}
        check(pipeline, frame, session(model).run(None, inputs), 1e-5)
    wrong = [("X", skl2onnx.common.data_types.DoubleTensorType([None, 2]))]
    with pytest.raises(ValueError, match="has 3 features, but the inputs have 2 columns"):
        skl2onnx.to_onnx(pipeline, initial_types=wrong, target_opset=18)


def test_transformers_with_columns_of_strings() -> None:
    """Their types are known to skl2onnx.to_onnx, which gets a table."""
    frame = FRAME[["X", "sex"]].astype({"X": "float32"})
    encoder = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
    clf = MLPClassifier(encoder=encoder, backend="numpy", **QUICK).fit(frame, LABELS)
    with pytest.raises(ValueError, match="types of the columns of ColumnTransformer are not known"):
        clf.to_onnx()
    model = skl2onnx.to_onnx(clf, frame, options={id(clf): {"zipmap": False}}, target_opset=18)
    inputs = {"X": frame[["X"]].to_numpy(), "sex": frame[["sex"]].to_numpy(dtype=object)}
    check(clf, frame, session(model).run(None, inputs), 1e-5)


class Ranks:
    """An encoder that cannot be converted to ONNX."""

    columns = (Column("a", "a"),)

    def fit(self, X: Any, y: Any = None) -> "Ranks":
        """Nothing to learn."""
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The first column."""
        return np.asarray(X, dtype=float)[:, :1]

    def get_state(self) -> Any:
        """Nothing."""
        return {}, {}

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """The name."""
        return np.array(["a"], dtype=object)


def test_encoders_that_cannot_be_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the encoder, and skl2onnx if it is not installed."""
    X = np.random.RandomState(0).randn(50, 2)
    clf = MLPClassifier(encoder=Ranks(), backend="numpy", **QUICK).fit(X, X[:, 0] > 0)
    with pytest.raises(ValueError, match="skl2onnx cannot convert the encoder Ranks"):
        clf.to_onnx()
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ValueError, match=r"Ranks has no method portable.*pip install skl2onnx$"):
        clf.to_onnx()


def test_columns_without_a_value_are_not_inputs() -> None:
    """In `fit`, the first and the last column were missing in all rows."""
    frame = FRAME[["sex", "X"]].assign(last=None)
    frame.insert(0, "first", np.nan)
    clf = MLPClassifier(encoder="tabular", backend="numpy", **QUICK).fit(frame, LABELS)
    model = clf.to_onnx()
    assert [i.name for i in session(model).get_inputs()] == ["sex", "X"]
    check(clf, frame, run(model, frame), 1e-5)


def test_inputs_of_another_type() -> None:
    """A column of strings that is passed as numbers."""
    frame = FRAME[["X", "sex"]]
    clf = MLPClassifier(encoder="tabular", backend="numpy", **QUICK).fit(frame, LABELS)
    with pytest.raises(ValueError, match="Column 'sex' contained strings in fit, but its input"):
        skl2onnx.to_onnx(clf, np.zeros((1, 2)), target_opset=18)
