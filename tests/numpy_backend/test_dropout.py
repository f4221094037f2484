"""Dropout: the quality of its masks, its gradient, and estimators with it on a backend."""

import pickle
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.numpy_backend import dense, namespace
from mlpkit.numpy_backend.hidden_layer import kept_units
from mlpkit.plugin import Batches, Network, Spec, StepContext, dropout, dropout_mask
from mlpkit.registry.lookup import resolve
from mlpkit.testing import close, data, recipe, spec

N, M = 4000, 64
ROWS = np.arange(N)
X = np.random.RandomState(0).standard_normal((60, 5))
Y = X[:, 0] ** 2 + X[:, 1]
W = np.random.RandomState(1).random_sample(60) + 0.1


def mask(seed: int = 5, layer: int = 0, rate: float = 0.5) -> Any:
    """Kept units of many rows, as numbers."""
    return kept_units(ROWS, seed, M, layer, rate).astype(float)


def deviation(a: Any, b: Any) -> float:
    """The correlation of two masks over its standard deviation if they are independent."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()) * np.sqrt(a.size))


@pytest.mark.once
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_the_rate_is_kept(rate: float) -> None:
    """Over all, and with the spread of independent draws by row and by unit."""
    made = mask(rate=rate)
    variance = rate * (1 - rate)
    assert abs(made.mean() - (1 - rate)) < 4 * np.sqrt(variance / made.size)
    assert made.sum(axis=1).var() == pytest.approx(M * variance, rel=0.1)
    assert made.sum(axis=0).var() == pytest.approx(N * variance, rel=0.6)


@pytest.mark.once
def test_rows_with_leading_axes() -> None:
    """Each row has its mask, wherever it is in an array of rows with several axes."""
    rows, units = ROWS[:12].astype("uint32"), np.arange(M, dtype="uint32")
    arguments = (units, np.array([5], "uint32"), 0, 0.25, np.uint32)
    flat = dropout_mask(np, rows, *arguments)
    np.testing.assert_array_equal(
        flat.reshape(3, 4, M), dropout_mask(np, rows.reshape(3, 4), *arguments)
    )


@pytest.mark.once
@pytest.mark.parametrize(("dtype", "uint32"), [("uint32", np.uint32), ("int64", None)])
def test_the_rate_may_be_an_array(dtype: str, uint32: Any) -> None:
    """An array, which compiled code receives, gives the mask of the number, but for rounding."""
    rows, units = ROWS.astype(dtype), np.arange(M, dtype=dtype)
    seed = np.array([5], dtype)
    of_number = dropout_mask(np, rows, units, seed, 0, 0.3, uint32)
    of_array = dropout_mask(namespace, rows, units, seed, 0, np.float32(0.3), uint32)
    assert (of_number != of_array).sum() <= 1


@pytest.mark.once
def test_masks_are_independent() -> None:
    """Of other rows and units at any distance, of other layers, of the next seeds, and of the
    seeds of the next steps.
    """
    first = mask()
    found = [deviation(first, mask(layer=layer)) for layer in range(1, 8)]
    for i in range(1, 40):
        found.append(deviation(first, mask(5 + i)))
        found.append(deviation(first, mask((5 + i * 0x9E3779B1) % 2**32)))
        found.append(deviation(first[i:], first[:-i]))
        found.append(deviation(first[:, i:], first[:, :-i]))
    assert np.abs(found).max() < 4.5
    assert np.std(found) == pytest.approx(1, abs=0.25)
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(first.T))  # Marchenko and Pastur's limits
    assert eigenvalues.min() > 0.95 * (1 - np.sqrt(M / N)) ** 2
    assert eigenvalues.max() < 1.05 * (1 + np.sqrt(M / N)) ** 2


@pytest.mark.parametrize("activations", [("tanh", "gelu"), ("relu", "selu"), ("identity", "mish")])
def test_gradients_are_numeric_ones(activations: tuple[str, str], backend: str) -> None:
    """The masks stay as they are while the weights move."""
    s = replace(spec(activation=activations), dropout=(0.3, 0.5), backend=backend)
    make, options = resolve("backend", backend)
    network = dense.build(s, np.random.RandomState(1))
    steps = make(network, s, recipe(), **options)
    rows = steps.put(*data(s))

    def loss(arrays: Any) -> float:
        return float(steps.gradient(steps.start(arrays), rows, None, 3)[0].loss)

    _, gradient = steps.gradient(steps.start(network.arrays), rows, None, 3)
    rng = np.random.RandomState(2)
    for _ in range(5):
        way = {name: rng.standard_normal(a.shape) for name, a in network.arrays.items()}
        there, back = (
            loss({name: a + by * way[name] for name, a in network.arrays.items()})
            for by in (1e-6, -1e-6)
        )
        actual = sum(float((gradient[name] * way[name]).sum()) for name in way)
        assert actual == pytest.approx((there - back) / 2e-6, rel=2e-6, abs=2e-6)


def test_a_step_is_that_of_the_masks(backend: str) -> None:
    """The loss of a step is that of the network with the units left out, by hand."""
    s = replace(spec("squared_error", "tanh"), dropout=(0.3, 0.5))
    make, options = resolve("backend", backend)
    network = dense.build(s, np.random.RandomState(1))
    steps = make(network, s, recipe(), **options)
    x, y, _ = data(s)
    order = np.array([[4, 17, 2, 9]])
    plan = Batches(order, np.full(1, 0.01), np.array([77], np.uint32), with_predictions=True)
    _, sums = steps.epoch(steps.start(network.arrays), steps.put(x, y, None), plan)
    z, (coefs, intercepts) = x[order[0]], dense.layers(network.arrays)
    for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        z = z @ coef + intercept
        if i < 2:
            rate = s.dropouts[i]
            z = np.tanh(z) * kept_units(order[0], 77, z.shape[1], i, rate) / (1 - rate)
    close(np.array([0.5 * ((z - y[order[0]]) ** 2).mean(axis=1).sum()]), sums.loss, 1e-9)
    close(z, sums.predictions[0], 1e-9)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("dropout", [0.5, [0.0, 0.2]], ids=str)
def test_estimators_equal_numpys(dropout: Any, weighted: bool, backend: str) -> None:
    """A fit with steps of an odd size, then a stream."""
    found = []
    for each in ("numpy", backend):
        reg = MLPRegressor("huber", (8, 6), dropout=dropout, random_state=0, batch_size=17)
        reg.set_params(max_iter=4, backend=each)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            reg.fit(X, Y, W if weighted else None)
        for n in (17, 30, 18):
            reg.partial_fit(X[:n], Y[:n])
        found.append({"curve": np.array(reg.loss_curve_), "predictions": reg.predict(X)})
    close(found[0], found[1], 1e-9)


def test_rows_of_weight_zero_change_no_mask(backend: str) -> None:
    """Nor anything else."""
    settings: dict[str, Any] = {"dropout": 0.4, "random_state": 0, "shuffle": False}
    more, targets = np.concatenate([X, X[:5] + 9]), np.append(Y, np.zeros(5))
    one, two = (
        MLPRegressor(hidden_layer_sizes=(8,), **settings, backend=backend) for _ in range(2)
    )
    one.partial_fit(X, Y, W)
    two.partial_fit(more, targets, np.append(W, np.zeros(5)))
    close(one.coefs_[0], two.coefs_[0], 1e-12)


def test_without_dropout_nothing_changes(backend: str) -> None:
    """0.0 is the default; predictions have all units, also those of a pickle; a change of the
    parameter acts in the next call.
    """
    plain, zero, some = (
        MLPClassifier((6,), random_state=0, backend=backend, **given)
        for given in ({}, {"dropout": [0.0]}, {"dropout": 0.5})
    )
    for clf in (plain, zero, some):
        clf.partial_fit(X, Y > 0.5, classes=[False, True])
    close(plain.coefs_[0], zero.coefs_[0], 0)
    assert np.abs(some.coefs_[0] - plain.coefs_[0]).max() > 1e-6
    expected = dense.predict(X, some.coefs_, some.intercepts_, ["relu"], "logistic")
    close(expected, some.predict_proba(X)[:, 1:], 1e-9)
    close(expected, pickle.loads(pickle.dumps(some)).predict_proba(X)[:, 1:], 1e-9)
    again = pickle.loads(pickle.dumps(plain)).set_params(dropout=0.5)
    for clf in (plain, again):
        clf.partial_fit(X, Y > 0.5)
    assert np.abs(plain.coefs_[0] - again.coefs_[0]).max() > 1e-6


def test_it_trains(backend: str) -> None:
    """And seeds decide: the same ones repeat a fit, others do not."""
    curves = []
    for seed in (0, 0, 1):
        clf = MLPClassifier((30,), dropout=0.3, random_state=seed, backend=backend, max_iter=80)
        clf.set_params(learning_rate_init=0.01)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf.fit(X, Y > 0.5)
        assert clf.score(X, Y > 0.5) > 0.85
        curves.append(clf.loss_curve_)
    assert curves[0] == curves[1] != curves[2]


def other(spec: Spec, rng: Any) -> Network:
    """A network that is not the dense one."""
    network = dense.build(spec, rng)
    return network._replace(apply=lambda arrays, x, **_: (x @ arrays["coef_0"], {}))


@pytest.mark.once
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dropout": 1.0}, "dropout"),
        ({"dropout": -0.1}, "dropout"),
        ({"dropout": [0.1, 1.5]}, r"expected a number in \[0, 1\), or a list.*got 1.5"),
        ({"dropout": [0.1, True]}, "got True"),
        ({"dropout": [0.1]}, "has length 1, but hidden_layer_sizes has length 2. Pass one value"),
        (
            {"dropout": 0.1, "solver": "lbfgs"},
            "requires a solver that works in steps, such as 'adam'",
        ),
        (
            {"dropout": 0.1, "builder": other},
            "requires the dense network or a builder that applies dropout, but the builder",
        ),
    ],
)
def test_what_is_not_accepted(params: dict[str, Any], message: str) -> None:
    """Each error names what was given and what is accepted."""
    with pytest.raises(ValueError, match=message):
        MLPRegressor(hidden_layer_sizes=(3, 2), **params).fit(X, Y)


@pytest.mark.once
@pytest.mark.parametrize("dtype", ["int64", "uint32"])
def test_dropout_of_networks_keeps_the_mean(dtype: str) -> None:
    """`dropout` removes the fraction of the step, in members and layers independently, and the
    masks are those of both integer types that backends have.
    """
    rows, ones = np.arange(4000, dtype=dtype), np.ones((4000, 3, 10), np.float32)
    seed = rows[9:10]
    found = {}
    for factor in (1.0, 0.5, 0.0):
        step = StepContext(seed, rows, ones[:, 0, 0], np.float32(factor))
        found[factor] = dropout(namespace, ones, step, layer=1, rate=0.4)
        assert found[factor].dtype == np.float32
        assert np.mean(found[factor] == 0) == pytest.approx(0.4 * factor, abs=0.005)
        np.testing.assert_allclose(found[factor].mean(), 1, atol=0.01)
    masks = found[1.0].reshape(4000, 30) == 0
    assert np.abs(np.corrcoef(masks.T) - np.eye(30)).max() < 0.08
    step = StepContext(seed, rows, ones[:, 0, 0], np.float32(1))
    other = dropout(namespace, ones, step, layer=2, rate=0.4) == 0
    assert np.mean(other.reshape(4000, 30) == masks) == pytest.approx(0.4**2 + 0.6**2, abs=0.01)
    expected = dropout_mask(
        namespace, np.arange(4000), np.arange(30), np.int64(9), 1, np.float32(0.4)
    )
    np.testing.assert_array_equal(~expected, masks)
    np.testing.assert_array_equal(dropout(namespace, ones, None, 1, 0.4), ones)
