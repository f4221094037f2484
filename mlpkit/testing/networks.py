"""Laws of solvers and of builders, as test classes to subclass (see `mlpkit.testing`)."""

import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st

from mlpkit import MLPClassifier
from mlpkit.estimators.building import network_of
from mlpkit.plugin import Network, Solver, Spec
from mlpkit.registry.lookup import installed, resolve
from mlpkit.testing.cases import TASKS, close, data, drawn, recipe, spec
from mlpkit.testing.conformance import ConformanceTests, made_as

# of the array API standard, what every backend has for losses and solvers
STANDARD = frozenset(
    (
        *("abs", "clip", "cos", "exp", "expm1", "finfo", "floor", "isfinite", "isnan", "log"),
        *("log1p", "max", "maximum", "mean", "min", "minimum", "ones_like", "pow", "sign"),
        *("sin", "sqrt", "square", "sum", "tanh", "where", "zeros_like"),
    )
)
CALM = "ignore::sklearn.exceptions.ConvergenceWarning"


class Standard:
    """NumPy, but with nothing that other backends do not have."""

    def __getattr__(self, name: str) -> Any:
        if name not in STANDARD:
            raise AttributeError(
                f"xp.{name} is not there on every backend; use: {sorted(STANDARD)}"
            )
        return getattr(np, name)


XP = Standard()


class SolverTests(ConformanceTests):
    """Laws of an elementwise solver, by its name."""

    solver: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    backend: ClassVar[str | None] = None  # that trains with it; None: the default one

    def made(self) -> Solver:
        """The solver; one that asks for the backend is told it, as by an estimator."""
        options = dict(self.options)
        if self.backend and "backend" in installed().find("solver", self.solver)[1].options:
            options.setdefault("backend", self.backend)
        factory, options = resolve("solver", self.solver, options)
        return made_as(factory(**options), Solver)  # type: ignore[no-any-return]

    def case(self, dtype: str = "float64") -> tuple[Any, Any, Any]:
        """Weights (12,), their gradients, and slots that are not zeros."""
        rng = np.random.RandomState(0)
        p, g = rng.standard_normal((2, 12)).astype(dtype)
        return p, g, tuple(rng.random_sample(12).astype(dtype) for _ in self.made().optimizer_state)

    def stepped(
        self, p: Any, g: Any, optimizer_state: Any, learning_rate: float = 0.01
    ) -> tuple[Any, tuple[Any, ...]]:
        """One step from copies."""
        made = self.made()
        if made.update is None:
            pytest.skip("it has no elementwise step")
        copies = tuple(a.copy() for a in optimizer_state)
        return made.update(XP, p.copy(), g.copy(), copies, learning_rate, made.options)

    def test_it_is_a_solver_that_can_be_pickled(self) -> None:
        """One sort of step, or a trainer of its own; functions stand at module level."""
        made = self.made()
        assert isinstance(made, Solver)
        assert made.update is None or made.joint is None, "either `update` or `joint`"
        assert made.has_steps or made.trainer != "epochs", "without steps it needs its trainer"
        assert pickle.loads(pickle.dumps(made)).update == made.update

    def test_the_same_settings_give_the_same_functions(self) -> None:
        """Backends keep compiled code by them."""
        assert self.made().update == self.made().update
        assert self.made().joint == self.made().joint

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_shapes_and_dtypes_stay(self, dtype: str) -> None:
        """Weights and every slot come back as they went in, of one number and type."""
        p, g, optimizer_state = self.case(dtype)
        moved, after = self.stepped(p, g, optimizer_state)
        assert len(after) == len(optimizer_state) == len(self.made().optimizer_state)
        for a in (moved, *after):
            assert (a.shape, a.dtype) == (p.shape, p.dtype)

    @drawn(
        25,
        {"part": [5], "scale": 1.0},
        part=st.lists(st.integers(0, 11), min_size=1),
        scale=st.sampled_from([0.0, 1e-6, 1.0, 1e2, 1e6]),
    )
    def test_it_is_elementwise(self, part: list[int], scale: float) -> None:
        """Any part of the weights moves as it does among the others, at gradients of any size."""
        p, g, optimizer_state = self.case()
        g, index = scale * g, np.array(part)
        moved, after = self.stepped(p, g, optimizer_state)
        one, its = self.stepped(p[index], g[index], tuple(a[index] for a in optimizer_state))
        close(moved[index], one, 1e-12)
        for whole, a in zip(after, its, strict=True):
            close(whole[index], a, 1e-12)

    def test_all_it_knows_is_what_it_is_given(self) -> None:
        """The same weights, gradients and slots give the same step, however often."""
        p, g, optimizer_state = self.case()
        first = self.stepped(p, g, optimizer_state)
        self.stepped(2 * p, 2 * g, optimizer_state)
        again = self.stepped(p, g, optimizer_state)
        np.testing.assert_equal(first, again)

    def test_the_rate_counts(self) -> None:
        """At another learning rate the step is another one."""
        given = self.case()
        one, two = (
            self.stepped(*given, learning_rate=learning_rate)[0] for learning_rate in (0.01, 0.02)
        )
        assert np.any(one != two), "weights move alike at 0.01 and 0.02: the step ignores its rate"

    def test_its_rates_are_finite(self) -> None:
        """Those of one step, and of several, in float64."""
        made = self.made()
        if made.learning_rate_at is None:
            pytest.skip("its rate does not depend on the step")
        steps = np.arange(1, 1001)
        learning_rates = np.asarray(made.learning_rate_at(0.01, steps, made.options))
        assert (
            learning_rates.dtype == "float64"
            and np.isfinite(learning_rates).all()
            and (learning_rates >= 0).all()
        )
        last = made.learning_rate_at(0.01, steps[-1:], made.options)
        assert learning_rates.shape == steps.shape, (
            f"{learning_rates.shape} learning rates for {steps.shape} steps"
        )
        close(learning_rates[-1:], np.asarray(last), 1e-12)

    def test_it_goes_down(self) -> None:
        """200 steps lower the sum of squares."""
        made = self.made()
        if made.update is None:
            pytest.skip("it has no elementwise step")
        p, optimizer_state = np.ones(12), tuple(np.zeros(12) for _ in made.optimizer_state)
        for step in range(1, 201):
            steps = np.array([step])
            learning_rate = (
                made.learning_rate_at(0.01, steps, made.options).item()
                if made.learning_rate_at
                else 0.01
            )
            p, optimizer_state = made.update(
                XP, p, p.copy(), optimizer_state, learning_rate, made.options
            )
        assert 0.5 * p @ p < 0.9 * 0.5 * 12

    @pytest.mark.filterwarnings(CALM)
    def test_it_trains(self) -> None:
        """An estimator with it has a lower loss in the end."""
        X, y, _ = data(spec(), 60)
        clf = MLPClassifier((8,), solver=self.solver, solver_options=dict(self.options) or None)
        clf.set_params(random_state=0, max_iter=30, backend=self.backend)
        clf.fit(X, y.argmax(axis=1))
        assert clf.loss_curve_[-1] < clf.loss_curve_[0] - 1e-6

    def test_a_stream_goes_on_from_a_pickle(self) -> None:
        """Slots hold all that it remembers."""
        made = self.made()
        if not made.has_steps:
            pytest.skip("it has no steps")
        X, y, _ = data(spec(), 60)
        clf = MLPClassifier((4,), solver=made, random_state=0, backend=self.backend)
        for _ in range(3):
            clf.partial_fit(X, y.argmax(axis=1), classes=[0, 1, 2])
        loaded = pickle.loads(pickle.dumps(clf))
        for each in (clf, loaded):
            each.partial_fit(X, y.argmax(axis=1))
        close(clf.coefs_[0], loaded.coefs_[0], 1e-12)


class BuilderTests(ConformanceTests):
    """Laws of a builder, by its name, on a backend that runs its networks."""

    builder: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    backend: ClassVar[str] = "numpy"
    dtypes: ClassVar[tuple[str, ...]] = ("float64", "float32")

    def made(self, spec: Spec, seed: int = 0) -> Network:
        """The network for a spec, on the backend; it may draw by the spec's seed, or by rng."""
        spec = replace(spec, backend=self.backend, seed=seed)
        factory, options = resolve("builder", self.builder, self.options)
        return network_of(factory, options, spec, np.random.RandomState(seed))

    def test_it_returns_a_network(self) -> None:
        """Finite NumPy arrays, the trained ones of one dtype; names are of them."""
        for dtype in self.dtypes:
            made = self.made(spec(dtype=dtype))
            assert isinstance(made, Network) and made.arrays
            assert all(isinstance(a, np.ndarray) for a in made.arrays.values())
            assert all(np.isfinite(a).all() for a in made.arrays.values())
            assert {a.dtype.name for n, a in made.arrays.items() if n not in made.frozen} == {dtype}
            assert made.frozen <= made.arrays.keys()
            assert made.decayed <= made.arrays.keys() - made.frozen

    def test_the_seed_decides(self) -> None:
        """The same seed draws the same weights, another one others, and no global one moves."""
        before = np.random.get_state(legacy=False)
        first, again, other = (self.made(spec(), seed).arrays for seed in (1, 1, 2))
        np.testing.assert_equal(before, np.random.get_state(legacy=False))
        close(first, again, 0)
        assert any(np.any(first[name] != other[name]) for name in first)

    def test_the_same_structure_has_the_same_apply(self) -> None:
        """Backends keep compiled code by it."""
        assert self.made(spec(), 1).apply == self.made(spec(), 2).apply

    def test_it_can_be_pickled(self) -> None:
        """With what it computes: a function at module level, or an object."""
        made = self.made(spec())
        close(made.arrays, pickle.loads(pickle.dumps(made)).arrays, 0)

    @pytest.mark.parametrize("loss", TASKS)
    def test_outputs_fit_the_spec(self, loss: str) -> None:
        """(n, n_outputs) finite numbers, for every task."""
        s = spec(loss)
        made, (factory, _) = self.made(s), resolve("backend", self.backend)
        steps = factory(made, s, recipe())
        z = steps.outputs(steps.start(made.arrays), data(s)[0])
        assert z.shape == (21, s.n_outputs) and np.isfinite(z).all()

    @pytest.mark.filterwarnings(CALM)
    def test_it_trains(self) -> None:
        """An estimator with it has a lower loss in the end."""
        X, y, _ = data(spec(), 60)
        clf = MLPClassifier((8,), builder=self.builder, builder_options=dict(self.options) or None)
        clf.set_params(backend=self.backend, alpha=0.0, random_state=0, max_iter=30)
        clf.fit(X, y.argmax(axis=1))
        assert clf.loss_curve_[-1] < clf.loss_curve_[0] - 1e-6
        assert clf.predict_proba(X).shape == (60, 3)
