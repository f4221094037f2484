"""Conformance tests of the capabilities that a backend declares, part of `BackendTests`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array

from mlpkit import MLPRegressor
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import (
    Arrays,
    Batches,
    Capability,
    Network,
    Recipe,
    Solver,
    Spec,
    Steps,
)
from mlpkit.registry.lookup import installed
from mlpkit.testing import components
from mlpkit.testing.cases import TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.conformance import assert_rejected, made_as
from mlpkit.testing.processes import ProcessTests


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
        return made_as(made, Steps)

    def started(self, spec: Spec, recipe: Recipe, backend: str = "") -> tuple[Steps, Any]:
        """Return step functions and an initial state, always from the same seed."""
        network = dense.build(spec, np.random.RandomState(1))
        steps = self.steps(network, spec, recipe, backend)
        return steps, steps.start(network.arrays)

    def all_arrays(self, steps: Steps, state: Any) -> Arrays:
        """Return weights and optimizer state."""
        return {**steps.arrays(state), **steps.optimizer_state(state)}

    def two_epochs_equal_numpy(self, s: Spec) -> None:
        """Compare all arrays, sums and outputs with NumPy after two epochs with sample weights."""
        results = []
        for backend in ("numpy", ""):
            steps, state = self.started(s, recipe(), backend)
            rows = steps.put(*data(s))
            state, _ = steps.epoch(state, rows, batches(21, 8))
            state, sums = steps.epoch(state, rows, batches(21, 8))
            outputs = {"outputs": steps.outputs(state, data(s)[0])}
            results.append({**self.all_arrays(steps, state), **sums._asdict(), **outputs})
        close(results[0], results[1], TOLERANCE[s.dtype])

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
            sums, raw = reference.gradient(reference.start(weights), rows, plan.order[i], 0)
            decay = {n: r.alpha * weights[n] if n in network.decayed else 0 for n in raw}
            return {n: g + decay[n] for n, g in raw.items()}, sums.weight

        return components.stepped_by_hand(gradients, network.arrays, len(plan.order), step)

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
