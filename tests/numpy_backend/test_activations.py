"""Activations of hidden layers: values, by layer, and their derivatives on a backend."""

import pickle
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, ndtr, softmax
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.activations import ACTIVATIONS, HIDDEN
from mlpkit.objectives.losses import LOSSES
from mlpkit.registry.lookup import resolve
from mlpkit.testing import TASKS, TOLERANCE, close, data, recipe, spec

X = np.random.RandomState(0).standard_normal((60, 5))
Y = X[:, 0] ** 2 + X[:, 1]
EXPECTED: dict[str, Any] = {
    "gelu": lambda z: z * ndtr(z),
    "silu": lambda z: z * expit(z),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z)),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
}
TRIPLES = [HIDDEN[:3], HIDDEN[3:6], HIDDEN[6:]]


@pytest.mark.once
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", EXPECTED)
def test_values(name: str, dtype: str) -> None:
    """Of small and of large numbers, without an overflow."""
    z = np.concatenate([np.linspace(-9, 9, 101), [-1e4, -80.0, 80.0, 1e4, 0.0]])
    with np.errstate(over="ignore"):
        expected = EXPECTED[name](z)
    found = z.astype(dtype)
    with np.errstate(over="raise", invalid="raise"):
        ACTIVATIONS[name](found)
    assert found.dtype == dtype
    np.testing.assert_allclose(
        found,
        expected,
        rtol=2e-6 if dtype == "float32" else 1e-13,
        atol=1e-30 if dtype == "float64" else 1e-6,
    )


@pytest.mark.once
@pytest.mark.parametrize("shape", [(5, 3), (5, 12), (5, 3, 4), (5, 9, 3), (5, 9, 12)])
def test_softmax_of_members(shape: tuple[int, ...]) -> None:
    """The probabilities of each row and member add up to 1, whatever the number of members."""
    z = np.random.default_rng(0).normal(size=shape)
    found = z.copy()
    ACTIVATIONS["softmax"](found)
    np.testing.assert_allclose(found, softmax(z, axis=-1), rtol=1e-12)


@pytest.mark.parametrize("activations", TRIPLES, ids="-".join)
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_numeric_ones(name: str, activations: tuple[str, ...], backend: str) -> None:
    """For every loss and activation: along random directions, by central differences."""
    robust = name not in TASKS
    s = replace(
        spec("squared_error" if robust else name, activations),
        hidden_layer_sizes=(6, 5, 4),
        loss=LOSSES[name],
        backend=backend,
    )
    if name == "quantiles":
        s = replace(s, n_outputs=3)  # one for each quantile
    make, options = resolve("backend", backend)
    network = dense.build(s, np.random.RandomState(1))
    steps = make(network, s, recipe(), **options)
    rows = steps.put(*data(s))
    factor = s.n_outputs if name == "squared_error" else 1  # scikit-learn's gradient, of the sum

    def loss(arrays: Any) -> float:
        return float(steps.gradient(steps.start(arrays), rows, None, 0)[0].loss)

    _, gradient = steps.gradient(steps.start(network.arrays), rows, None, 0)
    rng = np.random.RandomState(2)
    for _ in range(5):
        way = {name: rng.standard_normal(a.shape) for name, a in network.arrays.items()}
        there, back = (
            loss({name: a + by * way[name] for name, a in network.arrays.items()})
            for by in (1e-6, -1e-6)
        )
        expected = factor * (there - back) / 2e-6
        actual = sum(float((gradient[name] * way[name]).sum()) for name in way)
        assert actual == pytest.approx(expected, rel=2e-6, abs=2e-6)


@pytest.mark.parametrize("activation", [*EXPECTED, ["gelu", "tanh"]], ids=str)
def test_estimators_equal_numpys(activation: Any, backend: str) -> None:
    """Loss curve and predictions, which are those of a pickle too."""
    found = []
    for each in ("numpy", backend):
        reg = MLPRegressor(hidden_layer_sizes=(8, 6), activation=activation, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            reg.set_params(max_iter=5, backend=each).fit(X, Y)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(reg)).predict(X), reg.predict(X))
        found.append({"curve": np.array(reg.loss_curve_), "predictions": reg.predict(X)})
    close(found[0], found[1], 1e-9)
    assert reg.loss_curve_[-1] < reg.loss_curve_[0]


@pytest.mark.once
def test_one_for_each_layer_is_as_one_for_all() -> None:
    """A list of equal names gives the numbers of the name."""
    curves = [
        MLPClassifier((6, 4), activation, random_state=0).partial_fit(X, Y > 0, classes=[0, 1])
        for activation in ("logistic", ["logistic", "logistic"])
    ]
    close(curves[0].coefs_[2], curves[1].coefs_[2], 0)
    assert curves[0].loss_ == curves[1].loss_


@pytest.mark.once
def test_weights_set_by_hand_are_evaluated_by_layer() -> None:
    """Without a fit, the parameter decides."""
    reg = MLPRegressor(hidden_layer_sizes=(2, 2), activation=("gelu", "identity"))
    eye, zeros = np.eye(2), np.zeros(2)
    reg.coefs_, reg.intercepts_ = [eye, eye, np.ones((2, 1))], [zeros, zeros, np.zeros(1)]
    reg.n_features_in_, reg.out_activation_, reg.n_outputs_ = 2, "identity", 1
    z = reg._outputs(np.array([[1.0, -2.0]]))
    close(z, np.array([[ndtr(1.0) - 2 * ndtr(-2.0)]]), 1e-12)


@pytest.mark.once
@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("swish", "activation.*must be a str among.*'silu'"),
        (["gelu", "sillu"], "'sillu' is not an activation. Expected one of .*Did you mean 'silu'"),
        (["gelu"], r"\['gelu'\] has length 1, but hidden_layer_sizes has length 2. Pass one value"),
        (["gelu", 3], "3 is not an activation"),
        (3, "activation"),
    ],
)
def test_what_is_no_activation(activation: Any, message: str) -> None:
    """Each error names what was given and what is accepted."""
    with pytest.raises(ValueError, match=message):
        MLPRegressor(hidden_layer_sizes=(3, 2), activation=activation).fit(X, Y)
