"""Conformance tests of losses and solvers of plugins, part of `BackendTests`."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from mlpkit.plugin import Arrays, Loss, Solver
from mlpkit.testing import components
from mlpkit.testing.capabilities import CapabilityTests
from mlpkit.testing.cases import TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.conformance import assert_rejected


class ObjectiveTests(CapabilityTests):
    """Conformance tests of losses and solvers that are not built in."""

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

    @pytest.mark.parametrize("dtype", TOLERANCE)
    @pytest.mark.parametrize("name", components.LOSSES)
    def test_custom_losses_equal_numpy(self, name: str, dtype: str) -> None:
        """The functions of a `Loss` are used, whatever its name is. Its ``delta`` need not be the
        difference of outputs and targets, and may depend on all outputs of a row.
        """
        s = replace(spec(name, "tanh", dtype), loss=components.LOSSES[name])
        self.two_epochs_equal_numpy(s)

    @pytest.mark.parametrize("options", [{"cautious": True}, {"cautious": False}, {"power": 3}])
    def test_custom_solvers_equal_numpy(self, options: Any) -> None:
        """The functions of a solver without a name are used, with several arrays of optimizer
        state, and with options that are numbers or bools.
        """
        solver = components.AMSGRAD._replace(options={**components.AMSGRAD.options, **options})
        s, results = spec(), []
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(solver=solver), backend)
            rows, plan = steps.put(*data(s)), batches(21, 8)
            state, _ = steps.epoch(state, rows, plan)
            state, _ = steps.epoch(state, rows, plan._replace(order=plan.order[::-1]))
            results.append(self.all_arrays(steps, state))
        close(results[0], results[1], 1e-9)

    def test_joint_solvers_update_all_weights(self) -> None:
        """A `Joint` solver receives all arrays at once, and its optimizer state may have any names
        and shapes. Training continues from the arrays of a state, and single steps equal an epoch.
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
        rows = steps.put(*data(s))
        state, _ = steps.epoch(state, rows, plan)
        close(expected, steps.arrays(state), 1e-9)
        close(optimizer_state[0], steps.optimizer_state(state), 1e-9)
        copy = steps.start(self.all_arrays(steps, state))
        state, _ = steps.epoch(state, rows, plan)
        if "gradients" not in self.supports():
            copy, _ = steps.epoch(copy, rows, plan)
        else:
            for i, order in enumerate(plan.order):
                sums, gradient = steps.gradient(copy, rows, order, int(plan.seeds[i]))
                copy = steps.update(copy, gradient, sums.weight, float(plan.learning_rates[i]))
        close(self.all_arrays(steps, state), self.all_arrays(steps, copy), 1e-9)

    @pytest.mark.parametrize("condition", ["option", "learning rate", "arrays"])
    def test_solvers_may_branch(self, condition: str) -> None:
        """An update may branch on an option, and on the learning rate and the values of arrays if
        this is declared.
        """
        s, plan = spec(activation="tanh"), batches(21, 8)
        plan = plan._replace(learning_rates=np.array([0.02, 0.005, 0.02]))
        if condition == "option":
            solver = Solver(components.by_options, options={"signed": 1.0})
            plan = plan._replace(learning_rates=np.full(3, 0.02))
            step: Any = partial(components.branching, plan.learning_rates)
        elif condition == "learning rate":
            solver = Solver(components.by_rate)
            step = partial(components.branching, plan.learning_rates)
        else:
            solver = Solver(components.by_state, ("m",))
            step = partial(components.branching_on_state, plan.learning_rates, {})

        def trained() -> Arrays:
            steps, state = self.started(s, recipe(solver=solver))
            state, _ = steps.epoch(state, steps.put(*data(s)), plan)
            return steps.arrays(state)

        if condition == "option" or "branching_solvers" in self.supports():
            close(self.reference_weights(s, recipe(), plan, step), trained(), 1e-9)
        elif condition == "learning rate":
            self.assert_unsupported("branching_solvers", solver=solver)
        else:  # also because of the sum that the condition needs
            assert_rejected(trained, "")

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
