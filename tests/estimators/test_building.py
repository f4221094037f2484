"""Builders, routed options, joint solvers, class weights, and callbacks with three methods."""

import copy
import pickle
import random
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.estimators.network_building import network_of
from mlpkit.numpy_backend import dense
from mlpkit.plugin import Joint, Network, PluginError, Report, Solver, Spec
from mlpkit.registry.lookup import installed
from mlpkit.testing import close, spec

RNG = np.random.RandomState(0)
X, Y = RNG.standard_normal((60, 4)), np.arange(60) % 3
QUICK: dict[str, Any] = {"tol": 10.0, "n_iter_no_change": 2, "random_state": 0}


def drawn(spec: Spec, scale: float = 1.0) -> Network:
    """A builder without a parameter rng, which draws from Python's global generator."""
    network = dense.build(spec, np.random.RandomState(random.randrange(2**31)))
    return network._replace(arrays={k: a * scale for k, a in network.arrays.items()})


def test_arguments_of_builders() -> None:
    """A builder receives the spec, the rng if it has a second parameter, and its options."""
    rng = np.random.RandomState(0)
    assert network_of(lambda spec, rng: dense.build(spec, rng), {}, spec(), rng)
    one, two = (network_of(drawn, {"scale": s}, spec(), rng).arrays for s in (1.0, 2.0))
    close({k: 2 * a for k, a in one.items()}, two, 1e-12)
    before = random.getstate()
    close(one, network_of(drawn, {}, spec(), rng).arrays, 0)
    assert random.getstate() == before
    with pytest.raises(ValueError, match="no option 'scael'; its options are: scale. Did you"):
        network_of(drawn, {"scael": 1}, spec(), rng)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "returned None"),
        (3, "returned builtins.int. It must return an mlpkit.plugin.Network"),
        (Network({"a": np.zeros(3, "float16")}), "got float16"),
    ],
)
def test_invalid_results_of_builders(returned: Any, message: str) -> None:
    """The message contains what the builder returned and what was expected."""
    with pytest.raises(ValueError, match=message):
        MLPClassifier(builder=lambda spec: returned, **QUICK).fit(X, Y)


def test_builders_that_cannot_be_pickled() -> None:
    """Pickling raises an error that says what to do; deep copies are possible."""
    clf = MLPClassifier(builder=lambda spec, rng: dense.build(spec, rng), **QUICK).fit(X, Y)
    with pytest.raises(pickle.PicklingError, match="at the top level of a module"):
        pickle.dumps(clf)
    assert np.array_equal(copy.deepcopy(clf).predict(X), clf.predict(X))


def test_routed_options() -> None:
    """builder__x sets an entry of builder_options; the dict of the user is unchanged."""
    options = {"scale": 1.0}
    clf = MLPClassifier(builder=drawn, builder_options=options, **QUICK)
    clf.set_params(builder__scale=0.5, alpha=0.1)
    assert options == {"scale": 1.0} and clf.get_params()["builder__scale"] == 0.5
    assert clone(clf).fit(X, Y).builder_options == {"scale": 0.5}
    with pytest.raises(ValueError, match="Invalid parameter"):
        clf.set_params(bulider__scale=1)


def start(arrays: Any) -> Any:
    """An optimizer state that counts the steps."""
    return {"n": np.zeros((), "int32")}


def normed(xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any) -> Any:
    """An update whose length does not depend on the gradients."""
    norm = xp.sqrt(sum(xp.sum(gradients[k] ** 2) for k in sorted(gradients)))
    new = {k: p - learning_rate * gradients[k] / (norm + 1e-3) for k, p in weights.items()}
    return new, {"n": optimizer_state["n"] + 1}


def test_joint_solvers_on_any_backend(backend: str) -> None:
    """The optimizer state is kept, and the solver's own learning rate is used."""
    if "joint_solvers" not in installed().find("backend", backend)[1].supports:
        return
    solver, weights = Solver(joint=Joint(start, normed), learning_rate=0.05), []
    for name in ("numpy", backend):
        clf = MLPClassifier((5,), solver=solver, backend=name, **QUICK).fit(X, Y)
        clf = pickle.loads(pickle.dumps(clf)).partial_fit(X[:7], Y[:7])
        weights.append(clf.coefs_)
        assert clf._network.optimizer_state["n"] == clf.n_iter_ + len(clf.loss_curve_) - 1
    for expected, actual in zip(*weights, strict=True):
        close(expected, actual, 1e-9)
    first, second = MLPClassifier((5,), solver=solver, **QUICK), weights[0]
    assert np.any(first.initialize(4, classes=[0, 1, 2]).coefs_[0] != second[0])


def test_class_weights() -> None:
    """Class weights multiply sample weights.

    In a stream, "balanced" counts the rows so far. Unknown labels are errors.
    """
    by_class: dict[Any, float] = {0: 3.0, 2: 0.5}
    w = np.array([by_class.get(label, 1.0) for label in Y])
    one = MLPClassifier((5,), class_weight=by_class, **QUICK).fit(X, Y, np.full(60, 2.0))
    two = MLPClassifier((5,), **QUICK).fit(X, Y, 2 * w)
    assert one.loss_curve_ == two.loss_curve_
    stream, plain = (MLPClassifier((5,), class_weight=kind, **QUICK) for kind in ("balanced", None))
    for part, weights in ((slice(0, 4), [2 / 3, 4 / 3, 4 / 3, 2 / 3]), (slice(4, 6), [1.0, 1.0])):
        stream.partial_fit(X[part], Y[part], classes=[0, 1, 2])
        plain.partial_fit(X[part], Y[part], weights, classes=[0, 1, 2])
    for a, b in zip(stream.coefs_, plain.coefs_, strict=True):
        close(a, b, 1e-12)
    with pytest.raises(ValueError, match="which are not classes"):
        MLPClassifier(class_weight={7: 2.0}).fit(X, Y)


class Scheduler:
    """A callback that sets learning rates, and restores the initial weights after training."""

    def on_begin(self, report: Report) -> float:
        """Return the first learning rate."""
        assert report.epoch == 0
        self.first = report.arrays()
        return 0.5

    def __call__(self, report: Report) -> float:
        """Return the learning rate of the next epochs."""
        return 0.25

    def on_end(self, report: Report) -> Any:
        """Return the weights before training."""
        return self.first


def test_callbacks_set_learning_rates_and_weights() -> None:
    """They are called before the first epoch, after each epoch, and after training."""
    learning_rates: list[float] = []
    scheduler = Scheduler()
    clf = MLPClassifier(
        (5,), callbacks=[scheduler, lambda r: learning_rates.append(r.learning_rate)], **QUICK
    )
    clf.fit(X, Y)
    assert learning_rates == [0.5] + [0.25] * (len(learning_rates) - 1)
    close(scheduler.first, clf._network.arrays, 0)


def test_initialize_makes_a_fitted_estimator() -> None:
    """initialize() does not train; partial_fit continues from its weights."""
    reg = MLPRegressor(hidden_layer_sizes=(3,), random_state=0).initialize(4, n_outputs=2)
    assert reg.predict(X).shape == (60, 2) and reg.loss_curve_ == []
    clf = MLPClassifier((3,)).initialize(4, classes=["a", "b"])
    assert set(clf.predict(X)) <= {"a", "b"} and clf.partial_fit(X, np.array(["a", "b"])[Y % 2])


def test_unknown_exporters() -> None:
    """An unknown method to_x raises AttributeError."""
    clf = MLPClassifier((3,), **QUICK).fit(X, Y)
    assert not hasattr(clf, "to_nothing")
    with pytest.raises(AttributeError, match="unknown exporter"):
        clf.to_nothing()


def test_losses_without_delta_on_numpy() -> None:
    """A loss without `delta` requires another backend."""

    def build(spec: Spec, rng: Any) -> Network:
        return dense.build(spec, rng)._replace(loss=spec.loss._replace(delta=None))

    with pytest.raises(PluginError, match="'losses_without_delta'.*rite a `delta`"):
        MLPClassifier(builder=build, backend="numpy", **QUICK).fit(X, Y)


@pytest.mark.once
@pytest.mark.parametrize("field", ["learning_rate_factors", "weight_decay_factors"])
@pytest.mark.parametrize("factor", [-1.0, np.inf, np.nan, True, "a"])
def test_invalid_factors_of_a_network(field: str, factor: Any) -> None:
    """Factors are finite numbers >= 0 of trained arrays."""

    def network(spec: Spec, rng: Any, name: str = "coef_0") -> Network:
        factors: dict[str, Any] = {field: {name: factor}}
        return dense.build(spec, rng)._replace(**factors)

    with pytest.raises(PluginError, match=f"`{field}` contains .* expected a finite number >= 0"):
        MLPClassifier(builder=network, **QUICK).fit(X, Y)
    with pytest.raises(PluginError, match=f"`{field}` contains 'coef_9', which is not trained"):
        MLPClassifier(builder=network, builder_options={"name": "coef_9"}, **QUICK).fit(X, Y)
