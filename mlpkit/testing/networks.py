"""Conformance tests of solvers and of builders."""

import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st

from mlpkit import MLPClassifier
from mlpkit.estimators.network_building import network_of
from mlpkit.numpy_backend import namespace
from mlpkit.plugin import NAMESPACE, Dataset, Network, Solver, Spec
from mlpkit.registry.lookup import installed, resolve
from mlpkit.testing.cases import TASKS, close, data, drawn, recipe, spec
from mlpkit.testing.conformance import ConformanceTests, made_as

NO_CONVERGENCE_WARNING = "ignore::sklearn.exceptions.ConvergenceWarning"


class StandardNamespace:
    """The functions of `NAMESPACE`, implemented with NumPy, and no others."""

    def __getattr__(self, name: str) -> Any:
        if name not in NAMESPACE:
            raise AttributeError(
                f"xp.{name} is not available on every backend; use one of {sorted(NAMESPACE)}"
            )
        return getattr(namespace, name)


XP = StandardNamespace()


class SolverTests(ConformanceTests):
    """Conformance tests of a solver.

    The tests of the elementwise update are skipped for solvers without one. Subclass it and set
    ``solver``.

    Attributes
    ----------
    solver : str
        Name of the solver.
    options : dict, default={}
        Options of the solver.
    backend : str or None, default=None
        Backend that trains with the solver; None is the default backend.
    exempt : dict of str, default={}
        Tests that the solver cannot pass, with the reason for each.

    Examples
    --------
    >>> from mlpkit.testing import SolverTests
    >>> class TestAdam(SolverTests):
    ...     solver = "adam"
    ...     options = {"beta_1": 0.8}
    """

    solver: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    backend: ClassVar[str | None] = None

    def made(self) -> Solver:
        """Return the solver; the option ``backend`` is set if the solver declares it."""
        options = dict(self.options)
        if self.backend and "backend" in installed().find("solver", self.solver)[1].options:
            options.setdefault("backend", self.backend)
        factory, options = resolve("solver", self.solver, options)
        return made_as(factory(**options), Solver)

    def case(self, dtype: str = "float64") -> tuple[Any, Any, Any]:
        """Return weights (12,), gradients (12,), and optimizer state that is not zero."""
        rng = np.random.RandomState(0)
        p, g = rng.standard_normal((2, 12)).astype(dtype)
        return p, g, tuple(rng.random_sample(12).astype(dtype) for _ in self.made().optimizer_state)

    def stepped(
        self, p: Any, g: Any, optimizer_state: Any, learning_rate: float = 0.01
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return weights and optimizer state after one update of copies."""
        made = self.made()
        if made.update is None:
            pytest.skip("the solver has no elementwise update")
        copies = tuple(a.copy() for a in optimizer_state)
        return made.update(XP, p.copy(), g.copy(), copies, learning_rate, made.options)

    def test_the_factory_returns_a_picklable_solver(self) -> None:
        """The solver has one kind of update or its own trainer, and it can be pickled."""
        made = self.made()
        assert isinstance(made, Solver)
        assert made.update is None or made.joint is None, (
            "a solver must not have both `update` and `joint`"
        )
        assert made.has_steps or made.trainer != "epochs", (
            "a solver without updates needs its own trainer"
        )
        assert pickle.loads(pickle.dumps(made)).update == made.update

    def test_equal_options_return_the_same_functions(self) -> None:
        """Solvers with equal options have the same functions, by which backends cache compiled
        code.
        """
        assert self.made().update == self.made().update
        assert self.made().joint == self.made().joint

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_shapes_and_dtypes_are_kept(self, dtype: str) -> None:
        """The update keeps shape and dtype of the weights and of the optimizer state."""
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
    def test_the_update_is_elementwise(self, part: list[int], scale: float) -> None:
        """The update of some weights does not depend on the other weights, for gradients of any
        size.
        """
        p, g, optimizer_state = self.case()
        g, index = scale * g, np.array(part)
        moved, after = self.stepped(p, g, optimizer_state)
        one, its = self.stepped(p[index], g[index], tuple(a[index] for a in optimizer_state))
        close(moved[index], one, 1e-12)
        for whole, a in zip(after, its, strict=True):
            close(whole[index], a, 1e-12)

    def test_the_update_has_no_hidden_state(self) -> None:
        """Equal weights, gradients and optimizer state give equal updates in every call."""
        p, g, optimizer_state = self.case()
        first = self.stepped(p, g, optimizer_state)
        self.stepped(2 * p, 2 * g, optimizer_state)
        again = self.stepped(p, g, optimizer_state)
        np.testing.assert_equal(first, again)

    def test_the_update_uses_the_learning_rate(self) -> None:
        """Another learning rate gives another update."""
        case = self.case()
        one, two = (
            self.stepped(*case, learning_rate=learning_rate)[0] for learning_rate in (0.01, 0.02)
        )
        assert np.any(one != two), (
            "the updates for 0.01 and 0.02 are equal: the update ignores the learning rate"
        )

    def test_learning_rates_are_finite(self) -> None:
        """`learning_rate_at` returns finite float64 values for one step and for several."""
        made = self.made()
        if made.learning_rate_at is None:
            pytest.skip("the learning rate does not depend on the step")
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

    def test_the_update_decreases_a_quadratic_loss(self) -> None:
        """200 steps decrease the loss of a quadratic function."""
        made = self.made()
        if made.update is None:
            pytest.skip("the solver has no elementwise update")
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

    @pytest.mark.filterwarnings(NO_CONVERGENCE_WARNING)
    def test_an_estimator_trains(self) -> None:
        """The loss of an estimator with the solver decreases."""
        X, y, _ = data(spec(), 60)
        clf = MLPClassifier((8,), solver=self.solver, solver_options=dict(self.options) or None)
        clf.set_params(random_state=0, max_iter=30, backend=self.backend)
        clf.fit(X, y.argmax(axis=1))
        assert clf.loss_curve_[-1] < clf.loss_curve_[0] - 1e-6

    def test_partial_fit_continues_after_pickling(self) -> None:
        """The optimizer state holds all that further calls of `partial_fit` need."""
        made = self.made()
        if not made.has_steps:
            pytest.skip("the solver has no updates")
        X, y, _ = data(spec(), 60)
        clf = MLPClassifier((4,), solver=made, random_state=0, backend=self.backend)
        for _ in range(3):
            clf.partial_fit(X, y.argmax(axis=1), classes=[0, 1, 2])
        loaded = pickle.loads(pickle.dumps(clf))
        for each in (clf, loaded):
            each.partial_fit(X, y.argmax(axis=1))
        close(clf.coefs_[0], loaded.coefs_[0], 1e-12)


class BuilderTests(ConformanceTests):
    """Conformance tests of a builder.

    Subclass it and set ``builder``.

    Attributes
    ----------
    builder : str
        Name of the builder.
    options : dict, default={}
        Options of the builder.
    backend : str, default="numpy"
        Backend that trains the networks.
    dtypes : tuple of str, default=("float64", "float32")
        Dtypes that the builder supports.
    exempt : dict of str, default={}
        Tests that the builder cannot pass, with the reason for each.

    Examples
    --------
    >>> from mlpkit.testing import BuilderTests
    >>> class TestDense(BuilderTests):
    ...     builder = "dense"
    """

    builder: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    backend: ClassVar[str] = "numpy"
    dtypes: ClassVar[tuple[str, ...]] = ("float64", "float32")

    def made(self, spec: Spec, seed: int = 0) -> Network:
        """Return the network for a spec; both the spec and the generator have the seed."""
        spec = replace(spec, backend=self.backend, seed=seed)
        factory, options = resolve("builder", self.builder, self.options)
        return network_of(factory, options, spec, np.random.RandomState(seed))

    def test_the_builder_returns_a_network(self) -> None:
        """The arrays are finite, the trained ones have the dtype of the spec, and all names refer
        to arrays.
        """
        for dtype in self.dtypes:
            made = self.made(spec(dtype=dtype))
            assert isinstance(made, Network) and made.arrays
            assert all(isinstance(a, np.ndarray) for a in made.arrays.values())
            assert all(np.isfinite(a).all() for a in made.arrays.values())
            assert {a.dtype.name for n, a in made.arrays.items() if n not in made.frozen} == {dtype}
            assert made.frozen <= made.arrays.keys()
            assert made.decayed <= made.arrays.keys() - made.frozen

    def test_results_depend_only_on_the_seed(self) -> None:
        """Equal seeds give equal weights, other seeds other weights, and NumPy's global generator
        does not change.
        """
        before = np.random.get_state(legacy=False)
        first, again, other = (self.made(spec(), seed).arrays for seed in (1, 1, 2))
        np.testing.assert_equal(before, np.random.get_state(legacy=False))
        close(first, again, 0)
        assert any(np.any(first[name] != other[name]) for name in first)

    def test_equal_specs_have_the_same_apply(self) -> None:
        """Networks for equal specs have the same `apply` or `xp_apply`, by which backends cache
        compiled code.
        """
        first, second = self.made(spec(), 1), self.made(spec(), 2)
        assert (first.apply, first.xp_apply) == (second.apply, second.xp_apply)

    def test_the_network_can_be_pickled(self) -> None:
        """The network can be pickled, including its `apply`."""
        made = self.made(spec())
        close(made.arrays, pickle.loads(pickle.dumps(made)).arrays, 0)

    def test_a_portable_network_is_one_on_every_backend(self) -> None:
        """An `xp_apply` calls only functions of `NAMESPACE`."""
        s = spec()
        made = self.made(s)
        if made.xp_apply is not None:
            z, _ = made.xp_apply(XP, made.arrays, data(s)[0], None)
            assert z.shape[0] == 21

    @pytest.mark.parametrize("loss", TASKS)
    def test_files_recreate_the_network(self, loss: str) -> None:
        """Without the sample and with `Network.options`, the builder returns the same network but
        for its arrays. Networks with an `apply` are not recreated.
        """
        s = replace(spec(loss), backend=self.backend)
        X, y, w = data(s, 60)
        X[:, 0] = X[:, 0] > 0
        made = self.made(replace(s, sample=Dataset(X, y, w)))
        if made.apply is not None:
            pytest.skip("the network has an `apply`")
        options = {**self.options, **made.options}
        factory, options = resolve("builder", self.builder, options)
        again = network_of(factory, options, s, np.random.RandomState(1))
        assert again.arrays.keys() == made.arrays.keys()
        assert again._replace(arrays={}) == made._replace(arrays={})
        if made.xp_apply is not None and again.xp_apply is not None:
            before, _ = made.xp_apply(XP, made.arrays, X, None)
            after, _ = again.xp_apply(XP, made.arrays, X, None)
            close(before, after, 0)

    @pytest.mark.parametrize("loss", TASKS)
    def test_outputs_have_the_shape_of_the_spec(self, loss: str) -> None:
        """The outputs (n, n_outputs), or (n, n_members, n_outputs), are finite for every task."""
        s = spec(loss)
        made, (factory, _) = self.made(s), resolve("backend", self.backend)
        steps = factory(made, s, recipe())
        z = steps.outputs(steps.start(made.arrays), data(s)[0])
        members = (made.n_members,) if made.n_members else ()
        assert z.shape == (21, *members, s.n_outputs) and np.isfinite(z).all()

    @pytest.mark.filterwarnings(NO_CONVERGENCE_WARNING)
    def test_an_estimator_trains(self) -> None:
        """The loss of an estimator with the builder decreases."""
        X, y, _ = data(spec(), 60)
        clf = MLPClassifier((8,), builder=self.builder, builder_options=dict(self.options) or None)
        clf.set_params(backend=self.backend, alpha=0.0, random_state=0, max_iter=30)
        clf.fit(X, y.argmax(axis=1))
        assert clf.loss_curve_[-1] < clf.loss_curve_[0] - 1e-6
        assert clf.predict_proba(X).shape == (60, 3)
