"""Conformance tests of the capabilities that a backend declares, part of `BackendTests`."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_array

from mlpkit import MLPRegressor
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import (
    Arrays,
    Batches,
    Capability,
    Loss,
    Network,
    Recipe,
    Solver,
    Spec,
    Steps,
)
from mlpkit.registry.lookup import installed
from mlpkit.testing import components
from mlpkit.testing.cases import batches, close, data, recipe, spec
from mlpkit.testing.conformance import assert_rejected, made_as
from mlpkit.testing.processes import ProcessTests

SHAPES = {"many steps": (27_000, 500), "a wide step": (9_000, 9_000), "many weights": (21, 8)}


class CapabilityTests(ProcessTests):
    """Conformance tests of declared capabilities.

    Declared capabilities equal NumPy or plain arithmetic. A fit that needs an undeclared one is
    rejected before training.
    """

    options: ClassVar[Mapping[str, Any]] = {}

    def supports(self) -> tuple[Capability, ...]:
        """Return the capabilities that the backend declares."""
        return installed().find("backend", self.backend)[1].supports

    def steps(self, network: Network, spec: Spec, recipe: Recipe, backend: str = "") -> Steps:
        """Return the step functions of the backend, or of another one."""
        make, _ = installed().resolve("backend", backend or self.backend)
        made = make(network, spec, recipe, **(self.options if not backend else {}))
        return made_as(made, Steps)  # type: ignore[no-any-return]

    def started(self, spec: Spec, recipe: Recipe, backend: str = "") -> tuple[Steps, Any]:
        """Return step functions and an initial state, always from the same seed."""
        network = dense.build(spec, np.random.RandomState(1))
        steps = self.steps(network, spec, recipe, backend)
        return steps, steps.start(network.arrays)

    def all_arrays(self, steps: Steps, state: Any) -> Arrays:
        """Return weights and optimizer state."""
        return {**steps.arrays(state), **steps.optimizer_state(state)}

    def assert_unsupported(
        self, capability: Capability, sparse: bool = False, **params: Any
    ) -> None:
        """Assert that a fit which needs an undeclared capability is rejected before training."""
        X, y, _ = data(spec("squared_error"), 20)
        reports: list[Any] = []
        reg = MLPRegressor(hidden_layer_sizes=(3,), backend=self.backend, max_iter=2)
        reg.set_params(callbacks=reports.append, **params)
        assert_rejected(lambda: reg.fit(csr_array(X) if sparse else X, y), capability)
        assert not reports, "the estimator was trained"

    def reference_weights(
        self, s: Spec, r: Recipe, plan: Batches, step: Callable[[Arrays, Arrays, int], Arrays]
    ) -> Arrays:
        """Return the weights after steps in plain NumPy, with gradients of the NumPy backend."""
        network = dense.build(s, np.random.RandomState(1))
        reference = numpy_backend.backend(
            network, s, replace(r, solver=Solver(components.by_options))
        )
        rows = reference.put(*data(s))

        def gradients(weights: Arrays, i: int) -> tuple[Arrays, float]:
            sums, found = reference.gradient(reference.start(weights), rows, plan.order[i], 0)
            decay = {n: r.alpha * weights[n] if n in network.decayed else 0 for n in found}
            return {n: g + decay[n] for n, g in found.items()}, sums.weight

        return components.stepped_by_hand(gradients, network.arrays, len(plan.order), step)

    @pytest.mark.parametrize("delta", ["with delta", "without delta"])
    def test_custom_losses_are_differentiated(self, delta: str) -> None:
        """The values of a `Loss` with or without ``delta`` are used, and the gradients equal finite
        differences.
        """
        loss: Loss = components.HUBER
        if delta == "without delta":
            loss = loss._replace(delta=None)
            if "losses_without_delta" not in self.supports():
                self.assert_unsupported("losses_without_delta", loss=loss)
                return
        s = replace(spec("squared_error", "tanh"), loss=loss)
        X, y, w = data(s)
        steps, state = self.started(s, recipe(alpha=0.0))
        rows = steps.put(X, y, w)
        after, sums = steps.epoch(state, rows, batches(21, 21))
        close(w @ loss.rows(np, y, steps.outputs(state, X)), np.sum(sums.loss), 1e-9)
        reference, first = self.started(
            replace(s, loss=components.HUBER), recipe(alpha=0.0), "numpy"
        )
        expected, _ = reference.epoch(first, reference.put(X, y, w), batches(21, 21))
        close(reference.arrays(expected), steps.arrays(after), 1e-9)
        weights = reference.arrays(first)
        _, gradient = reference.gradient(first, reference.put(X, y, w), None, 0)
        for name, a in weights.items():
            values = []
            for change in (1e-6, -1e-6):
                moved = a.copy()
                moved.flat[0] += change
                z = steps.outputs(steps.start({**weights, name: moved}), X)
                values.append(w @ loss.rows(np, y, z))
            close((values[0] - values[1]) / 2e-6, gradient[name].flat[0], 1e-6)

    def test_joint_solvers_update_all_weights(self) -> None:
        """A `Joint` solver receives all arrays at once, and its optimizer state may have any names
        and shapes.
        """
        if "joint_solvers" not in self.supports():
            self.assert_unsupported("joint_solvers", solver=components.JOINT)
            return
        s, plan, r = spec(), batches(21, 8), recipe(solver=components.JOINT)
        steps, state = self.started(s, r)
        optimizer_state = [components.joint_start(steps.arrays(state))]
        expected = self.reference_weights(
            s, r, plan, partial(components.jointly, plan.learning_rates, optimizer_state)
        )
        state, _ = steps.epoch(state, steps.put(*data(s)), plan)
        close(expected, steps.arrays(state), 1e-9)
        close(optimizer_state[0], steps.optimizer_state(state), 1e-9)

    @pytest.mark.parametrize("condition", ["option", "learning rate"])
    def test_solvers_may_branch(self, condition: str) -> None:
        """An update may branch on an option, and on the learning rate if this is declared."""
        s, plan = spec(), batches(21, 8)
        plan = plan._replace(learning_rates=np.array([0.02, 0.005, 0.02]))
        solver = Solver(components.by_rate)
        if condition == "option":
            solver = Solver(components.by_options, options={"signed": 1.0})
            plan = plan._replace(learning_rates=np.full(3, 0.02))
        elif "branching_solvers" not in self.supports():
            self.assert_unsupported("branching_solvers", solver=solver)
            return
        steps, state = self.started(s, recipe(solver=solver))
        state, _ = steps.epoch(state, steps.put(*data(s)), plan)
        expected = self.reference_weights(
            s, recipe(), plan, partial(components.branching, plan.learning_rates)
        )
        close(expected, steps.arrays(state), 1e-9)

    def test_custom_networks_are_trained(self) -> None:
        """A network with its own `apply` trains like the equivalent dense network, and `apply`
        replaces the values of frozen arrays.
        """
        if "custom_networks" not in self.supports():
            self.assert_unsupported("custom_networks", builder=components.linear_network)
            return
        s = replace(spec(), hidden_layer_sizes=())
        network = components.linear_network(s, np.random.RandomState(1))
        plain = {n: a for n, a in network.arrays.items() if n != "count"}
        reference = numpy_backend.backend(Network(plain, decayed=network.decayed), s, recipe())
        expected, _ = reference.epoch(
            reference.start(plain), reference.put(*data(s)), batches(21, 8)
        )
        steps = self.steps(network, s, recipe())
        state, _ = steps.epoch(steps.start(network.arrays), steps.put(*data(s)), batches(21, 8))
        close({**reference.arrays(expected), "count": np.array(3.0)}, steps.arrays(state), 1e-9)
        close(reference.outputs(expected, data(s)[0]), steps.outputs(state, data(s)[0]), 1e-9)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_shapes_larger_than_one_block(self, shape: str) -> None:
        """Many steps, steps of many rows and large weights equal single steps in NumPy."""
        n, batch = SHAPES[shape]
        s = replace(spec(), hidden_layer_sizes=(200, 100) if shape == "many weights" else (7, 4))
        (X, y, w), plan, r = data(s, n), batches(n, batch), recipe(batch_size=batch)
        reference, expected = self.started(s, r, "numpy")
        rows, losses = reference.put(X, y, w), []
        for i, order in enumerate(plan.order):
            one, gradient = reference.gradient(expected, rows, order, 0)
            expected = reference.update(expected, gradient, one.weight, plan.learning_rates[i])
            losses.append(one.loss)
        steps, state = self.started(s, r)
        rows = steps.put(X, y, w)
        after, sums = steps.epoch(state, rows, plan)
        close(np.array(losses), sums.loss, 1e-9)
        close(self.all_arrays(reference, expected), self.all_arrays(steps, after), 1e-8)
        z = dense.outputs(X, *dense.layers(steps.arrays(after)), s.activations)
        close(z, steps.outputs(after, X), 1e-9)
        if "gradients" in self.supports():
            _, whole = steps.gradient(state, rows, None, 0)
            parts = [steps.gradient(state, rows, order, 0)[1] for order in plan.order]
            close(whole, {name: sum(g[name] for g in parts) for name in whole}, 1e-8)

    def test_concurrent_calls_are_independent(self) -> None:
        """Calls from several threads return the results of sequential calls."""
        s, plan = spec(), batches(21, 8)
        steps, _ = self.started(s, recipe())
        rows, first = steps.put(*data(s)), dense.build(s, np.random.RandomState(1)).arrays

        def trained(i: int) -> Arrays:
            state = steps.start({name: (1 + i) * a for name, a in first.items()})
            state, sums = steps.epoch(state, rows, plan)
            found = {"loss": np.asarray(sums.loss), "z": steps.outputs(state, data(s)[0])}
            return {**self.all_arrays(steps, state), **found}

        expected = [trained(i) for i in range(4)]
        with ThreadPoolExecutor(4) as pool:
            for one, found in zip(4 * expected, pool.map(trained, 4 * [0, 1, 2, 3]), strict=True):
                close(one, found, 1e-12)

    @pytest.mark.parametrize("fault", components.WRONG)
    def test_invalid_results_are_errors(self, fault: str) -> None:
        """A result of a solver or a loss with a wrong shape raises PluginError; it is not
        broadcast.
        """
        wrong, s, r = components.WRONG[fault], spec("squared_error"), recipe()
        if isinstance(wrong, Loss):
            s = replace(s, loss=wrong)
        elif wrong.joint is not None and "joint_solvers" not in self.supports():
            return
        else:
            r = recipe(solver=wrong)
        steps, state = self.started(s, r)
        rows = steps.put(*data(s))
        assert_rejected(lambda: steps.epoch(state, rows, batches(21, 8)), "returned")
