"""skl2onnx with estimators of mlpkit, compared with scikit-learn's MLP in the same places."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skl2onnx
from sessions import check, run, signature
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.ensemble import (
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.neural_network import MLPRegressor as SklearnRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit_onnx import register_converters

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # skl2onnx itself raises them
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
X, CODES = make_classification(120, 6, n_informative=4, n_classes=3, random_state=0)
Y = X @ np.arange(1.0, 7.0)
QUICK: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}
TARGETS = {
    "integers": CODES,
    "strings": np.array(["b", "a", "c"])[CODES],
    "two": np.array(["no", "yes"])[CODES % 2],
    "multilabel": make_multilabel_classification(120, 6, random_state=0)[1],
}
OPTIONS: list[dict[str, Any] | None] = [
    None,
    {"zipmap": False},
    {"zipmap": "columns"},
    {"zipmap": False, "output_class_labels": True},
    {"zipmap": False, "nocl": True},
]


def converted(estimator: Any, X: Any, options: dict[str, Any] | None = None, **more: Any) -> Any:
    """The model that skl2onnx makes."""
    by_id = None if options is None else {id(estimator): options}
    return skl2onnx.to_onnx(estimator, X[:1], options=by_id, target_opset=18, **more)


def ours(y: Any, dtype: str = "float32") -> Any:
    """A fitted Pipeline with an estimator of mlpkit."""
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(backend="numpy", **QUICK))
    return pipeline.fit(X.astype(dtype), y)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_names_types_and_shapes(target: str, options: Any, alone: bool) -> None:
    """Those of scikit-learn's MLP, where its converter makes a model that can be loaded."""
    rows, y = X.astype("float32"), TARGETS[target]
    theirs = make_pipeline(StandardScaler(), SklearnClassifier(**QUICK)).fit(rows, y)
    pipelines: list[Any] = [ours(y), theirs]
    if alone:
        pipelines = [pipeline[-1] for pipeline in pipelines]
    first = signature(converted(pipelines[0], rows, options))
    if options and options.get("nocl") and y.dtype.kind == "U":
        assert first[1][0] == ("label", "tensor(int64)", [None])  # theirs is not valid
        return
    second = signature(converted(pipelines[1], rows, options))
    if target == "multilabel":  # in theirs, labels have one axis
        second[1][0] = (*second[1][0][:2], [None, 5])
    assert first == second


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", TARGETS)
def test_values(target: str, dtype: str) -> None:
    """Labels and probabilities with each option."""
    rows, pipeline = X.astype(dtype), ours(TARGETS[target], dtype)
    precision = 1e-5 if dtype == "float32" else 1e-9
    expected = pipeline.predict_proba(rows)
    outputs = run(converted(pipeline, rows, {"zipmap": False, "output_class_labels": True}), rows)
    check(pipeline, rows, outputs, precision)
    assert outputs[1].dtype == dtype
    assert outputs[2].tolist() == pipeline.classes_.tolist()
    dicts = run(converted(pipeline, rows), rows)[1]
    assert list(dicts[0]) == pipeline.classes_.tolist()
    np.testing.assert_allclose([list(row.values()) for row in dicts], expected, atol=1e-5)
    columns = run(converted(pipeline, rows, {"zipmap": "columns"}), rows)[1:]
    np.testing.assert_allclose(np.stack(columns, axis=1), expected, atol=precision)


def test_indices_in_place_of_labels() -> None:
    """The option `nocl`."""
    rows, pipeline = X.astype("float32"), ours(TARGETS["strings"])
    labels = run(converted(pipeline, rows, {"zipmap": False, "nocl": True}), rows)[0]
    np.testing.assert_array_equal(pipeline.classes_[labels], pipeline.predict(rows))


@pytest.mark.parametrize(
    "estimator",
    [
        MLPRegressor(**QUICK),
        MLPRegressor("quantiles", **QUICK),
        MLPRegressor("poisson", standardize_targets=False, **QUICK),
        MLPRegressor(standardize_targets=True, clip_predictions=True, **QUICK),
    ],
)
def test_regressors(estimator: Any) -> None:
    """One output "variable"; the quantile nearest to 0.5 of several."""
    rows = X.astype("float32")
    pipeline = make_pipeline(StandardScaler(), estimator).fit(rows, np.abs(Y))
    model = converted(pipeline, rows)
    assert signature(model)[1] == [("variable", "tensor(float)", [None, 1])]
    check(pipeline, rows, run(model, rows), 1e-5)


def test_several_outputs() -> None:
    """A regressor with two targets has two columns."""
    rows, y = X.astype("float32"), np.stack([Y, -Y], axis=1)
    reg = MLPRegressor(**QUICK).fit(rows, y)
    model = converted(reg, rows)
    assert signature(model)[1] == [("variable", "tensor(float)", [None, 2])]
    check(reg, rows, run(model, rows), 1e-5)


def test_columns_of_a_table() -> None:
    """A ColumnTransformer before an estimator, with one input for each column."""
    frame = pd.DataFrame(X[:, :2].astype("float32"), columns=["a", "b"])
    frame["kind"] = np.array(["x", "y", "z"])[CODES]
    encode = ColumnTransformer(
        [("numbers", StandardScaler(), ["a", "b"]), ("kinds", OneHotEncoder(), ["kind"])]
    )
    pipeline = make_pipeline(encode, MLPClassifier(**QUICK)).fit(frame, CODES)
    model = converted(pipeline, frame, {"zipmap": False})
    inputs = {name: frame[[name]].to_numpy() for name in frame}
    inputs["kind"] = inputs["kind"].astype(object)
    from sessions import session

    check(pipeline, frame, session(model).run(None, inputs), 1e-5)


CLASSIFIER, REGRESSOR = MLPClassifier(**QUICK), MLPRegressor(**QUICK)
CONTAINERS = {
    "grid": GridSearchCV(CLASSIFIER, {"alpha": [0.1, 1.0]}, cv=2),
    "grid of a pipeline": GridSearchCV(make_pipeline(StandardScaler(), CLASSIFIER), {}, cv=2),
    "calibrated": CalibratedClassifierCV(CLASSIFIER, cv=2),
    "vote": VotingClassifier(
        [("a", CLASSIFIER), ("b", LogisticRegression())], voting="soft", flatten_transform=False
    ),
    "stack": StackingClassifier([("a", CLASSIFIER), ("b", LogisticRegression())], cv=2),
    "one versus rest": OneVsRestClassifier(CLASSIFIER),
    "vote of regressors": VotingRegressor([("a", REGRESSOR), ("b", LinearRegression())]),
    "stack of regressors": StackingRegressor([("a", REGRESSOR), ("b", LinearRegression())], cv=2),
    "bagging": BaggingRegressor(REGRESSOR, n_estimators=2, random_state=0),
    "outputs": MultiOutputRegressor(REGRESSOR),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_estimators_that_contain_ours(name: str) -> None:
    """All that skl2onnx converts with scikit-learn's MLP inside."""
    register_converters()
    rows, estimator = X.astype("float32"), CONTAINERS[name]
    is_classifier = hasattr(type(estimator), "predict_proba")
    y = CODES if is_classifier else np.stack([Y, -Y], axis=1) if name == "outputs" else Y
    estimator.fit(rows, y)
    model = converted(estimator, rows, {"zipmap": False} if is_classifier else None)
    check(estimator, rows, run(model, rows), 1e-5)


UNREGISTERED: dict[str, Callable[[Any], Any]] = {
    "alone": lambda clf: clf,
    "pipeline": lambda clf: make_pipeline(StandardScaler(), clf),
    "columns": lambda clf: make_pipeline(
        ColumnTransformer([("scaled", StandardScaler(), [0, 1])], remainder="passthrough"), clf
    ),
    "search": lambda clf: GridSearchCV(clf, {"alpha": [0.1]}, cv=2),
    "search of a pipeline": lambda clf: GridSearchCV(
        make_pipeline(StandardScaler(), clf), {}, cv=2
    ),
    "pipeline of a search": lambda clf: make_pipeline(
        StandardScaler(), GridSearchCV(clf, {}, cv=2)
    ),
}


@pytest.mark.parametrize("name", UNREGISTERED)
def test_classes_that_are_not_registered(name: str) -> None:
    """A new subclass, which is converted like its base class."""
    rows, new = X.astype("float32"), type("New", (MLPClassifier,), {})
    estimator = UNREGISTERED[name](new(**QUICK)).fit(rows, CODES)
    model = converted(estimator, rows, {"zipmap": False})
    check(estimator, rows, run(model, rows), 1e-5)


def test_inner_estimators_are_registered() -> None:
    """skl2onnx looks up their class, which `register_converters` adds."""
    rows, new = X.astype("float32"), type("New", (MLPClassifier,), {})
    estimator = CalibratedClassifierCV(new(**QUICK), cv=2).fit(rows, CODES)
    with pytest.raises(KeyError, match="New"):
        converted(estimator, rows)
    register_converters(new)
    model = converted(estimator, rows, {"zipmap": False})
    check(estimator, rows, run(model, rows), 1e-5)


def test_no_registration_is_needed() -> None:
    """In a new process, also with options for the estimator."""
    code = (
        "import warnings, numpy as np, skl2onnx; warnings.simplefilter('ignore')\n"
        "from mlpkit import MLPClassifier\n"
        "X = np.random.RandomState(0).randn(50, 3).astype('float32')\n"
        "clf = MLPClassifier((4,), max_iter=2, backend='numpy').fit(X, X[:, 0] > 0)\n"
        "m = skl2onnx.to_onnx(clf, X, options={id(clf): {'zipmap': False}}, target_opset=18)\n"
        "print([o.name for o in m.graph.output])\n"
        "from skl2onnx._supported_operators import sklearn_operator_name_map as names\n"
        "print(MLPClassifier in names)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.splitlines() == ["['label', 'probabilities']", "True"]


def test_regressors_of_scikit_learn_have_the_same_names() -> None:
    """Inputs and outputs of a regressor."""
    rows = X.astype("float32")
    theirs = SklearnRegressor(**QUICK).fit(rows, Y)
    assert signature(converted(MLPRegressor(**QUICK).fit(rows, Y), rows)) == signature(
        converted(theirs, rows)
    )


def test_old_operators() -> None:
    """Versions below 13 are not supported."""
    with pytest.raises(ValueError, match="require target_opset >= 13, got 11"):
        skl2onnx.to_onnx(ours(CODES)[-1], X[:1].astype("float32"), target_opset=11)


def test_wrong_inputs() -> None:
    """The errors name what is wrong."""
    rows = X.astype("float32")
    clf = MLPClassifier(**QUICK).fit(rows, CODES)
    with pytest.raises(ValueError, match="has 6 features, but the inputs have 3 columns"):
        converted(clf, rows[:, :3])
    strings = [("X", skl2onnx.common.data_types.StringTensorType([None, 6]))]
    with pytest.raises(ValueError, match="contains strings, and the estimator has no encoder"):
        skl2onnx.to_onnx(clf, initial_types=strings, target_opset=18)


@pytest.mark.parametrize("options", [{"zipmaps": False}, {"zipmap": True, "raw_scores": True}])
def test_unknown_options(options: dict[str, Any]) -> None:
    """As for scikit-learn's MLP."""
    with pytest.raises(NameError, match="Option 'zipmaps|raw_scores' not in"):
        converted(ours(CODES)[-1], X.astype("float32"), options)


def test_white_and_black_lists() -> None:
    """Operators that are excluded raise an error."""
    with pytest.raises(RuntimeError, match="Operator 'Softmax' is black listed"):
        converted(ours(CODES)[-1], X.astype("float32"), black_op={"Softmax"})
