"""Keras optimizers as solvers, by name and as objects; their steps equal those of Keras."""

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
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import PluginError
from mlpkit.testing import close
from mlpkit_keras import OPTIMIZERS, SHARED_SOLVER_NAMES

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
    """A model compiled with an optimizer of `MADE`."""
    model = custom.my_model(spec, 16, 0.0)
    model.compile(MADE[optimizer](), loss)
    return model


ON_JAX = ["accumulating", "averaging", "schedule free"]  # not supported by TensorFlow


@pytest.mark.parametrize(
    "name",
    ["sgd", "adamw", "lion", "rmsprop", "cosine", "muon", *(ON_JAX if BACKEND == "jax" else [])],
)
def test_losses_equal_those_of_keras(name: str) -> None:
    """The training loop of mlpkit and train_on_batch of Keras have the same loss curve."""
    curves = []
    for backend in (BACKEND, "keras"):
        clf = MLPClassifier(**{**QUICK, "builder": compiled_with, "backend": backend})
        curves.append(clf.set_params(builder__optimizer=name).fit(X, Y).loss_curve_)
    close(np.array(curves[0]), np.array(curves[1]), 1e-4)


def test_every_optimizer_of_keras_has_a_name() -> None:
    """All optimizers have a name, except wrappers of others and the newest."""
    kinds = vars(keras.optimizers)
    names = {n for n, kind in kinds.items() if isinstance(kind, type)}
    other = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}
    assert {n.lower() for n in names - other - {"ScheduleFreeAdamW"}} == OPTIMIZERS.keys()


@pytest.mark.parametrize(
    "name", [f"keras.{n}" if n in SHARED_SOLVER_NAMES else n for n in OPTIMIZERS]
)
def test_every_optimizer_by_name(name: str) -> None:
    """Each optimizer trains both kinds of networks; a pickle keeps the optimizer state."""
    for builder in (None, "keras.mlp"):
        clf = MLPClassifier((8,), builder=builder, solver=name, **{
            k: v for k, v in QUICK.items() if k != "builder"
        }).fit(X, Y)  # fmt: skip
        assert np.isfinite(clf.loss_curve_).all()
        other = pickle.loads(pickle.dumps(clf))
        for estimator in (clf, other):
            estimator.partial_fit(X, Y)
        close(clf._network.arrays, other._network.arrays, 0)
        assert clf._network.optimizer_state["optimizer/0.iteration"] == 4


def test_learning_rate_of_named_optimizers() -> None:
    """A named optimizer uses learning_rate_init; an object has its own learning rate."""
    plain = {k: v for k, v in QUICK.items() if k != "builder"}
    one = MLPClassifier((8,), solver="keras.sgd", learning_rate_init=0.3, **plain).fit(X, Y)
    two = MLPClassifier((8,), solver=keras.optimizers.SGD(0.3), **plain).fit(X, Y)
    assert one.loss_curve_ == two.loss_curve_


def test_options_of_named_optimizers() -> None:
    """Options are routed to the optimizer, and unknown ones are errors."""
    clf = MLPClassifier((8,), solver="keras.adamw", backend=BACKEND, max_iter=2)
    clf.set_params(solver__weight_decay=0.1, solver__global_clipnorm=1.0).fit(X, Y)
    with pytest.raises(ValueError, match="has no option 'wieght_decay'.*Did you mean"):
        clf.set_params(solver_options={"wieght_decay": 0.1}).fit(X, Y)


def test_unsupported_optimizers_raise_errors() -> None:
    """Unsupported settings are not ignored."""
    clf = MLPClassifier(solver=MADE["ema"](), backend=BACKEND)
    with pytest.raises(ValueError, match="use_ema without ema_overwrite_frequency"):
        clf.fit(X, Y)
    wrapper = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())
    with pytest.raises(ValueError, match="LossScaleOptimizer: an optimizer that contains others"):
        clf.set_params(solver=wrapper).fit(X, Y)
    for name in ("accumulating", "averaging"):
        if BACKEND == "tensorflow":
            with pytest.raises(ValueError, match="(steps|use_ema) is not supported"):
                clf.set_params(solver=MADE[name]()).fit(X, Y)
    with pytest.raises(
        ValueError, match=r"solver: expected an object, got the class SGD. Use SGD\("
    ):
        clf.set_params(solver=keras.optimizers.SGD).fit(X, Y)
    with pytest.raises(ValueError, match="solver='lion' conflicts with the solver"):
        MLPClassifier(**QUICK, solver="lion").fit(X, Y)
    with pytest.raises(ValueError, match="solver must be the name of a solver"):
        MLPClassifier(solver=3, backend=BACKEND).fit(X, Y)


def test_solvers_with_backend_keras() -> None:
    """Solvers by name take the same steps as on the other backends; adamw of mlpkit is rejected."""

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
    for solver in ("adamw", adam()._replace(weight_decay=0.1)):
        with pytest.raises(PluginError, match="does not support solver='adamw'.*'keras.adamw'"):
            MLPClassifier(builder=custom.ending, solver=solver, backend="keras").fit(
                custom.X, custom.Y
            )
    options: dict[str, Any] = {
        "learning_rate": "cosine",
        "weight_decay_schedule": "cosine",
        "dropout_schedule": "cosine",
        "max_gradient_norm": 1.0,
        "average_decay": 0.9,
    }
    for name, value in options.items():
        text = "schedules of mlpkit" if value == "cosine" else name
        with pytest.raises(PluginError, match=f"does not support {text}"):
            MLPClassifier(builder=custom.ending, backend="keras", **{name: value}).fit(
                custom.X, custom.Y
            )
