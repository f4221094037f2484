"""Conformance tests of what a recipe and a network say about the steps, part of `BackendTests`."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mlpkit.numpy_backend import dense
from mlpkit.plugin import Array, Arrays, Batches, Network, Solver, Spec
from mlpkit.testing import components
from mlpkit.testing.cases import TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.objectives import ObjectiveTests

PLAIN = Solver(components.by_options, options={"signed": -1.0})
RATES = {"coef_1": 3.0, "intercept_0": 0.0, "intercept_2": 0.5}
DECAYS = {"coef_0": 0.5, "coef_2": 0.0, "intercept_1": 2.0}


def network_with_factors(s: Spec) -> Network:
    """Return the dense network with factors of learning rate and weight decay."""
    network = dense.build(s, np.random.RandomState(1))
    return network._replace(learning_rate_factors=RATES, weight_decay_factors=DECAYS)


def decayed(
    learning_rates: Array, weight_decays: Array, before: Arrays, new: Arrays, i: int
) -> Arrays:
    """Return the weights after step i, given those before it and the result of the solver.

    The factor multiplies the change, which is equivalent for a solver whose change is proportional
    to the learning rate.
    """
    after = {}
    for name, p in before.items():
        factor, decay = RATES.get(name, 1.0), DECAYS.get(name, float(p.ndim > 1))
        amount = learning_rates[i] * factor * weight_decays[i] * decay
        after[name] = p + factor * (new[name] - p) - amount * p
    return after


class RecipeTests(ObjectiveTests):
    """Conformance tests of factors, weight decay and the norm of gradients."""

    def started_with_factors(self, s: Spec, solver: Solver) -> tuple[Any, Any]:
        """Return step functions and an initial state of `network_with_factors`."""
        network = network_with_factors(s)
        steps = self.steps(network, s, recipe(solver=solver))
        return steps, steps.start(network.arrays)

    def plan(self) -> Batches:
        """Return steps with different learning rates and weight decays."""
        return batches(21, 8)._replace(
            learning_rates=np.array([0.02, 0.005, 0.01]), weight_decays=np.array([5.0, 0.0, 2.0])
        )

    @pytest.mark.parametrize("form", ["elementwise", "joint"])
    def test_factors_scale_learning_rates_and_weight_decays(self, form: str) -> None:
        """`Network.learning_rate_factors` and `Network.weight_decay_factors` multiply the learning
        rates and weight decays of the steps. Without a factor, matrices decay and vectors do not.
        """
        solver = PLAIN if form == "elementwise" else components.JOINT
        if solver.joint is not None and "joint_solvers" not in self.supports():
            self.assert_unsupported("joint_solvers", solver=solver)
            return
        s, plan = spec(), self.plan()
        decays = np.asarray(plan.weight_decays)
        optimizer_state: list[Any] = [{}]

        def step(weights: Arrays, means: Arrays, i: int) -> Arrays:
            if solver.joint is None:
                new = {
                    name: p - plan.learning_rates[i] * means[name] for name, p in weights.items()
                }
            else:
                new = components.jointly(plan.learning_rates, optimizer_state, weights, means, i)
            return decayed(plan.learning_rates, decays, weights, new, i)

        steps, state = self.started_with_factors(s, solver)
        if solver.joint is not None:
            optimizer_state[0] = components.joint_start(steps.arrays(state))
        expected = self.reference_weights(s, recipe(solver=solver), plan, step)
        state, _ = steps.epoch(state, steps.put(*data(s)), plan)
        close(expected, steps.arrays(state), 1e-9)

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_the_weight_decay_of_the_solver_is_the_default(self, dtype: str) -> None:
        """`Solver.weight_decay` applies if the steps have no weight decays of their own, in `epoch`
        and in `update`. The weights keep their dtype.
        """
        s, plan, solver = spec(dtype=dtype), self.plan(), PLAIN._replace(weight_decay=3.0)
        steps, state = self.started_with_factors(s, solver)
        rows = steps.put(*data(s))
        by_default, _ = steps.epoch(state, rows, plan._replace(weight_decays=None))
        explicit, _ = steps.epoch(state, rows, plan._replace(weight_decays=np.full(3, 3.0)))
        without, _ = steps.epoch(state, rows, plan._replace(weight_decays=np.zeros(3)))
        close(steps.arrays(explicit), steps.arrays(by_default), 0)
        assert np.any(steps.arrays(without)["coef_0"] != steps.arrays(explicit)["coef_0"])
        assert {a.dtype for a in steps.arrays(explicit).values()} == {np.dtype(dtype)}
        if "gradients" not in self.supports():
            return
        tolerance = 1e-9 if dtype == "float64" else 1e-4
        for decays, expected in (([None] * 3, by_default), ([0.0] * 3, without)):
            current = state
            for i, decay in enumerate(decays):
                sums, gradient = steps.gradient(current, rows, plan.order[i], int(plan.seeds[i]))
                step = float(sums.weight), float(plan.learning_rates[i]), decay
                current = steps.update(current, gradient, *step)
            close(steps.arrays(expected), steps.arrays(current), tolerance)

    @pytest.mark.parametrize("form", ["elementwise", "joint"])
    def test_gradients_are_clipped_by_their_norm(self, form: str) -> None:
        """`Recipe.max_gradient_norm` limits the norm of the mean gradient over all weights, with
        that of the penalty, and does not change shorter gradients.
        """
        solver = PLAIN if form == "elementwise" else components.DESCENT
        if solver.joint is not None and "joint_solvers" not in self.supports():
            self.assert_unsupported("joint_solvers", solver=solver)
            return
        s, plan, norms = spec(), batches(21, 8), []

        def step(weights: Arrays, means: Arrays, i: int) -> Arrays:
            norms.append(np.sqrt(sum((g**2).sum() for g in means.values())))
            scale = min(1.0, 3.0 / norms[-1])
            return {name: p - 0.01 * scale * means[name] for name, p in weights.items()}

        r = recipe(solver=solver, alpha=3.0, max_gradient_norm=3.0)
        expected = self.reference_weights(s, r, plan, step)
        assert min(norms) < 3.0 < max(norms)
        steps, state = self.started(s, r)
        rows = steps.put(*data(s))
        after, _ = steps.epoch(state, rows, plan)
        close(expected, steps.arrays(after), 1e-9)
        if "gradients" in self.supports():
            for i, order in enumerate(plan.order):
                sums, gradient = steps.gradient(state, rows, order, int(plan.seeds[i]))
                state = steps.update(state, gradient, float(sums.weight), 0.01)
            close(expected, steps.arrays(state), 1e-9)

    @pytest.mark.parametrize("dtype", TOLERANCE)
    def test_factors_scale_dropout(self, dtype: str) -> None:
        """`Batches.dropout_factors` multiply the dropout of each step as in the NumPy backend. A
        factor of 0 drops nothing.
        """
        s = replace(spec(dtype=dtype, activation="tanh"), dropout=(0.5, 0.25))
        plan = batches(21, 8)._replace(dropout_factors=np.array([0.5, 1.0, 0.0]))
        results = []
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(), backend)
            state, sums = steps.epoch(state, steps.put(*data(s)), plan)
            results.append({**self.all_arrays(steps, state), **sums._asdict()})
        close(results[0], results[1], TOLERANCE[dtype])
        without = plan._replace(dropout_factors=np.zeros(3))
        results = []
        for dropout, steps_of in ((s.dropout, without), (0.0, batches(21, 8))):
            steps, state = self.started(replace(s, dropout=dropout), recipe())
            state, _ = steps.epoch(state, steps.put(*data(s)), steps_of)
            results.append(steps.arrays(state))
        close(results[0], results[1], TOLERANCE[dtype])

    @pytest.mark.parametrize("dtype", TOLERANCE)
    def test_gradients_have_a_factor_of_dropout(self, dtype: str) -> None:
        """The factor of `Steps.gradient` multiplies the dropout as in the NumPy backend."""
        s = replace(spec(dtype=dtype, activation="tanh"), dropout=(0.5, 0.25))
        results = []
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(), backend)
            rows = steps.put(*data(s))
            gradients = [steps.gradient(state, rows, i, 7, 0.5)[1] for i in (np.arange(6), None)]
            results.append(gradients)
        for expected, actual in zip(*results, strict=True):
            close(expected, actual, TOLERANCE[dtype])
