"""Builders of every signature, routed options, joint solvers, class weights, listeners."""

import copy
import pickle
import random
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.estimators.building import network_of
from mlpkit.numpy_backend import dense
from mlpkit.plugin import Joint, Network, PluginError, Report, Solver, Spec
from mlpkit.testing import close, spec

RNG = np.random.RandomState(0)
X, Y = RNG.standard_normal((60, 4)), np.arange(60) % 3
QUICK: dict[str, Any] = {"tol": 10.0, "n_iter_no_change": 2, "random_state": 0}


def drawn(spec: Spec, scale: float = 1.0) -> Network:
    """A builder without an rng: it draws from Python's generator."""
    network = dense.build(spec, np.random.RandomState(random.randrange(2**31)))
    return network._replace(arrays={k: a * scale for k, a in network.arrays.items()})


def test_a_builder_gets_what_its_signature_takes() -> None:
    """The spec; the rng as a second parameter without a default; options by name."""
    rng = np.random.RandomState(0)
    assert network_of(lambda spec, rng: dense.build(spec, rng), {}, spec(), rng)
    one, two = (network_of(drawn, {"scale": s}, spec(), rng).arrays for s in (1.0, 2.0))
    close({k: 2 * a for k, a in one.items()}, two, 1e-12)
    before = random.getstate()
    close(one, network_of(drawn, {}, spec(), rng).arrays, 0)
    assert random.getstate() == before
    with pytest.raises(ValueError, match="drawn has no option 'scael'; it takes: scale. Did you"):
        network_of(drawn, {"scael": 1}, spec(), rng)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "returned None"),
        (3, "returned builtins.int. It must return a mlpkit.plugin.Network"),
        (Network({"a": np.zeros(3, "float16")}), "dtype float16; expected all of one"),
    ],
)
def test_what_a_builder_must_not_return(returned: Any, said: str) -> None:
    """The message has its name, what was expected and what came."""
    with pytest.raises(ValueError, match=said):
        MLPClassifier(builder=lambda spec: returned, **QUICK).fit(X, Y)


def test_a_builder_that_can_not_be_pickled_is_told_so() -> None:
    """By pickle; a deep copy takes it."""
    clf = MLPClassifier(builder=lambda spec, rng: dense.build(spec, rng), **QUICK).fit(X, Y)
    with pytest.raises(pickle.PicklingError, match="at the top level of a module"):
        pickle.dumps(clf)
    assert np.array_equal(copy.deepcopy(clf).predict(X), clf.predict(X))


def test_routed_options() -> None:
    """builder__x is an entry of builder_options: set, shown, cloned; the given dict stays."""
    given = {"scale": 1.0}
    clf = MLPClassifier(builder=drawn, builder_options=given, **QUICK)
    clf.set_params(builder__scale=0.5, alpha=0.1)
    assert given == {"scale": 1.0} and clf.get_params()["builder__scale"] == 0.5
    assert clone(clf).fit(X, Y).builder_options == {"scale": 0.5}
    with pytest.raises(ValueError, match="Invalid parameter"):
        clf.set_params(bulider__scale=1)


def start(arrays: Any) -> Any:
    """A counter, and the last gradients."""
    return {"n": np.zeros((), "int32")}


def normed(xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any) -> Any:
    """Steps of one length over all weights together."""
    norm = xp.sqrt(sum(xp.sum(gradients[k] ** 2) for k in sorted(gradients)))
    new = {k: p - learning_rate * gradients[k] / (norm + 1e-3) for k, p in weights.items()}
    return new, {"n": optimizer_state["n"] + 1}


def test_a_joint_solver_is_the_same_everywhere(backend: str) -> None:
    """It sees all weights at once, its slots go on, its own rate counts."""
    solver, found = Solver(joint=Joint(start, normed), learning_rate=0.05), []
    for each in ("numpy", backend):
        clf = MLPClassifier((5,), solver=solver, backend=each, **QUICK).fit(X, Y)
        clf = pickle.loads(pickle.dumps(clf)).partial_fit(X[:7], Y[:7])
        found.append(clf.coefs_)
        assert clf._model.optimizer_state["n"] == clf.n_iter_ + len(clf.loss_curve_) - 1
    for expected, actual in zip(*found, strict=True):
        close(expected, actual, 1e-9)
    first, second = MLPClassifier((5,), solver=solver, **QUICK), found[0]
    assert np.any(first.initialize(4, classes=[0, 1, 2]).coefs_[0] != second[0])


def test_class_weights_multiply_and_stream() -> None:
    """A dict equals sample weights; balanced counts what came so far; unknown labels fail."""
    by_class = {0: 3.0, 2: 0.5}
    w = np.array([by_class.get(label, 1.0) for label in Y])
    one = MLPClassifier((5,), class_weight=by_class, **QUICK).fit(X, Y, np.full(60, 2.0))
    two = MLPClassifier((5,), **QUICK).fit(X, Y, 2 * w)
    assert one.loss_curve_ == two.loss_curve_
    stream, plain = (MLPClassifier((5,), class_weight=kind, **QUICK) for kind in ("balanced", None))
    for part, w in ((slice(0, 4), [2 / 3, 4 / 3, 4 / 3, 2 / 3]), (slice(4, 6), [1.0, 1.0])):
        stream.partial_fit(X[part], Y[part], classes=[0, 1, 2])
        plain.partial_fit(X[part], Y[part], w, classes=[0, 1, 2])
    for a, b in zip(stream.coefs_, plain.coefs_, strict=True):
        close(a, b, 1e-12)
    with pytest.raises(ValueError, match="which are not classes"):
        MLPClassifier(class_weight={7: 2.0}).fit(X, Y)


class Listener:
    """Sets the rate before and after epochs, and puts weights in at the end."""

    def on_begin(self, report: Report) -> float:
        """The first rate."""
        assert report.epoch == 0
        self.first = report.arrays()
        return 0.5

    def __call__(self, report: Report) -> float:
        """The next one."""
        return 0.25

    def on_end(self, report: Report) -> Any:
        """As it was before training."""
        return self.first


def test_a_listener_sets_rates_and_weights() -> None:
    """From before the first epoch until behind the last."""
    learning_rates: list[float] = []
    mine = Listener()
    clf = MLPClassifier(
        (5,), callbacks=[mine, lambda r: learning_rates.append(r.learning_rate)], **QUICK
    )
    clf.fit(X, Y)
    assert learning_rates == [0.5] + [0.25] * (len(learning_rates) - 1)
    close(mine.first, clf._model.arrays, 0)


def test_initialize_makes_a_fitted_estimator() -> None:
    """Without training; warm start and partial_fit go on from there."""
    reg = MLPRegressor(hidden_layer_sizes=(3,), random_state=0).initialize(4, n_outputs=2)
    assert reg.predict(X).shape == (60, 2) and reg.loss_curve_ == []
    clf = MLPClassifier((3,)).initialize(4, classes=["a", "b"])
    assert set(clf.predict(X)) <= {"a", "b"} and clf.partial_fit(X, np.array(["a", "b"])[Y % 2])


def test_a_form_that_nobody_offers() -> None:
    """Is an AttributeError with what to install."""
    clf = MLPClassifier((3,), **QUICK).fit(X, Y)
    assert not hasattr(clf, "to_nothing")
    with pytest.raises(AttributeError, match="unknown exporter"):
        clf.to_nothing()


def test_numpy_does_not_differentiate() -> None:
    """A loss without a delta needs another backend."""

    def build(spec: Spec, rng: Any) -> Network:
        return dense.build(spec, rng)._replace(loss=spec.loss._replace(delta=None))

    with pytest.raises(PluginError, match="'losses_without_delta'.*rite a `delta`"):
        MLPClassifier(builder=build, backend="numpy", **QUICK).fit(X, Y)
