"""Models of users: all kinds, pickled, compiled, exported and converted."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import custom
import keras
import numpy as np
import pytest
from conftest import BACKEND
from custom import MyMLP, X, Y
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.testing import close
from mlpkit_keras import from_keras
from mlpkit_keras.runtime import keras_scope, to_numpy

QUICK: dict[str, Any] = {
    "backend": BACKEND,
    "max_iter": 40,
    "learning_rate_init": 0.02,
    "random_state": 0,
}


@pytest.mark.parametrize("builder", [custom.my_model, custom.subclassed, custom.compiled])
def test_models_train_pickle_and_continue(builder: Any) -> None:
    """Pickles and copies predict and train like the original."""
    clf = MLPClassifier(builder=builder, **QUICK).fit(X, Y)
    assert clf.score(X, Y) > 0.7
    again = MLPClassifier(builder=builder, **QUICK).fit(X, Y)
    assert again.loss_curve_ == clf.loss_curve_
    for other in (pickle.loads(pickle.dumps(clf)), copy.deepcopy(clf)):
        assert np.array_equal(other.predict_proba(X), clf.predict_proba(X))
        mine = copy.deepcopy(clf).partial_fit(X[:30], Y[:30])
        assert np.array_equal(
            other.partial_fit(X[:30], Y[:30]).predict_proba(X), mine.predict_proba(X)
        )
    close(clf.predict_proba(X), to_numpy(clf.to_keras()(X)), 1e-6)


def test_options_of_a_builder_in_a_grid_search() -> None:
    """builder__x is a parameter, also in two processes; the dict of the user is unchanged."""
    options = {"hidden_units": 128}
    clf = MLPClassifier(builder=custom.my_model, builder_options=options, solver="adamw", **QUICK)
    grid = {"builder__hidden_units": [4, 32], "learning_rate_init": [1e-3, 1e-2]}
    search = GridSearchCV(clf, grid, cv=2, n_jobs=2).fit(X, Y)
    assert search.best_estimator_.get_params()["builder__hidden_units"] in (4, 32)
    assert options == {"hidden_units": 128}
    assert clone(clf).get_params()["builder_options"] == options


@pytest.mark.parametrize("end", ["none", "dense", "layer", "softmax", "op", "nested"])
def test_softmax_is_applied_once(end: str) -> None:
    """The loss curve does not depend on where the model contains its softmax."""
    curves = []
    for ending in ("none", end):
        clf = MLPClassifier(
            builder=custom.ending, builder_options={"end": ending}, alpha=0.0, **QUICK
        )
        curves.append(clf.fit(X, Y).loss_curve_)
    close(np.array(curves[0]), np.array(curves[1]), 1e-5)


def test_softmax_of_a_subclassed_model() -> None:
    """It is detected by the outputs of the model; the probabilities are unchanged."""
    clf = MLPClassifier(builder=custom.subclassed, **QUICK).fit(X, Y)
    assert clf._network.structure.apply.removal == "invert"
    close(clf.predict_proba(X), to_numpy(clf.to_keras()(X)), 1e-5)


def unbuilt(spec: Any) -> Any:
    """A model that is not built."""
    return keras.Sequential([keras.layers.Dense(spec.n_outputs)])


def test_an_unbuilt_model_is_built() -> None:
    """It is built for the number of features of the spec."""
    assert MLPClassifier(builder=unbuilt, **QUICK).fit(X, Y).score(X, Y) > 0.7


def test_lambda_as_builder() -> None:
    """It trains; the error of pickling says what to do."""
    clf = MLPClassifier(builder=lambda spec: custom.my_model(spec, 8), **QUICK).fit(X, Y)
    with pytest.raises(pickle.PicklingError, match="Define it with `def` at the top level"):
        pickle.dumps(clf)
    assert np.array_equal(copy.deepcopy(clf).predict(X), clf.predict(X))


def test_regularizers_are_added_to_the_loss() -> None:
    """The first loss equals that of Keras, and alpha does not penalize the kernels."""
    clf = MLPClassifier(
        builder=custom.regularized, batch_size=len(X), shuffle=False, **{**QUICK, "max_iter": 1}
    )
    clf.initialize(4, classes=np.unique(Y))
    model = clf.to_keras()
    model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    codes = np.eye(3)[np.searchsorted(np.unique(Y), Y)]
    expected = model.evaluate(X, codes, batch_size=len(X), verbose=0)
    assert clf.set_params(warm_start=True).fit(X, Y).loss_curve_[0] == pytest.approx(expected, 1e-4)


def test_a_subclassed_estimator() -> None:
    """It supports cloning, pickling and a search over its own parameters."""
    clf = MyMLP(units=8, max_iter=40, learning_rate_init=0.02, random_state=0, backend=BACKEND)
    search = GridSearchCV(clf, {"units": [2, 32]}, cv=2).fit(X, Y)
    best = search.best_estimator_
    assert search.best_params_ == {"units": best.units} and best.score(X, Y) > 0.8
    other = pickle.loads(pickle.dumps(best))
    assert np.array_equal(other.predict(X), best.predict(X))
    assert set(clf.get_params()) == {
        "units", "dropout", "max_iter", "learning_rate_init", "random_state", "backend",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")  # of tf2onnx
@pytest.mark.parametrize("builder", [None, "keras.residual", custom.my_model])
def test_a_model_is_saved_and_exported(builder: Any, tmp_path: Path) -> None:
    """A saved and an exported model predict the same."""
    clf = MLPClassifier((8,), builder=builder, **{**QUICK, "max_iter": 2}).fit(X, Y)
    model = clf.to_keras()
    with keras_scope("float32"):
        model.save(tmp_path / "m.keras")
        again = keras.models.load_model(tmp_path / "m.keras")
    close(clf.predict_proba(X), to_numpy(again(X)), 1e-6)
    close(clf.predict_proba(X), from_keras(again, classes=clf.classes_).predict_proba(X), 1e-6)
    if BACKEND == "tensorflow":  # with JAX the export requires TensorFlow
        import tensorflow as tf

        model.export(tmp_path / "m", format="tf_saved_model", verbose=False)
        served = tf.saved_model.load(str(tmp_path / "m"))
        close(clf.predict_proba(X), served.serve(X).numpy(), 1e-6)

        from onnxruntime import InferenceSession

        model.export(tmp_path / "m.onnx", format="onnx", verbose=False)
        session = InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
        (outputs,) = session.run(None, {session.get_inputs()[0].name: X.astype("float32")})
        close(clf.predict_proba(X), outputs, 1e-5)


def test_from_keras_does_not_train() -> None:
    """The estimator predicts like the model, and can be pickled and trained."""
    spec = MLPClassifier(builder=custom.my_model, **QUICK).initialize(4, classes=list("abc"))
    model = spec.to_keras()
    clf = from_keras(model, classes=["a", "b", "c"])
    close(to_numpy(model(X)), clf.predict_proba(X), 1e-6)
    assert set(clf.predict(X)) <= set("abc")
    other = pickle.loads(pickle.dumps(clf))
    assert np.array_equal(other.predict_proba(X), clf.predict_proba(X))
    other.partial_fit(X, np.array(list("abc"))[np.arange(len(X)) % 3])
    reg = from_keras(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    assert isinstance(reg, MLPRegressor) and reg.predict(X).shape == (len(X), 2)


def test_from_keras_with_a_softmax_over_two_classes() -> None:
    """The softmax becomes one output with a sigmoid, also after pickling and training."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.Dense(2, "softmax")])
    clf = from_keras(model, classes=["no", "yes"])
    for estimator in (clf, pickle.loads(pickle.dumps(clf))):
        close(to_numpy(model(X)), estimator.predict_proba(X), 1e-6)
    clf.set_params(max_iter=40, learning_rate_init=0.05, warm_start=True)
    y = np.where(X[:, 0] > 0, "yes", "no")
    assert clf.fit(X, y).score(X, y) > 0.9
    close(clf.predict_proba(X)[:, 1:], to_numpy(clf.to_keras()(X)), 1e-6)


def test_from_keras_keeps_the_dtype() -> None:
    """A float64 model becomes a float64 estimator."""
    trained = MLPClassifier(builder="keras.mlp", dtype="float64", **QUICK).fit(X, Y)
    again = from_keras(trained.to_keras(), classes=trained.classes_)
    assert again._network.spec.dtype == "float64"
    close(trained.predict_proba(X), again.predict_proba(X), 1e-6)


def test_weights_and_class_weights_multiply() -> None:
    """Class weights and sample weights are multiplied; the array of the caller is unchanged."""
    w = np.linspace(0.5, 2, len(X))
    before, by_class = w.copy(), {"low": 3.0, "top": 0.5}
    one = MLPClassifier(builder="keras.mlp", class_weight=by_class, **QUICK).fit(X, Y, w)
    product = w * np.array([by_class.get(label, 1.0) for label in Y])
    two = MLPClassifier(builder="keras.mlp", **QUICK).fit(X, Y, product)
    assert one.loss_curve_ == two.loss_curve_ and np.array_equal(before, w)


@pytest.mark.parametrize("builder", [custom.own_step, custom.subclassed, custom.compiled])
def test_backend_keras_trains_on_batches(builder: Any) -> None:
    """The model can have its own train_step; pickling and partial_fit are supported."""
    clf = MLPClassifier(builder=builder, **{**QUICK, "backend": "keras"}).fit(X, Y)
    assert clf.score(X, Y) > 0.8
    other = pickle.loads(pickle.dumps(clf))
    close(other.predict_proba(X), clf.predict_proba(X), 1e-6)
    for estimator in (clf, other):  # both keep the optimizer state
        estimator.partial_fit(X, Y)
    close(other.predict_proba(X), clf.predict_proba(X), 1e-6)
    assert other.t_ == 41 * len(X)


def test_compiled_models_keep_their_loss_and_optimizer() -> None:
    """The loss curve equals that of train_on_batch."""
    curves = []
    for backend in (BACKEND, "keras"):
        clf = MLPClassifier(builder=custom.compiled, **{**QUICK, "backend": backend, "max_iter": 6})
        curves.append(clf.fit(X, Y).loss_curve_)
    close(np.array(curves[0]), np.array(curves[1]), 1e-4)


def test_pickles_can_be_loaded_with_another_backend(tmp_path: Path) -> None:
    """A model trained on one backend predicts the same on the other."""
    from importlib.util import find_spec

    other = {"jax": "tensorflow", "tensorflow": "jax"}[BACKEND]
    if find_spec(other) is None:
        pytest.skip(f"{other} is not installed here")
    clf = MLPClassifier(
        builder="keras.mlp", builder_options={"normalization": "batch"}, **QUICK
    ).fit(X, Y)
    (tmp_path / "m.pkl").write_bytes(pickle.dumps((clf, X, clf.predict_proba(X))))
    code = (
        "import pickle, numpy as np\n"
        f"clf, X, p = pickle.load(open({str(tmp_path / 'm.pkl')!r}, 'rb'))\n"
        f"clf.set_params(backend={other!r})\n"
        "np.testing.assert_allclose(clf.predict_proba(X), p, atol=1e-5)\n"
    )
    import os

    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.parametrize("builder", [None, "keras.mlp"])
def test_activations_equal_those_of_the_estimator(builder: str | None) -> None:
    """The slope of leaky_relu is that of the estimator, not the default of Keras."""
    names = ["leaky_relu", "gelu", "selu", "mish", "silu", "logistic", "identity"]
    params = {**QUICK, "builder": builder, "dtype": "float32", "max_iter": 1}
    clf = MLPClassifier((6,) * len(names), names, **params).fit(X, Y)
    model = clf.to_keras()
    close(clf.predict_proba(X), to_numpy(model(X)), 1e-5)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("LeakyReLU") == 1
    assert model.layers[kinds.index("LeakyReLU")].negative_slope == 0.01


def test_dropout_of_the_dense_network() -> None:
    """to_keras() keeps the dropout; builders with their own layers reject the parameter."""
    clf = MLPClassifier((8, 6), dropout=[0.5, 0.0], **{**QUICK, "max_iter": 2}).fit(X, Y)
    model = clf.to_keras()
    assert [layer.rate for layer in model.layers if hasattr(layer, "rate")] == [0.5]
    close(clf.predict_proba(X), to_numpy(model(X)), 1e-6)
    with pytest.raises(ValueError, match="requires the dense network.*an option of the"):
        clf.set_params(builder="keras.mlp").fit(X, Y)
