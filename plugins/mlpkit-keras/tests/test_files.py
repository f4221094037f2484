"""Estimators with Keras models after saving and loading, and hostile models."""

import io
import json
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import mlpkit
from mlpkit import InvalidFile, MLPClassifier, MLPRegressor
from mlpkit.__main__ import main
from mlpkit_keras import from_keras
from mlpkit_keras.stored_configs import checked_config

BACKEND = keras.backend.backend()
X = np.random.RandomState(0).standard_normal((40, 4))
LABELS = np.array(["a", "b", "c"])[np.arange(40) % 3]
SHORT: dict[str, Any] = {"max_iter": 2, "random_state": 0, "backend": BACKEND}


def trained() -> Any:
    """A Keras model with weights."""
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3, activation="softmax")]
    )


def functional(spec: Any) -> Any:
    """A builder of a user."""
    inputs = keras.Input((spec.n_features,))
    return keras.Model(inputs, keras.layers.Dense(spec.n_outputs)(inputs))


CASES: dict[str, Callable[[], Any]] = {
    "mlp": lambda: MLPClassifier(
        (6, 5),
        builder="keras.mlp",
        builder_options={"dropout": 0.2, "normalization": "batch"},
        **SHORT,
    ).fit(X, LABELS),
    "float64": lambda: MLPRegressor(
        hidden_layer_sizes=(6,), builder="keras.residual", dtype="float64", **SHORT
    ).fit(X, X[:, 0]),
    "float32": lambda: MLPClassifier(
        (6,),
        builder="keras.wide_and_deep",
        builder_options={"kernel_regularizer": "l2"},
        dtype="float32",
        **SHORT,
    ).fit(X, LABELS),
    "from_keras": lambda: from_keras(trained(), classes=["a", "b", "c"]),
    "loss of Keras": lambda: MLPRegressor("keras.log_cosh", (5,), **SHORT).fit(X, X[:, 0]),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", CASES)
def test_models_are_kept(name: str, tmp_path: Path) -> None:
    """Predictions are the same, and training goes on, also after a second file."""
    estimator, path = CASES[name](), tmp_path / "model.mlpkit"
    estimator.save(path)
    other = mlpkit.load(path)
    other.save(path)
    other = mlpkit.load(path)
    method = "predict_proba" if isinstance(estimator, MLPClassifier) else "predict"
    y = LABELS if isinstance(estimator, MLPClassifier) else X[:, 0]
    one, two = (getattr(e, method)(X) for e in (estimator, other))
    assert one.dtype == two.dtype and one.tobytes() == two.tobytes()
    one, two = (getattr(e.partial_fit(X, y), method)(X) for e in (estimator, other))
    # the sums of TensorFlow differ between runs of the same program
    np.testing.assert_allclose(one, two, rtol=1e-5 if BACKEND == "tensorflow" else 0)


def test_the_file_contains_a_model_of_keras(tmp_path: Path) -> None:
    """Keras loads it, with the weights of the estimator."""
    clf = CASES["float32"]()
    clf.save(tmp_path / "model.mlpkit")
    with zipfile.ZipFile(tmp_path / "model.mlpkit") as members:
        (tmp_path / "model.keras").write_bytes(members.read("objects/network.keras"))
    model = keras.models.load_model(tmp_path / "model.keras")
    predicted = keras.ops.convert_to_numpy(model(X.astype("float32")))
    np.testing.assert_allclose(predicted, clf.predict_proba(X), rtol=1e-4)


def test_inspect_names_the_builder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a model that was made by `from_keras`, which is an object in the file."""
    path = tmp_path / "model.mlpkit"
    CASES["from_keras"]().save(path)
    assert main(["inspect", str(path)]) == 0
    assert "  network   from_keras(sequential" in capsys.readouterr().out  # Keras adds a number


@keras.saving.register_keras_serializable("mine")
class Own(keras.layers.Layer):
    """A layer of a user, whose code a file would need."""

    def call(self, x: Any) -> Any:
        """Return the input."""
        return x


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_functions_and_layers_of_users_are_rejected(tmp_path: Path) -> None:
    """The error names the parameter."""
    clf = MLPClassifier(builder=functional, **SHORT).fit(X, LABELS)
    with pytest.raises(TypeError, match="the parameter builder contains 'functional'"):
        clf.save(tmp_path / "model.mlpkit")
    model = keras.Sequential([keras.Input((4,)), Own(), keras.layers.Dense(1)])
    with pytest.raises(TypeError, match=r"the parameter builder contains 'from_keras\(seq"):
        from_keras(model).save(tmp_path / "model.mlpkit")
    clf = MLPClassifier((5,), solver=keras.optimizers.SGD(0.01), **SHORT)
    with pytest.raises(TypeError, match="the parameter solver contains 'SGD'"):
        clf.save(tmp_path / "model.mlpkit")


def hostile(data: bytes, change: Callable[[dict[str, Any]], None], extra: str = "") -> bytes:
    """The file of an estimator with another config of its model, and valid checksums."""
    with zipfile.ZipFile(io.BytesIO(data)) as members:
        content = {name: members.read(name) for name in members.namelist()}
    with zipfile.ZipFile(io.BytesIO(content["objects/network.keras"])) as members:
        inner = {name: members.read(name) for name in members.namelist()}
    config = json.loads(inner["config.json"])
    change(config)
    inner["config.json"] = json.dumps(config).encode()
    content["objects/network.keras"] = zipped({**inner, **({extra: b""} if extra else {})})
    schema = json.loads(content.pop("schema.json"))
    schema["checksums"] = {name: sha256(d).hexdigest() for name, d in content.items()}
    text = json.dumps(schema).encode()
    comment = f"mlpkit sha256 {sha256(text).hexdigest()}".encode()
    return zipped({"schema.json": text, **content}, comment)


def zipped(members: dict[str, bytes], comment: bytes = b"") -> bytes:
    """A zip of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name, data in members.items():
            target.writestr(name, data)
        target.comment = comment
    return file.getvalue()


def dense(config: dict[str, Any]) -> dict[str, Any]:
    """The first dense layer of a config."""
    layers = config["config"]["layers"]
    return next(layer for layer in layers if layer["class_name"] == "Dense")


CHANGES: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda c: dense(c).update(class_name="Lambda"), "contains 'keras.layers', 'Lambda'"),
    (lambda c: dense(c).update(module="os", class_name="system"), "contains 'os', 'system'"),
    (lambda c: dense(c).update(registered_name="mine>Own"), "contains 'keras.layers', 'Dense'"),
    (lambda c: dense(c)["config"].update(units=10**9), "units=1000000000, which its weights do"),
    (lambda c: dense(c)["config"].update(units=7), "cannot be built: ValueError"),
    (lambda c: dense(c)["config"].update(use_bias=False), "other variables than the stored"),
    (lambda c: dense(c)["config"].update(units="x"), "cannot be built"),
    (lambda c: dense(c)["config"].update(activation="no such"), "cannot be built"),
    (lambda c: dense(c)["config"].update(vocabulary="/etc/passwd"), "refers to a file"),
    (lambda c: c.update(class_name="Model"), "neither Sequential nor functional"),
    (lambda c: c.clear(), "neither Sequential nor functional"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a file."""
    path = tmp_path_factory.mktemp("file") / "model.mlpkit"
    MLPClassifier((6,), builder="keras.mlp", **SHORT).initialize(4, ["a", "b", "c"]).save(path)
    return path.read_bytes()


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_hostile_models_are_rejected(
    change: Callable[[dict[str, Any]], Any], message: str, file: bytes, tmp_path: Path
) -> None:
    """Nothing of the model is executed, and no large weights are created."""
    path = tmp_path / "model.mlpkit"
    path.write_bytes(hostile(file, change))
    with pytest.raises(InvalidFile) as error:
        mlpkit.load(path)
    assert message in str(error.value)


def test_members_of_a_model_are_those_of_keras(file: bytes, tmp_path: Path) -> None:
    """Assets, which layers read as files, are rejected."""
    path = tmp_path / "model.mlpkit"
    path.write_bytes(hostile(file, lambda config: None, "assets/x"))
    with pytest.raises(InvalidFile, match="unexpected members"):
        mlpkit.load(path)
    path.write_bytes(hostile(file, lambda config: None))
    assert mlpkit.load(path).classes_.tolist() == ["a", "b", "c"]


def test_constants_are_not_json() -> None:
    """NaN, which Python reads as JSON, is rejected."""
    with pytest.raises(ValueError, match="contains NaN"):
        checked_config(b'{"config": NaN}', {})
