"""Keras losses as `loss=`: by name, as objects; what can't be is said."""

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
from mlpkit.plugin import PluginError
from mlpkit.testing import close

T = X[:, 0] * X[:, 1]
QUICK: dict[str, Any] = {"max_iter": 5, "random_state": 0, "learning_rate_init": 0.01}


def fitted(loss: Any, **params: Any) -> MLPRegressor:
    """A regressor of the dense builder."""
    params = {"backend": BACKEND, "hidden_layer_sizes": (8,), **QUICK, **params}
    return MLPRegressor(loss, **params).fit(X, T)


def compiled(spec: Any, loss: Any = "mean_squared_error") -> Any:
    """A model that is compiled."""
    model = custom.my_model(spec, 8, 0.0)
    model.compile("sgd", loss)
    return model


def test_a_model_compiled_without_a_loss_takes_the_estimators() -> None:
    """The task's, or the one that is given."""
    options = {"loss": None}
    bare = [fitted(loss, builder=compiled, builder_options=options).loss_curve_
            for loss in ("squared_error", "keras.mae")]  # fmt: skip
    assert bare[1] != bare[0]
    options = {"loss": "mean_absolute_error"}
    own = fitted("squared_error", builder=compiled, builder_options=options).loss_curve_
    assert own == bare[1]


@pytest.mark.parametrize("builder", [None, "keras.mlp"])
def test_names_and_objects_are_the_same(builder: Any) -> None:
    """Of the dense builder, and of a Keras model; and they are no squared error."""
    objects = (keras.losses.Huber(delta=0.1), keras.losses.Huber(), keras.losses.huber)
    curves = [fitted(loss, builder=builder).loss_curve_ for loss in (*objects, "keras.huber")]
    assert curves[1] == curves[2] == curves[3] == fitted("keras.Huber", builder=builder).loss_curve_
    assert curves[0] != curves[1] != fitted("squared_error", builder=builder).loss_curve_


def test_its_numbers_are_those_of_keras() -> None:
    """The same steps with backend="keras", which compiles the model with the loss."""
    curves = [
        fitted("keras.log_cosh", builder=custom.my_model, backend=backend, alpha=0.0, batch_size=40)
        .set_params(builder__dropout=0.0)
        .fit(X, T)
        .loss_curve_
        for backend in (BACKEND, "keras")
    ]
    close(np.array(curves[0]), np.array(curves[1]), 1e-4)


def test_a_batch_size_beyond_the_rows() -> None:
    """The same numbers as a batch of all rows, in `fit` and in `partial_fit`."""
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


def test_a_classifier_takes_them_too() -> None:
    """Multiclass and binary; None and 'log_loss' are the log-loss."""
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
    ("estimator", "said"),
    [
        (MLPRegressor("keras.hubert"), "Keras has no loss 'hubert'.*'huber'"),
        (MLPRegressor("squared_eror"), "expected 'squared_error'.* or 'poisson'.*Did you mean"),
        (MLPRegressor(3), "loss=3: expected"),
        (MLPRegressor(keras.metrics.AUC()), "loss=<AUC.*: expected"),
        (MLPClassifier(loss="keras.binary_crossentropy"), "does not fit the task 'multiclass'"),
        (MLPClassifier(loss="keras.huber", builder=custom.compiled), "compiled.*Leave one out"),
        (MLPRegressor("poisson", builder=compiled), "compiled .*loss='poisson'.*Leave one out"),
        (MLPRegressor("keras.ctc"), r"loss: the loss 'ctc' can't be.*of shape \(n, 1\)"),
    ],
)
def test_errors(estimator: Any, said: str) -> None:
    """Before training."""
    y = abs(T) if isinstance(estimator, MLPRegressor) else Y
    with pytest.raises(ValueError, match=said):
        estimator.set_params(backend=BACKEND).fit(X, y)


def test_a_loss_over_a_whole_batch_is_refused() -> None:
    """Rows have weights, and steps have padding."""
    dice = keras.losses.Dice()
    with pytest.raises(
        ValueError, match="'dice' can't be.*gives one number for a whole batch.*axis"
    ):
        MLPClassifier(loss=dice, backend=BACKEND).fit(X, Y)
    MLPClassifier(loss=keras.losses.Dice(axis=1), backend=BACKEND, max_iter=2).fit(X, Y)


def test_numpy_says_why_not() -> None:
    """And what can."""
    with pytest.raises(PluginError, match="Keras loss.*backend='numpy'.*choose backend='jax'"):
        fitted("keras.huber", backend="numpy")


def test_predicting_from_a_pickle_needs_no_keras() -> None:
    """Nor does loading it: a loss of Keras's goes by its name."""
    data = pickle.dumps(fitted("keras.huber"))
    code = (
        "import pickle, sys; reg = pickle.load(sys.stdin.buffer); reg.predict([[1.0] * 4])\n"
        "print([m for m in ('keras', 'jax', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=data, capture_output=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == b"[]"
