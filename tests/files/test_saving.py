"""What `save` rejects, that it is atomic, and the errors of invalid files."""

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import joblib
import numpy as np
import pytest
import skops.io
from distributions import install, offering, run
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlpkit
from mlpkit import InconsistentVersionWarning, MLPClassifier, MLPRegressor, by_function
from mlpkit.commands.models.inspect import description
from mlpkit.estimators import stored_versions
from mlpkit.files.atomic_file import write_atomically
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.steps import backend as numpy_backend
from mlpkit.objectives.losses import LOSSES
from mlpkit.plugin import Partitioner, PluginError, Solver

pytestmark = pytest.mark.once

X, Y = np.random.RandomState(0).standard_normal((40, 3)), np.arange(40) % 2
SHORT: dict[str, Any] = {"hidden_layer_sizes": (4,), "tol": 9.0, "n_iter_no_change": 1}


def accuracy(y: Any, p: Any = None) -> Any:
    """A metric that pickle can import."""
    return float(np.mean(y == p))


REJECTED: list[tuple[str, Any, str]] = [
    ("metrics", accuracy, r"'accuracy', which"),
    ("metrics", {"mine": lambda y, p: 0.0}, r"'<lambda>' \(at metrics\.mine\)"),
    ("callbacks", ["print", lambda report: False], r"'<lambda>' \(at callbacks\.1\)"),
    ("early_stopping_on", lambda report: 0.0, "'<lambda>', which"),
    ("builder", dense.build, "'build', which"),
    ("backend", numpy_backend, "'backend', which"),
    ("learning_rate", lambda t: 1 - t, "'<lambda>', which"),
    ("solver", Solver(accuracy), "'Solver', which"),
    ("trainer", lambda *args: None, "'<lambda>', which"),
    ("encoder", StandardScaler(), "'StandardScaler', which"),
    ("partitions", Partitioner("p", accuracy, accuracy), r"'Partitioner'.* mlpkit\.by\(name"),
    ("partitions", [by_function(accuracy)], r"'accuracy' \(at partitions\.0\.options\.function\)"),
]


@pytest.mark.parametrize(("name", "value", "description"), REJECTED)
def test_what_can_be_stored_only_as_code_is_rejected(
    name: str, value: Any, description: str, tmp_path: Path
) -> None:
    """The error names the parameter and what to do, and leaves no file."""
    clf = MLPClassifier(**SHORT).set_params(**{name: value})
    message = (
        rf"Classifier cannot be saved: the parameter {name} contains {description}.*joblib\.dump"
    )
    with pytest.raises(TypeError, match=message):
        clf.save(tmp_path / "model.mlpkit")
    assert not list(tmp_path.iterdir())


def test_fitted_objects_are_rejected(tmp_path: Path) -> None:
    """Also if the parameter has been replaced, since predictions or training depend on them."""
    path = tmp_path / "model.mlpkit"
    clf = MLPClassifier(encoder=StandardScaler(), **SHORT).fit(X, Y).set_params(encoder=None)
    with pytest.raises(TypeError, match="object of the parameter encoder contains 'StandardScal"):
        clf.save(path)
    clf = MLPClassifier(learning_rate=lambda t: 1 - t, **SHORT).partial_fit(X, Y, classes=[0, 1])
    clf.set_params(learning_rate="constant")
    with pytest.raises(TypeError, match="last value of the parameter learning_rate contains"):
        clf.save(path)
    mine = LOSSES["squared_error"]._replace(name="mine")
    reg = MLPRegressor(loss=mine, **SHORT).fit(X, X[:, 0]).set_params(loss="squared_error")
    with pytest.raises(TypeError, match="object of the parameter loss contains 'Loss'"):
        reg.save(path)
    clf = MLPClassifier(**SHORT).fit(X, Y)
    clf.note_ = object()
    with pytest.raises(TypeError, match=r"the attribute note_ contains 'object'"):
        clf.save(tmp_path / "model.mlpkit")
    clf.note_, clf._own = "of the user", {"of a subclass": 1}
    clf.save(tmp_path / "model.mlpkit")
    loaded = mlpkit.load(tmp_path / "model.mlpkit")
    assert (loaded.note_, loaded._own) == ("of the user", {"of a subclass": 1})


def test_invalid_parameters_are_rejected(tmp_path: Path) -> None:
    """As by `fit`, so that each file can be loaded."""
    with pytest.raises(ValueError, match="The 'alpha' parameter of MLPClassifier"):
        MLPClassifier(alpha=-1.0).save(tmp_path / "model.mlpkit")


class Mine(MLPClassifier):
    """A class that is not registered."""


def test_other_classes_are_rejected(tmp_path: Path) -> None:
    """The error says how to register the class."""
    message = r"Mine cannot be saved.*mlpkit_estimators.*Component\('Mine'.*joblib\.dump"
    with pytest.raises(TypeError, match=message):
        Mine().save(tmp_path / "model.mlpkit")


ESTIMATOR = """
from mlpkit import MLPClassifier
class AcmeClassifier(MLPClassifier):
    def __init__(self, width=3, random_state=None):
        self.width = width
        super().__init__(random_state=random_state, tol=9.0, n_iter_no_change=1)
"""
OF_ACME = offering("mlpkit_estimators", "'AcmeClassifier', 'acme_code:AcmeClassifier'")
SAVE = """
import sys, numpy as np
from acme_code import AcmeClassifier
X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
AcmeClassifier(width=5).fit(X, y).save(sys.argv[1])
import mlpkit
clf = mlpkit.load(sys.argv[1])
print(type(clf).__name__, clf.width, clf.tol)
"""


def test_classes_of_plugins(tmp_path: Path) -> None:
    """A registered class is stored by name; without its plugin, the error names the plugin."""
    site, path = tmp_path / "site", tmp_path / "model.mlpkit"
    site.mkdir()
    install(site, "acme-mlp", {"acme": OF_ACME}, modules={"acme_code": ESTIMATOR})
    done = run(site, "-c", SAVE, str(path))
    assert (done.stdout, done.stderr) == ("AcmeClassifier 5 9.0\n", "")
    assert description(str(path))["class"] == "acme-mlp/AcmeClassifier"
    with pytest.raises(PluginError) as error:
        mlpkit.load(path)
    assert str(error.value) == (
        "This model requires estimator 'AcmeClassifier' of acme-mlp, which is not installed."
        " Install it if you trust the source of the file."
    )


def test_another_version_warns(tmp_path: Path, monkeypatch: Any) -> None:
    """As for pickles."""
    MLPRegressor(**SHORT).fit(X, X[:, 0]).save(tmp_path / "model.mlpkit")
    monkeypatch.setattr(stored_versions, "installed_version", lambda name: "9.9")
    with pytest.warns(InconsistentVersionWarning, match=r"was stored with mlpkit 0.*is loaded"):
        mlpkit.load(tmp_path / "model.mlpkit")


def test_a_generator_goes_on(tmp_path: Path) -> None:
    """Two estimators that share a generator no longer do after loading."""
    clf = MLPClassifier(random_state=np.random.RandomState(1), **SHORT).fit(X, Y)
    clf.save(tmp_path / "model.mlpkit")
    loaded = mlpkit.load(tmp_path / "model.mlpkit")
    assert clf.random_state is not loaded.random_state
    assert clf.random_state.rand() == loaded.random_state.rand()


def test_paths_are_parameters(tmp_path: Path) -> None:
    """A path stays one; nothing is read or written there."""
    MLPClassifier(checkpoint=Path("folder") / "run.ckpt").save(tmp_path / "model.mlpkit")
    assert mlpkit.load(tmp_path / "model.mlpkit").checkpoint == Path("folder") / "run.ckpt"


def test_errors_name_the_path(tmp_path: Path) -> None:
    """They do not name a temporary file; and open files are not paths."""
    folder, missing = tmp_path / "folder", tmp_path / "nope" / "m.mlpkit"
    folder.mkdir()
    for path in (folder, missing):
        with pytest.raises(OSError, match=re.escape(f": {str(path)!r}") + "$"):
            MLPClassifier().save(path)
    assert list(tmp_path.rglob("*")) == [folder]
    for file in (io.BytesIO(), 3):
        with pytest.raises(TypeError, match=r"os\.PathLike"):
            mlpkit.load(file)  # type: ignore[arg-type]


def test_a_full_disk(tmp_path: Path) -> None:
    """The error names the file, not the temporary one, which is removed."""

    def write(file: BinaryIO) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left on device: '.*model.mlpkit'"):
        write_atomically(tmp_path / "model.mlpkit", write)
    assert os.listdir(tmp_path) == []


def test_the_schema_is_readable(tmp_path: Path) -> None:
    """It contains everything but arrays of weights, whose names are readable."""
    path = tmp_path / "model.mlpkit"
    clf = MLPClassifier(metrics=["accuracy"], **SHORT).fit(X, np.array(["no", "yes"])[Y])
    clf.save(path)
    with zipfile.ZipFile(path) as members:
        assert set(members.namelist()) == {"schema.json", "weights.safetensors"}
        schema = json.loads(members.read("schema.json"))
        weights = members.read("weights.safetensors")
    header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
    assert {"weights/coef_0", "optimizer_state/m/coef_0", "losses"} <= header.keys()
    assert schema["format"] == "mlpkit estimator" and schema["version"] == 1
    assert schema["class"] == "MLPClassifier" and schema["targets"]["task"] == "binary"
    assert schema["versions"] == {"mlpkit": mlpkit.__version__}
    assert schema["parameters"]["metrics"] == ["accuracy"]
    assert schema["metric_history"]["blocks"][0]["metrics"] == ["accuracy"]
    assert schema["report"]["epochs"] == clf.n_iter_ and schema["report"]["loss"] == clf.loss_
    assert mlpkit.load(path).coefs_[0].base is not None  # a view of the bytes that were read


def test_the_schema_describes_the_model(tmp_path: Path) -> None:
    """``mlpkit inspect`` finds the class, the task, the network and the parameters in it."""
    path = tmp_path / "model.mlpkit"
    clf = MLPClassifier(partitions=mlpkit.by_quantile(0, 2), metrics=["accuracy"], **SHORT)
    clf.fit(X, np.array(["no", "yes"])[Y]).save(path)
    content = description(str(path))
    network, training = content["network"], content["training"]
    assert content["class"] == "MLPClassifier" and content["task"] == "binary"
    assert content["classes"] == ["no", "yes"] and len(content["features"]) == 3
    assert network["hidden_layer_sizes"] == [4] and network["builder"] == "dense"
    assert content["parameters"]["partitions"]["options"]["n"] == 2
    assert training["epochs"] == clf.n_iter_ and content["bytes"] == path.stat().st_size
    unfitted = tmp_path / "unfitted.mlpkit"
    MLPRegressor().save(unfitted)
    assert description(str(unfitted))["task"] is None


SAVE_FOREVER = """
import sys, numpy as np
from mlpkit import MLPClassifier
X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
clf = MLPClassifier((300, 300), tol=9.0, n_iter_no_change=1, random_state=0).fit(X, y)
for i in range(10**9):
    clf.note_ = i
    clf.save(sys.argv[1])
    print(i, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_save_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """The file can be loaded after SIGKILL at any moment, and is not older than the last save."""
    path = tmp_path / "model.mlpkit"
    command = [sys.executable, "-c", SAVE_FOREVER, str(path)]
    for seconds in (0.001, 0.007, 0.017):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            first = int(process.stdout.readline())
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
            done = [first, *map(int, process.stdout.read().split())]
        assert mlpkit.load(path).note_ in (done[-1], done[-1] + 1)


def test_pipelines_by_skops() -> None:
    """A Pipeline needs the types of the estimators, and no others of mlpkit."""
    pipe = make_pipeline(
        StandardScaler(),
        MLPClassifier(metrics=["accuracy"], partitions=[mlpkit.by_quantile(0, 2)]),
    ).set_params(**{f"mlpclassifier__{n}": v for n, v in SHORT.items()})
    data = skops.io.dumps(pipe.fit(X, Y))
    assert skops.io.get_untrusted_types(data=data) == [mlpkit.SKOPS_TRUSTED_TYPES[0]]
    loaded = skops.io.loads(data, trusted=mlpkit.SKOPS_TRUSTED_TYPES)
    assert np.array_equal(loaded.predict_proba(X), pipe.predict_proba(X))
    history = pipe[-1].metric_history_
    assert loaded[-1].metric_history_.to_csv() == history.to_csv()
    for each in (pipe, loaded):
        each[-1].partial_fit(X, Y)
    assert np.array_equal(loaded.predict_proba(X), pipe.predict_proba(X))
    assert len(mlpkit.SKOPS_TRUSTED_TYPES) <= 3


def test_joblib_stores_what_save_rejects(tmp_path: Path) -> None:
    """The alternative that the error names works."""
    clf = MLPClassifier(metrics=accuracy, **SHORT).fit(X, Y)
    joblib.dump(clf, tmp_path / "model.joblib")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = joblib.load(tmp_path / "model.joblib")
    assert np.array_equal(loaded.predict(X), clf.predict(X))
