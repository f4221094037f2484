"""Keras optimizers and losses: by name, as objects, with schedules; their numbers are Keras's."""

import pickle
from typing import Any

import custom
import keras
import numpy as np
import pytest
from conftest import BACKEND
from custom import X, Y
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier
from mlpkit.plugin import PluginError
from mlpkit.testing import close
from mlpkit_keras import _OPTIMIZERS, _OWN

QUICK: dict[str, Any] = {
    "builder": custom.compiled,
    "backend": BACKEND,
    "max_iter": 3,
    "random_state": 0,
}
MADE = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=0.1),
    "adamw": lambda: keras.optimizers.AdamW(0.01, global_clipnorm=0.1),
    "lion": lambda: keras.optimizers.Lion(0.001, weight_decay=0.01),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, centered=True),
    "cosine": lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 3)),
    "muon": lambda: keras.optimizers.Muon(0.01),
    "accumulating": lambda: keras.optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "averaging": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=2),
    "schedule free": lambda: keras.optimizers.ScheduleFreeAdamW(0.01),
    "ema": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=None),
}


def compiled_with(spec: Any, optimizer: str, loss: str = "categorical_crossentropy") -> Any:
    """A model with an optimizer of the table."""
    model = custom.my_model(spec, 16, 0.0)
    model.compile(MADE[optimizer](), loss)
    return model


ON_JAX = ["accumulating", "averaging", "schedule free"]  # TensorFlow's own alias a variable


@pytest.mark.parametrize(
    "name",
    ["sgd", "adamw", "lion", "rmsprop", "cosine", "muon", *(ON_JAX if BACKEND == "jax" else [])],
)
def test_numbers_are_those_of_keras(name: str) -> None:
    """Our loop and train_on_batch go the same way, step by step."""
    curves = []
    for backend in (BACKEND, "keras"):
        clf = MLPClassifier(**{**QUICK, "builder": compiled_with, "backend": backend})
        curves.append(clf.set_params(builder__optimizer=name).fit(X, Y).loss_curve_)
    close(np.array(curves[0]), np.array(curves[1]), 1e-4)


def test_every_optimizer_of_keras_has_a_name() -> None:
    """But those around others, and the newest."""
    kinds = vars(keras.optimizers)
    names = {n for n, kind in kinds.items() if isinstance(kind, type)}
    other = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}
    assert {n.lower() for n in names - other - {"ScheduleFreeAdamW"}} == _OPTIMIZERS.keys()


@pytest.mark.parametrize("name", [n if n not in _OWN else f"keras.{n}" for n in _OPTIMIZERS])
def test_every_optimizer_by_name(name: str) -> None:
    """It trains the dense builder and a Keras model; moments go on, also from a pickle."""
    for builder in (None, "keras.mlp"):
        clf = MLPClassifier((8,), builder=builder, solver=name, **{
            k: v for k, v in QUICK.items() if k != "builder"
        }).fit(X, Y)  # fmt: skip
        assert np.isfinite(clf.loss_curve_).all()
        other = pickle.loads(pickle.dumps(clf))
        for each in (clf, other):
            each.partial_fit(X, Y)
        close(clf._model.arrays, other._model.arrays, 0)
        assert clf._model.optimizer_state["optimizer/0.iteration"] == 4


def test_the_rate_of_a_named_one_is_the_estimators() -> None:
    """learning_rate_init is a run-time value; an object brings its own."""
    plain = {k: v for k, v in QUICK.items() if k != "builder"}
    one = MLPClassifier((8,), solver="keras.sgd", learning_rate_init=0.3, **plain).fit(X, Y)
    two = MLPClassifier((8,), solver=keras.optimizers.SGD(0.3), **plain).fit(X, Y)
    assert one.loss_curve_ == two.loss_curve_


def test_options_of_a_named_one() -> None:
    """They are routed, and checked."""
    clf = MLPClassifier((8,), solver="keras.adamw", backend=BACKEND, max_iter=2)
    clf.set_params(solver__weight_decay=0.1, solver__global_clipnorm=1.0).fit(X, Y)
    with pytest.raises(ValueError, match="has no option 'wieght_decay'.*Did you mean"):
        clf.set_params(solver_options={"wieght_decay": 0.1}).fit(X, Y)


def test_what_an_optimizer_can_not_do_is_said() -> None:
    """Instead of leaving it out."""
    clf = MLPClassifier(solver=MADE["ema"](), backend=BACKEND)
    with pytest.raises(ValueError, match="use_ema without ema_overwrite_frequency"):
        clf.fit(X, Y)
    around = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())
    with pytest.raises(ValueError, match="LossScaleOptimizer: an optimizer around others"):
        clf.set_params(solver=around).fit(X, Y)
    for name in ("accumulating", "averaging"):
        if BACKEND == "tensorflow":
            with pytest.raises(ValueError, match="(steps|use_ema) can't be used here"):
                clf.set_params(solver=MADE[name]()).fit(X, Y)
    with pytest.raises(ValueError, match=r"solver: SGD is a class; give an object, SGD\("):
        clf.set_params(solver=keras.optimizers.SGD).fit(X, Y)
    with pytest.raises(ValueError, match="solver='lion' is given, and the builder's model comes"):
        MLPClassifier(**QUICK, solver="lion").fit(X, Y)
    with pytest.raises(ValueError, match="expected the name of a solver"):
        MLPClassifier(solver=3, backend=BACKEND).fit(X, Y)


def test_a_model_that_keras_trains_has_the_solver() -> None:
    """With backend="keras" an optimizer by name steps as on the other backends; adamw of mlpkit,
    which Keras does not have, is refused.
    """

    def fitted(solver: str, backend: str, **options: Any) -> Any:
        clf = MLPClassifier(
            builder=custom.ending, solver=solver, backend=backend, learning_rate_init=0.02,
            batch_size=40, alpha=0.0, max_iter=3, tol=0.0, random_state=0, **options,
        )  # fmt: skip
        with pytest.warns(ConvergenceWarning):
            return clf.fit(custom.X, custom.Y).loss_curve_

    curves = {}
    for solver in ("adam", "keras.sgd", "lion"):
        curves[solver] = fitted(solver, BACKEND)
        np.testing.assert_allclose(fitted(solver, "keras"), curves[solver], rtol=1e-3)
    assert curves["adam"] != curves["keras.sgd"] != curves["lion"]
    with pytest.raises(PluginError, match="trains with an optimizer of Keras"):
        MLPClassifier(builder=custom.ending, solver="adamw", backend="keras").fit(
            custom.X, custom.Y
        )
