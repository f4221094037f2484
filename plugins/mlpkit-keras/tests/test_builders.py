"""The named builders: steps, checks of scikit-learn, and equality with the dense builder."""

import pickle
from typing import Any

import numpy as np
import pytest
from conftest import BACKEND
from custom import MyMLP, X, Y
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.estimators.network_building import network_of
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import Network, Steps
from mlpkit.registry.lookup import installed
from mlpkit.testing import batches, close, data, recipe, spec
from mlpkit_keras.runtime import keras_scope, to_numpy

NAMES = ("keras.mlp", "keras.residual", "keras.wide_and_deep")
ALL = {"dropout": 0.3, "normalization": "batch", "kernel_regularizer": "l2"}

QUICK: dict[str, Any] = {
    "backend": BACKEND,
    "max_iter": 60,
    "learning_rate_init": 0.01,
    "random_state": 0,
}


def started(name: str, dtype: str = "float64", **options: Any) -> tuple[Network, Steps, Any, Any]:
    """The network of a builder, its steps, a state, and 21 training rows."""
    from dataclasses import replace

    s = replace(spec(dtype=dtype), backend=BACKEND)
    build, _ = installed().resolve("builder", name)
    network = network_of(build, options, s, np.random.RandomState(0))
    make, _ = installed().resolve("backend", BACKEND)
    steps = make(network, s, recipe())
    return network, steps, steps.start(network.arrays), steps.put(*data(s))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_are_numpy_arrays(name: str, dtype: str) -> None:
    """Weights have the dtype of the spec; states of seed generators are not among them."""
    network, steps, state, _ = started(name, dtype, **ALL)
    assert {a.dtype.name for a in network.arrays.values()} == {dtype}
    assert all(type(a) is np.ndarray for a in network.arrays.values())
    assert not any("seed" in key for key in network.arrays)
    close(network.arrays, steps.arrays(state), 0)
    assert {key.split(".")[1] for key in network.frozen} == {"moving_mean", "moving_variance"}


@pytest.mark.parametrize("name", NAMES)
def test_epoch_equals_gradient_and_update(name: str) -> None:
    """An epoch equals its steps, with statistics, dropout and penalties."""
    _, steps, state, rows = started(name, **ALL)
    plan = batches(21, 8)
    fused, sums = steps.epoch(state, rows, plan)
    for i, indices in enumerate(plan.order):
        one, gradient = steps.gradient(state, rows, indices, int(plan.seeds[i]))
        close(sums.loss[i], one.loss, 1e-9)
        state = steps.update(state, gradient, float(one.weight), float(plan.learning_rates[i]))
    close(steps.arrays(fused), steps.arrays(state), 1e-9)
    close(steps.optimizer_state(fused), steps.optimizer_state(state), 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_empty_steps_change_nothing(name: str) -> None:
    """Steps without rows change neither weights nor statistics."""
    _, steps, state, rows = started(name, **ALL)
    empty = batches(21, 8)._replace(order=np.full((3, 8), -1))
    after, _ = steps.epoch(state, rows, empty)
    close(steps.arrays(state), steps.arrays(after), 0)


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_weight_0_are_ignored(name: str) -> None:
    """Rows of weight 0 change nothing if no layer computes statistics of a batch."""
    _, steps, state, rows = started(name, normalization=None)
    X_, y, w = data(spec())
    w = w.copy()
    w[8:] = 0
    short, _ = steps.epoch(state, steps.put(X_, y, w), batches(21, 21))
    long, _ = steps.epoch(state, steps.put(X_[:8], y[:8], w[:8]), batches(8, 21))
    close(steps.arrays(long), steps.arrays(short), 1e-9)


def test_dropout_follows_the_seed() -> None:
    """The seed of a step determines the dropout; outputs are not random."""
    _, steps, state, rows = started("keras.mlp", dropout=0.5)
    plan = batches(21, 8)
    weights = []
    for shift in (0, 0, 1):
        seeds = plan.seeds + np.uint32(shift)
        weights.append(steps.arrays(steps.epoch(state, rows, plan._replace(seeds=seeds))[0]))
    close(weights[0], weights[1], 0)
    assert np.any(weights[0]["0.kernel"] != weights[2]["0.kernel"])
    np.testing.assert_array_equal(
        steps.outputs(state, X[:, :1] * np.ones(5)), steps.outputs(state, X[:, :1] * np.ones(5))
    )


@pytest.mark.parametrize("name", NAMES)
def test_training_is_reproducible(name: str) -> None:
    """The same seed has the same loss curve, another seed a different one."""
    options = {"dropout": 0.1, "normalization": "layer"}
    clf = MLPClassifier((16,), builder=name, builder_options=options, **QUICK)
    assert clf.fit(X, Y).score(X, Y) > 0.85
    curve = clf.loss_curve_
    assert clf.fit(X, Y).loss_curve_ == curve
    assert clf.set_params(random_state=1).fit(X, Y).loss_curve_ != curve


def test_options_for_each_layer() -> None:
    """Units, activations and dropout can be set for each layer."""
    options = {"units": [8, 4], "activation": ["relu", "gelu"], "dropout": [0.0, 0.5]}
    clf = MLPClassifier(builder="keras.mlp", builder_options=options, **QUICK)
    model = clf.set_params(max_iter=2).fit(X, Y).to_keras()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Dense", "Activation", "Dense", "Activation", "Dropout", "Dense"]
    with pytest.raises(
        ValueError, match="dropout must have one value for each of the 2 hidden layers, got 3"
    ):
        clf.set_params(builder__dropout=[0.1] * 3).fit(X, Y)
    with pytest.raises(ValueError, match="Did you mean 'dropout'"):
        clf.set_params(builder_options={"dropuot": 0.1}).fit(X, Y)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_mlp_equals_the_dense_builder(solver: str, activation: str) -> None:
    """With the same initial weights the losses are equal up to 1e-5."""
    shared = {**QUICK, "max_iter": 8, "activation": activation, "solver": solver, "alpha": 0.1}
    X64 = X.astype(float)
    dense = MLPClassifier((9, 5), **shared).initialize(4, classes=np.unique(Y))
    dense.set_params(warm_start=True)
    kernels, biases = dense.coefs_, dense.intercepts_

    mine = MLPClassifier((9, 5), builder="keras.mlp", warm_start=True, dtype="float64", **shared)
    mine.initialize(4, classes=np.unique(Y))
    pairs = zip(kernels, biases, strict=True)
    for i, (kernel, bias) in enumerate(pairs):
        mine._network.arrays[f"{2 * i}.kernel"][...] = kernel
        mine._network.arrays[f"{2 * i + 1}.bias"][...] = bias
    dense.set_params(dtype="float64").fit(X64, Y)
    mine.fit(X64, Y)
    assert len(mine.loss_curve_) == 8
    close(np.array(dense.loss_curve_), np.array(mine.loss_curve_), 1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dense_networks_are_converted_to_keras(dtype: str) -> None:
    """The model predicts the same up to 1e-6, with each backend."""
    with keras_scope(dtype):
        _check_conversion(dtype)


def _check_conversion(dtype: str) -> None:
    for params in ({}, {"backend": BACKEND}, {"builder": "keras.mlp", "backend": BACKEND}):
        clf = MLPClassifier((8,), max_iter=5, random_state=0, dtype=dtype, **params).fit(X, Y)
        model = clf.to_keras()
        close(clf.predict_proba(X), to_numpy(model(X.astype(dtype))), 1e-6)
    reg = MLPRegressor(hidden_layer_sizes=(8,), max_iter=5, random_state=0, dtype=dtype).fit(
        X, X[:, 0]
    )
    close(reg.predict(X), to_numpy(reg.to_keras()(X.astype(dtype)))[:, 0], 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_statistics_are_kept(name: str) -> None:
    """Early stopping, partial_fit and pickling keep the batch statistics exactly."""
    clf = MLPClassifier((8,), builder=name, builder_options=ALL, early_stopping=True, **QUICK).fit(
        X, Y
    )
    frozen = {k: clf._network.arrays[k] for k in clf._network.structure.frozen}
    assert frozen and all(np.any(a != 0) for a in frozen.values())
    held = clf.validation_scores_
    assert held is not None and max(held) == clf.best_validation_score_
    stream = MLPClassifier((8,), builder=name, builder_options=ALL, **QUICK)
    stream.partial_fit(X[:50], Y[:50], classes=np.unique(Y))
    other = pickle.loads(pickle.dumps(stream))
    for estimator in (stream, other):
        estimator.partial_fit(X[50:], Y[50:])
    close(stream._network.arrays, other._network.arrays, 0)
    assert np.array_equal(stream.predict_proba(X), other.predict_proba(X))


def test_streams_compile_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of any size share a few compiled programs, also with a second estimator."""
    from mlpkit_keras.networks import KerasApply

    calls = []
    call = KerasApply.__call__

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return call(self, *args, **kwargs)

    monkeypatch.setattr(KerasApply, "__call__", counted)
    rng = np.random.RandomState(0)

    def streamed(seed: int) -> MLPClassifier:
        clf = MLPClassifier((7,), builder="keras.mlp", backend=BACKEND, random_state=seed)
        for n in (1, 3, 8, 9, 30, 100, 128, 200, 201, 777, 1000, 1):
            rows = rng.standard_normal((n, 3))
            clf.partial_fit(rows, rng.randint(2, size=n), classes=[0, 1])
        return clf

    clf = streamed(0)
    traced = len(calls)
    assert clf.t_ == 2458 and traced <= 40
    streamed(1)
    assert len(calls) == traced


def small(name: str) -> MLPClassifier:
    """A small classifier for the estimator checks."""
    clf = MLPClassifier((8,), builder=name, backend=BACKEND, max_iter=60, learning_rate_init=0.02)
    return clf.set_params(builder__blocks=1) if name == "keras.residual" else clf


def inexact_checks(estimator: Any) -> dict[str, str]:
    """Checks that require more precision than estimators in float32 have."""
    reason = ""
    if isinstance(estimator, MyMLP):
        reason = "its layers are float32"
    elif estimator.builder == "keras.residual" and BACKEND == "jax":
        reason = "Keras's LayerNormalization computes in float32 on JAX"
    kinds = ("dense", "sparse") if reason else ()
    return {f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in kinds}


@parametrize_with_checks(
    [small("keras.mlp"), small("keras.wide_and_deep"), small("keras.residual")]
    + [MyMLP(dropout=0.0, backend=BACKEND, max_iter=60, learning_rate_init=0.02)]
    + [
        MLPRegressor(
            hidden_layer_sizes=(8,),
            builder="keras.mlp",
            backend=BACKEND,
            max_iter=60,
            learning_rate_init=0.02,
        )
    ],
    expected_failed_checks=inexact_checks,
)
def test_estimator_checks(estimator: Any, check: Any) -> None:
    """All estimator checks of scikit-learn pass."""
    check(estimator)


def test_adam_is_the_built_in_solver() -> None:
    """The plugin does not replace built-in solvers."""
    assert (
        MLPClassifier(builder="keras.mlp", **QUICK).fit(X, Y)._network._live.recipe.solver == adam()
    )


def test_encoders_are_not_left_out_silently() -> None:
    """An encoder is an error, unless the network alone is requested."""
    clf = MLPClassifier((4,), encoder=StandardScaler(), **QUICK | {"backend": "numpy"}).fit(X, Y)
    with pytest.raises(ValueError, match="cannot convert the encoder.*without_encoder=True"):
        clf.to_keras()
    model = clf.to_keras(without_encoder=True)
    expected = clf.predict_proba(X)
    close(expected, to_numpy(model(clf.encoder_.transform(X).astype(X.dtype))), 1e-6)


def linear(xp: Any, arrays: Any, x: Any, step: Any = None) -> tuple[Any, dict[str, Any]]:
    """The outputs of a portable network."""
    return x @ arrays["w"], {}


def test_portable_networks_are_not_converted() -> None:
    """The error names the networks that are."""

    def build(spec: Any, rng: Any) -> Network:
        return Network({"w": np.ones((spec.n_features, spec.n_outputs))}, xp_apply=linear)

    clf = MLPClassifier(builder=build).initialize(3, classes=["a", "b"])
    with pytest.raises(ValueError, match="supports Keras models and the networks of builder"):
        clf.to_keras()
