"""Dense networks: every task, activation and dtype, in onnxruntime."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from sessions import check, check_values, run, session, signature
from sklearn.base import clone
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, CODES = make_classification(120, 6, n_informative=4, n_classes=3, random_state=0)
X = np.vstack([X, 30 * X[:20]])  # with probabilities of 0 and 1
CODES = np.append(CODES, CODES[:20])
Y = X @ np.arange(1.0, 7.0)
NARROW = np.stack([np.tanh(Y), 3 - np.tanh(Y) / 9], axis=1)  # predictions exceed its range
PRECISION = {"float32": 1e-5, "float64": 1e-9}
QUICK: dict[str, Any] = {"max_iter": 5, "random_state": 0, "backend": "numpy"}
TARGETS = {
    "binary": CODES > 0,
    "integers": CODES.astype("int32") * 7 - 3,
    "large": np.array([2**40, -(2**40), 0])[CODES],
    "whole": CODES.astype(float),
    "strings": np.array(["", "é\n{}", "x" * 99])[CODES],
    "objects": np.array(["b", "a", "c"], dtype=object)[CODES],
    "two": np.array(["no", "yes"])[CODES % 2],
    "one": np.full(len(X), "only"),
    "multilabel": make_multilabel_classification(len(X), 6, random_state=0)[1],
}
REGRESSORS = {
    "values": (MLPRegressor(**QUICK), Y),
    "outputs": (MLPRegressor(**QUICK), np.stack([Y, -Y], axis=1)),
    "units": (MLPRegressor(standardize_targets=True, **QUICK), 1e6 + 1e3 * Y),
    "clipped": (MLPRegressor(clip_predictions=True, **QUICK), NARROW),
    "clipped units": (
        MLPRegressor(clip_predictions=True, standardize_targets=True, **QUICK),
        NARROW,
    ),
    "poisson": (MLPRegressor("poisson", **QUICK), np.abs(Y) / 10),
    "quantile": (MLPRegressor("quantile", **QUICK), Y),
    "quantiles": (MLPRegressor("quantiles", standardize_targets=True, **QUICK), Y),
}
ACTIVATIONS = (
    *("identity", "logistic", "tanh", "relu", "gelu", "silu", "selu", "mish", "leaky_relu"),
    ("gelu", "tanh"),
)


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("target", TARGETS)
def test_classifiers(target: str, dtype: str) -> None:
    """Labels and probabilities, with a temperature or without, for no row, one row and more."""
    rows = X.astype(dtype)
    clf = MLPClassifier((8,), **QUICK).fit(rows, TARGETS[target])
    for temperature in (1.0, 2.5, 0.3):
        clf.temperature_ = temperature
        model = clf.to_onnx()
        outputs = run(model, rows)
        check(clf, rows, outputs, PRECISION[dtype])
        assert outputs[1].dtype == dtype
        check(clf, rows[:1], run(model, rows[:1]), PRECISION[dtype])
        empty = run(model, rows[:0])
        assert [a.shape for a in empty] == [(0, *a.shape[1:]) for a in outputs]


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name: str, dtype: str) -> None:
    """Values in the units of y, and all quantiles as a second output."""
    reg, y = clone(REGRESSORS[name][0]), REGRESSORS[name][1]
    rows = X.astype(dtype)
    model = reg.fit(rows, y).to_onnx()
    outputs = run(model, rows)
    check(reg, rows, outputs, PRECISION[dtype])
    if "clipped" in name:
        extremes = (reg.predict(rows).min(axis=0), reg.predict(rows).max(axis=0))
        np.testing.assert_array_equal(extremes, (y.min(axis=0), y.max(axis=0)))
    assert outputs[0].shape == (len(X), 2 if y.ndim == 2 else 1) and outputs[0].dtype == dtype
    if name == "quantiles":
        quantiles = reg.predict(rows, quantiles=(0.05, 0.5, 0.95))
        check_values(outputs[1], quantiles, PRECISION[dtype])
    assert run(model, rows[:0])[0].shape == (0, outputs[0].shape[1])


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation: Any, dtype: str) -> None:
    """All of them, and one for each layer."""
    rows = X.astype(dtype)
    clf = MLPClassifier((8, 5), activation, **QUICK).fit(rows, CODES)
    check(clf, rows, run(clf.to_onnx(), rows), PRECISION[dtype])


def test_the_dtype_of_the_network_can_be_chosen() -> None:
    """A network in float64 becomes one in float32, and the other way round."""
    clf = MLPClassifier((8,), **QUICK).fit(X, CODES)
    outputs = run(clf.to_onnx(dtype="float32"), X.astype("float32"))
    assert outputs[1].dtype == "float32"
    check(clf, X, outputs, 1e-5)
    clf.fit(X.astype("float32"), CODES)
    outputs = run(clf.to_onnx(dtype="float64"), X)
    assert outputs[1].dtype == "float64"
    check(clf, X, outputs, 1e-5)


def test_edited_weights_count() -> None:
    """Values that are written into `coefs_`, and a changed activation."""
    clf = MLPClassifier((8,), **QUICK).fit(X, CODES)
    clf.coefs_[0][:] *= 2
    clf.activation = "tanh"
    check(clf, X, run(clf.to_onnx(), X), 1e-9)


@pytest.mark.parametrize("target", ["integers", "strings", "two", "multilabel", "one"])
def test_zipmap(target: str) -> None:
    """One dict for each row, or one output for each class."""
    rows = X.astype("float32")
    clf = MLPClassifier((8,), **QUICK).fit(rows, TARGETS[target])
    expected = clf.predict_proba(rows)
    model = clf.to_onnx(zipmap=True)
    labels, dicts = run(model, rows)
    assert list(dicts[0]) == clf.classes_.tolist()
    np.testing.assert_array_equal(labels, clf.predict(rows))
    values = np.array([list(row.values()) for row in dicts])
    np.testing.assert_allclose(values, expected, atol=1e-5)
    model = clf.to_onnx(zipmap="columns")
    prefix = "i" if target in ("integers", "multilabel") else "s"
    names = [name for name, _, _ in signature(model)[1]]
    assert names == ["output_label", *(f"{prefix}{c}" for c in clf.classes_)]
    np.testing.assert_allclose(np.stack(run(model, rows)[1:], axis=1), expected, atol=1e-5)


def test_names_and_shapes() -> None:
    """Those of skl2onnx; the number of rows is not fixed."""
    rows = X.astype("float32")
    clf = MLPClassifier((8,), **QUICK).fit(rows, CODES)
    inputs, outputs = signature(clf.to_onnx())
    assert inputs == [("X", "tensor(float)", [None, 6])]
    assert outputs == [
        ("label", "tensor(int64)", [None]),
        ("probabilities", "tensor(float)", [None, 3]),
    ]
    reg = MLPRegressor(**QUICK).fit(X, Y)
    assert signature(reg.to_onnx()) == (
        [("X", "tensor(double)", [None, 6])],
        [("variable", "tensor(double)", [None, 1])],
    )


@pytest.mark.parametrize("opset", [13, 15, 18, 21])
def test_versions_of_the_operators(opset: int) -> None:
    """From 13 on."""
    clf = MLPClassifier((8,), "mish", **QUICK).fit(X, CODES)
    model = clf.to_onnx(target_opset=opset)
    assert {d.domain: d.version for d in model.opset_import}[""] == opset
    check(clf, X, run(model, X), 1e-9)


def test_files_load_in_another_process(tmp_path: Path) -> None:
    """Without mlpkit."""
    clf = MLPClassifier((8,), **QUICK).fit(X, CODES)
    path = tmp_path / "model.onnx"
    model = clf.to_onnx(path)
    assert onnx.load(path) == model and [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    assert clf.to_onnx(str(path)) == model  # replaced
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, numpy as np, onnxruntime as o\n"
        f"s = o.InferenceSession({str(path)!r}, providers=['CPUExecutionProvider'])\n"
        f"print(s.run(None, {{'X': np.load({str(tmp_path / 'X.npy')!r})}})[0].tolist())\n"
        "assert 'mlpkit' not in sys.modules and 'sklearn' not in sys.modules"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == str(clf.predict(X).tolist())


def test_copies_and_pickles_convert_to_the_same_model() -> None:
    """The method belongs to the plugin, not to the state of the estimator."""
    clf = MLPClassifier((8,), **QUICK).fit(X, CODES)
    for other in (copy.deepcopy(clf), pickle.loads(pickle.dumps(clf))):
        assert other.to_onnx() == clf.to_onnx()


def test_transformers_of_scikit_learn_as_encoders() -> None:
    """skl2onnx converts them."""
    clf = MLPClassifier((8,), encoder=StandardScaler(), **QUICK).fit(X, CODES)
    check(clf, X, run(clf.to_onnx(), X), 1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"zipmap": "dict"}, "zipmap must be False, True or 'columns', got 'dict'"),
        ({"dtype": "float16"}, "dtype must be 'float32', 'float64' or None, got 'float16'"),
        ({"target_opset": 9}, "target_opset must be between 13 and .* got 9"),
        (
            {"opset": 18},
            "'onnx' has no option 'opset'; it accepts: path, zipmap, dtype, target_opset",
        ),
    ],
)
def test_invalid_options(options: dict[str, Any], message: str) -> None:
    """The error names what is accepted."""
    with pytest.raises(ValueError, match=message):
        MLPClassifier((8,)).initialize(3, classes=[0, 1]).to_onnx(**options)


def test_labels_that_onnx_lacks() -> None:
    """Only integers and strings are labels."""
    clf = MLPClassifier((8,), **QUICK).fit(X, np.array([1, 2**63 + 9], dtype=np.uint64)[CODES % 2])
    with pytest.raises(ValueError, match="class labels are uint64 values such as 1, but"):
        clf.to_onnx()


def test_networks_of_a_framework() -> None:
    """The error says how they are exported."""
    from mlpkit.plugin import Network

    def build(spec: Any, rng: Any) -> Network:
        return Network({"w": np.zeros((3, 1))}, apply=lambda arrays, x, **options: (x, {}))

    clf = MLPClassifier(builder=build, backend="jax")
    clf.initialize(3, classes=[0, 1])
    with pytest.raises(ValueError, match=r'clf.to_keras\(\).export\("m.onnx", format="onnx"\)'):
        clf.to_onnx()


def test_networks_that_mix_rows() -> None:
    """The error says what they do."""
    from mlpkit.plugin import Network

    def centered(xp: Any, arrays: Any, x: Any, step: Any = None) -> Any:
        return (x - xp.mean(x, axis=0, keepdims=True)) @ arrays["w"], {}

    def build(spec: Any, rng: Any) -> Network:
        return Network({"w": np.ones((3, 1), spec.dtype)}, xp_apply=centered)

    clf = MLPClassifier(builder=build).initialize(3, classes=[0, 1])
    with pytest.raises(ValueError, match="cannot convert this network: its forward pass reduces"):
        clf.to_onnx()


def test_sessions_do_not_warn(capfd: pytest.CaptureFixture[str]) -> None:
    """Types and shapes in the file are those of the results."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(1)
    try:
        for target in ("multilabel", "strings", "one"):
            clf = MLPClassifier((8,), **QUICK).fit(X, TARGETS[target])
            session(clf.to_onnx()).run(None, {"X": X})
    finally:
        onnxruntime.set_default_logger_severity(3)
    assert "[W:" not in capfd.readouterr().err
