"""The networks for tables: forward passes, members, models, initial weights, options."""

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mlpkit.numpy_backend import namespace as xp
from mlpkit.plugin import Column, Dataset, Network, Spec, StepContext
from mlpkit.testing import close, spec
from mlpkit_tabular.networks.realmlp import realmlp
from mlpkit_tabular.networks.resnet import resnet
from mlpkit_tabular.networks.tabm import tabm

N, D = 300, 6
COLUMNS = (
    *(Column(f"number_{i}", "x") for i in range(3)),
    Column("level", "level", "category", 4),
    Column("absent", "x", "missing"),
    Column("town", "town", "category", 9),
)
VARIANTS: list[tuple[Any, dict[str, Any]]] = [
    (tabm, {}),
    (tabm, {"form": "full", "embedding": "periodic", "adapters": "normal"}),
    (tabm, {"form": "packed", "n_members": 3, "embedding": "none"}),
    (tabm, {"member_biases": False, "front_scale": False, "n_members": 1}),
    (tabm, {"embedding_options": {"linear": True, "append": False, "edges": "quantile"}}),
    (realmlp, {}),
    (realmlp, {"embedding": "piecewise_linear", "activation": "gelu", "front_scale": False}),
    (resnet, {"width": 12}),
    (resnet, {"normalization": "layer", "embedding": "periodic", "residual_dropout": 0.2}),
    (resnet, {"normalization": "none", "embedding_options": {}, "category_size": 3}),
]


def rows(seed: int = 0) -> tuple[Any, Any]:
    """Encoded rows with numbers, codes and a flag, and targets of a class."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((N, D))
    X[:, 3], X[:, 4], X[:, 5] = (
        rng.randint(4, size=N),
        rng.randint(2, size=N),
        rng.randint(9, size=N),
    )
    return X, (X[:, 0] > 0.3) != (X[:, 5] > 4)


def table_spec(**changes: Any) -> Spec:
    """The specification of a network for the rows, with all of them as the sample."""
    X, y = rows()
    made = replace(
        spec("log_loss"),
        n_features=D,
        n_outputs=1,
        task="binary",
        columns=COLUMNS,
        sample=Dataset(X, y[:, None]),
    )
    return replace(made, **changes)


def built(builder: Any, options: dict[str, Any], seed: int = 0, **changes: Any) -> Network:
    """A network for the rows; the weights of its output layer are not 0."""
    network = builder(table_spec(**changes), np.random.RandomState(seed), **options)
    head = network.arrays.get("head_weights")
    if head is not None:
        head += np.random.RandomState(1).standard_normal(head.shape)
    return network


def outputs(network: Network, X: Any, step: StepContext | None = None) -> Any:
    """The outputs of the network, by NumPy."""
    assert network.xp_apply is not None
    return network.xp_apply(xp, network.arrays, X, step)[0]


def training_step(seed: int = 3, factor: float = 1.0, n: int = N) -> StepContext:
    """A step over the first rows."""
    return StepContext(np.array([seed]), np.arange(n), np.ones(n), np.array(factor, "float64"))


@pytest.mark.parametrize(("builder", "options"), VARIANTS)
def test_a_row_alone_has_the_outputs_that_it_has_among_others(builder: Any, options: Any) -> None:
    """Predictions of a row do not depend on other rows."""
    network, (X, _) = built(builder, options), rows()
    whole = outputs(network, X)
    members = (network.n_members,) if network.n_members else ()
    assert whole.shape == (N, *members, 1)
    assert np.ptp(whole) > 0.1
    close(whole[7:8], outputs(network, X[7:8]), 1e-9)


@pytest.mark.parametrize(("builder", "options"), VARIANTS)
def test_several_models_are_the_same_networks_one_by_one(builder: Any, options: Any) -> None:
    """All arrays have a leading axis, along which each model is a network of its own."""
    network, one = built(builder, options, n_models=3), built(builder, options)
    parts = np.stack([rows(seed)[0] for seed in range(3)])
    together = outputs(network, parts)
    assert network.n_models == 3
    for i in range(3):
        alone = one._replace(arrays={name: a[i] for name, a in network.arrays.items()})
        assert {n: a.shape for n, a in alone.arrays.items()} == {
            n: a.shape for n, a in one.arrays.items()
        }
        close(together[i], outputs(alone, parts[i]), 1e-9)
        close(outputs(network, parts[0])[i], outputs(alone, parts[0]), 1e-9)


@pytest.mark.parametrize(("builder", "options"), VARIANTS)
def test_equal_structures_are_equal(builder: Any, options: Any) -> None:
    """The forward pass depends on the columns and options, not on the rows or the weights."""
    first, other = built(builder, options), built(builder, options, seed=1)
    assert first.xp_apply == other.xp_apply == pickle.loads(pickle.dumps(first.xp_apply))
    assert hash(first.xp_apply) == hash(other.xp_apply)
    assert first.xp_apply != built(builder, options, columns=None).xp_apply


@pytest.mark.parametrize(("builder", "options"), VARIANTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_have_the_dtype_of_the_spec(builder: Any, options: Any, dtype: str) -> None:
    """All arrays, for several models too, and so have the outputs and the running averages."""
    network = built(builder, options, dtype=dtype, n_models=2)
    assert {a.dtype.name for a in network.arrays.values()} == {dtype}
    assert network.frozen <= network.arrays.keys()
    assert network.decayed <= network.arrays.keys() - network.frozen
    named = {*network.learning_rate_factors, *network.weight_decay_factors}
    assert named <= network.arrays.keys() - network.frozen
    ids = np.arange(2 * N).reshape(2, N)
    w, factor = np.ones((2, N), dtype), np.array(1, dtype)
    step = training_step()._replace(ids=ids, w=w, dropout=factor)
    X = np.stack([rows()[0]] * 2).astype(dtype)
    assert network.xp_apply is not None
    z, new = network.xp_apply(xp, network.arrays, X, step)
    assert z.dtype == dtype
    assert {name: a.shape for name, a in new.items()} == {
        name: network.arrays[name].shape for name in new
    }


@pytest.mark.parametrize(("builder", "options"), VARIANTS)
def test_dropout_applies_to_steps_alone(builder: Any, options: Any) -> None:
    """Its masks depend on the seed and its strength on the factor of the step."""
    X, _ = rows()
    network, plain = built(builder, options, dropout=0.3), built(builder, options)
    assert network.has_dropout
    close(outputs(network, X), outputs(plain, X), 0)
    first = outputs(network, X, training_step())
    assert np.any(first != outputs(network, X, training_step(4)))
    close(first, outputs(network, X, training_step()), 0)
    if "residual_dropout" not in options:
        step = training_step(factor=0.0)
        close(outputs(network, X, step), outputs(plain, X, step), 1e-12)


def test_members_have_masks_of_their_own() -> None:
    """With equal weights, members differ by dropout alone."""
    network, (X, _) = built(tabm, {"form": "packed"}, dropout=0.5), rows()
    equal = {n: np.repeat(a[:1], 8, axis=0) for n, a in network.arrays.items() if len(a) == 8}
    network = network._replace(arrays={**network.arrays, **equal})
    close(np.ptp(outputs(network, X), axis=1), 0, 1e-12)
    assert np.ptp(outputs(network, X, training_step()), axis=1).min() > 0


def test_members_begin_with_equal_predictions_and_different_units() -> None:
    """The output layer of tabm is 0 at first; adapters are -1 or 1, equal within a column."""
    network = tabm(table_spec(), np.random.RandomState(0))
    close(outputs(network, rows()[0]), 0, 0)
    adapters = network.arrays["adapters_0"]
    assert set(np.unique(adapters)) == {-1, 1}
    widths = [5] * 3 + [1] + [8] * 2
    assert adapters.shape == (8, sum(widths))
    for part in np.split(adapters, np.cumsum(widths)[:-1], axis=1):
        assert np.ptp(part, axis=1).max() == 0
    assert len(np.unique(adapters, axis=0)) > 1


def test_initial_biases_have_their_scale() -> None:
    """Members have their own ones unless they share them."""
    network = tabm(table_spec(hidden_layer_sizes=(99,)), np.random.RandomState(0), bias_scale=3.0)
    biases = network.arrays["biases_0"]
    assert 2.7 < biases.std() < 3.3 and len(np.unique(biases, axis=0)) == 8
    shared = built(tabm, {"member_biases": False, "bias_scale": 0.0}).arrays["biases_1"]
    assert shared.tolist() == [0.0] * 4


def test_a_form_of_tabm_equals_its_formula() -> None:
    """The full form multiplies inputs and outputs of each layer by factors of the member."""
    options = {"form": "full", "embedding": "none", "n_members": 3}
    network = built(tabm, options, columns=None, sample=None)
    rng = np.random.RandomState(5)
    a = {name: a + rng.standard_normal(a.shape) for name, a in network.arrays.items()}
    X, _ = rows()
    for member in range(3):
        h = X * a["scale"]
        for i in range(2):
            h = (h * a[f"adapters_{i}"][member]) @ a[f"weights_{i}"]
            h = np.maximum(h * a[f"outputs_{i}"][member] + a[f"biases_{i}"][member], 0)
        z = h @ a["head_weights"][member] + a["biases_head"][member]
        close(z, outputs(network._replace(arrays=a), X)[:, member], 1e-9)


def test_realmlp_begins_with_units_of_one_scale() -> None:
    """Pre-activations of the first layer have the deviation 1, and change sign among the rows."""
    network = built(realmlp, {"front_scale": True})
    assert network.xp_apply is not None
    arrays, (X, _) = network.arrays, rows()
    h = network.xp_apply.inputs(xp, arrays, X)  # type: ignore[attr-defined]
    z = h @ arrays["weights_0"] / np.sqrt(h.shape[1]) + arrays["biases_0"]
    close(z.std(axis=0), 1, 1e-9)
    assert np.all((z.min(axis=0) < 0) & (z.max(axis=0) > 0))


def test_realmlp_has_the_activation_of_its_paper_unless_another_one_is_set() -> None:
    """SELU for classes and Mish for numbers replace ReLU, the default of estimators."""

    def activations(options: Any = (), **changes: Any) -> Any:
        return built(realmlp, dict(options), **changes).xp_apply.activations  # type: ignore

    assert activations() == ("selu", "selu")
    assert activations(task="regression") == ("mish", "mish")
    assert activations(activation=("tanh", "relu")) == ("tanh", "relu")
    assert activations({"activation": "relu"}) == ("relu", "relu")


def test_learning_rates_and_decay_of_groups() -> None:
    """Factors, biases and adapters do not decay; the factors of the inputs learn faster."""
    network = built(tabm, {"front_scale_rate": 4.0})
    assert network.learning_rate_factors == {"scale": 4.0}
    assert network.decayed == {
        *("weights_0", "weights_1", "head_weights", "bin_weights", "categories"),
    }
    assert set(network.weight_decay_factors.values()) == {0.0}
    decays = network.arrays.keys() - network.weight_decay_factors.keys() - network.frozen
    assert decays == network.decayed
    published = built(realmlp, {}).learning_rate_factors
    assert [published[n] for n in ("scale", "biases_0", "slopes_1", "phases")] == [6, 0.1, 0.1, 0.1]


def test_batch_normalization_ignores_padding_and_averages_over_steps() -> None:
    """Statistics are those of the rows with weight; predictions use the running averages."""
    network, (X, _) = built(resnet, {"width": 4}), rows()
    apply = network.xp_apply
    assert apply is not None
    step = training_step()
    w = (np.arange(N) < 200).astype(float)
    z, new = apply(xp, network.arrays, X, step._replace(w=w))
    part, of_part = apply(xp, network.arrays, X[:200], training_step(n=200))
    close(z[:200], part, 1e-9)
    close(new, of_part, 1e-9)
    for _ in range(300):
        network = network._replace(arrays={**network.arrays, **new})
        z, new = apply(xp, network.arrays, X, step)
    close(z, outputs(network, X), 1e-9)


@pytest.mark.parametrize("builder", [tabm, realmlp, resnet])
def test_categories_alone_and_numbers_alone(builder: Any) -> None:
    """A table may have columns of one kind only; codes select rows of the table of embeddings."""
    codes = np.array([[0.0, 3.0], [1.0, 0.0]])
    columns = (Column("a", "a", "category", 2), Column("b", "b", "category", 4))
    of_codes = builder(
        table_spec(n_features=2, columns=columns, sample=Dataset(codes)), np.random.RandomState(0)
    )
    apply: Any = of_codes.xp_apply
    table = of_codes.arrays["categories"]
    expected = np.concatenate([table[[0, 1]], table[[2 + 3, 2 + 0]]], axis=1)
    close(expected, apply.inputs(xp, of_codes.arrays, codes), 0)
    numbers = builder(table_spec(n_features=5, columns=None, sample=None), np.random.RandomState(0))
    assert "categories" not in numbers.arrays
    assert np.isfinite(outputs(numbers, rows()[0][:, :5])).all()


@pytest.mark.parametrize("form", ["mini", "full"])
def test_factors_of_weights_give_the_outputs_of_factors_of_rows(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wide inputs of many rows scale the weights of the first layer instead of the rows, with
    equal outputs.
    """
    from mlpkit_tabular.networks import tabm as module

    scaled: list[str] = []
    product = module.TabM._scaled_product

    def counted(*args: Any) -> Any:
        scaled.append(form)
        return product(*args)

    monkeypatch.setattr(module.TabM, "_scaled_product", counted)
    outputs = []
    for wide, few_rows, n_scaled in ((1, 9, 1), (1, 10, 1), (10**9, 9, 1)):
        monkeypatch.setattr(module, "WIDE", wide)
        monkeypatch.setattr(module, "FEW_ROWS", few_rows)
        network = module.tabm(spec(), np.random.RandomState(0), n_members=4, form=form)
        head = network.arrays["head_weights"]
        head[...] = np.random.RandomState(1).normal(size=head.shape)
        x = np.random.RandomState(2).normal(size=(10, spec().n_features))
        assert network.xp_apply is not None
        outputs.append(network.xp_apply(xp, network.arrays, x)[0])
        assert len(scaled) == n_scaled
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-12)
    np.testing.assert_allclose(outputs[0], outputs[2], rtol=1e-12)
