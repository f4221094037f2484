"""Keras losses, by name and as objects, in the parameter `loss`."""

import os
import pickle
import subprocess
import sys
from typing import Any

import custom
import keras
import numpy as np
import pytest
from conftest import BACKEND
from custom import X, Y
from sklearn.base import clone

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.plugin import Loss, PluginError
from mlpkit.testing import close

T = X[:, 0] * X[:, 1]
QUICK: dict[str, Any] = {"max_iter": 5, "random_state": 0, "learning_rate_init": 0.01}


def fitted(loss: Any, **params: Any) -> MLPRegressor:
    """A regressor fitted with a loss."""
    params = {"backend": BACKEND, "hidden_layer_sizes": (8,), **QUICK, **params}
    return MLPRegressor(loss, **params).fit(X, T)


def compiled(spec: Any, loss: Any = "mean_squared_error") -> Any:
    """A model compiled with a loss."""
    model = custom.my_model(spec, 8, 0.0)
    model.compile("sgd", loss)
    return model


def test_model_compiled_without_a_loss() -> None:
    """It is trained with the loss of the estimator."""
    options = {"loss": None}
    bare = [fitted(loss, builder=compiled, builder_options=options).loss_curve_
            for loss in ("squared_error", "keras.mae")]  # fmt: skip
    assert bare[1] != bare[0]
    options = {"loss": "mean_absolute_error"}
    own = fitted("squared_error", builder=compiled, builder_options=options).loss_curve_
    assert own == bare[1]


def test_other_losses_with_the_names_of_those_of_mlpkit() -> None:
    """They are not replaced by the losses of Keras, nor ignored if the model brings a loss."""

    def rows(xp: Any, y: Any, p: Any) -> Any:
        return xp.mean((p - y) ** 4, axis=1)

    loss = Loss("squared_error", "identity", rows, None)
    with pytest.raises(PluginError, match="does not support the loss 'squared_error'"):
        fitted(loss, builder="keras.mlp", backend="keras")
    with pytest.raises(ValueError, match="compiled with a loss, and the estimator has loss="):
        fitted(loss, builder=compiled, backend="keras")


@pytest.mark.parametrize("builder", [None, "keras.mlp"])
def test_names_and_objects_are_equivalent(builder: Any) -> None:
    """Names, functions and objects have the same loss curve, with either kind of network."""
    objects = (keras.losses.Huber(delta=0.1), keras.losses.Huber(), keras.losses.huber)
    curves = [fitted(loss, builder=builder).loss_curve_ for loss in (*objects, "keras.huber")]
    assert curves[1] == curves[2] == curves[3] == fitted("keras.Huber", builder=builder).loss_curve_
    assert curves[0] != curves[1] != fitted("squared_error", builder=builder).loss_curve_


def test_losses_equal_those_of_keras() -> None:
    """With backend="keras", which compiles the model with the loss, the loss curve is the same."""
    curves = [
        fitted("keras.log_cosh", builder=custom.my_model, backend=backend, alpha=0.0, batch_size=40)
        .set_params(builder__dropout=0.0)
        .fit(X, T)
        .loss_curve_
        for backend in (BACKEND, "keras")
    ]
    close(np.array(curves[0]), np.array(curves[1]), 1e-4)


def test_batch_size_above_the_number_of_rows() -> None:
    """The result equals that of one batch of all rows, in `fit` and in `partial_fit`."""
    for backend in (BACKEND, "keras"):
        huge, fitting = (
            MLPRegressor(
                hidden_layer_sizes=(4,),
                builder="keras.mlp",
                backend=backend,
                batch_size=size,
                max_iter=2,
                random_state=0,
            )
            for size in (10**12, len(X))
        )
        with pytest.warns(UserWarning, match="clipped|converged"):
            for model in (huge, fitting):
                model.fit(X, T).partial_fit(X[:7], T[:7])
        close(fitting.predict(X), huge.predict(X), 1e-5)


def test_losses_of_classifiers() -> None:
    """Classifiers accept Keras losses; None and 'log_loss' are the same."""
    focal = keras.losses.CategoricalFocalCrossentropy()
    clf = MLPClassifier((8,), loss=focal, backend=BACKEND, max_iter=60, random_state=0)
    plain = clone(clf).set_params(loss=None)
    clf.set_params(learning_rate_init=0.05).fit(X, Y)
    assert clf.score(X, Y) > 0.8 and clf.get_params()["loss"] is focal
    other = pickle.loads(pickle.dumps(clf))
    assert np.array_equal(other.predict_proba(X), clf.predict_proba(X))
    other.partial_fit(X, Y)
    curve = plain.fit(X, Y).loss_curve_
    assert (
        curve != clf.loss_curve_
        and curve == plain.set_params(loss="log_loss").fit(X, Y).loss_curve_
    )
    two = clone(clf).set_params(loss="keras.binary_focal_crossentropy").fit(X, Y == "low")
    assert two.score(X, Y == "low") > 0.8


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (MLPRegressor("keras.hubert"), "Keras has no loss 'hubert'.*'huber'"),
        (MLPRegressor("squared_eror"), "must be 'squared_error'.*'poisson'.*Did you mean"),
        (MLPRegressor(3), "loss must be .*, got 3"),
        (MLPRegressor(keras.metrics.AUC()), "loss must be .*, got <AUC"),
        (MLPClassifier(loss="keras.binary_crossentropy"), "does not support the task 'multiclass'"),
        (
            MLPClassifier(loss="keras.huber", builder=custom.compiled),
            "compiled.*Remove one",
        ),
        (
            MLPRegressor("poisson", builder=compiled),
            "compiled .*loss='poisson'.*Remove one",
        ),
        (MLPRegressor("keras.ctc"), r"loss: the loss 'ctc' cannot be.*of shape \(n, 1\)"),
    ],
)
def test_invalid_losses_raise_errors(estimator: Any, message: str) -> None:
    """Errors are raised before training."""
    y = abs(T) if isinstance(estimator, MLPRegressor) else Y
    with pytest.raises(ValueError, match=message):
        estimator.set_params(backend=BACKEND).fit(X, y)


def test_losses_of_a_whole_batch_are_rejected() -> None:
    """A loss must have a value for each row, which has a weight and may be padding."""
    dice = keras.losses.Dice()
    with pytest.raises(
        ValueError, match="'dice' cannot be.*returns one number for a whole batch.*axis"
    ):
        MLPClassifier(loss=dice, backend=BACKEND).fit(X, Y)
    MLPClassifier(loss=keras.losses.Dice(axis=1), backend=BACKEND, max_iter=2).fit(X, Y)


def test_numpy_rejects_keras_losses() -> None:
    """The message names the backends that support them."""
    with pytest.raises(PluginError, match="Keras loss.*backend='numpy'.*choose backend='jax'"):
        fitted("keras.huber", backend="numpy")


def test_predicting_from_a_pickle_needs_no_keras() -> None:
    """Loading a pickle and predicting import no framework, since the loss is stored by name."""
    data = pickle.dumps(fitted("keras.huber"))
    code = (
        "import pickle, sys; reg = pickle.load(sys.stdin.buffer); reg.predict([[1.0] * 4])\n"
        "print([m for m in ('keras', 'jax', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=data, capture_output=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == b"[]"
