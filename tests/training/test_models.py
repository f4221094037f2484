"""The steps of several models in one network equal those of separate networks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mlpkit.objectives.solvers import adamw
from mlpkit.plugin import Batches, Network
from mlpkit.registry.lookup import installed, resolve
from mlpkit.testing import batches, close, data, recipe, spec
from mlpkit.testing.components import DESCENT

N_MODELS = 3


def linear(xp: Any, arrays: Any, x: Any, step: Any = None) -> Any:
    """The outputs of one layer."""
    z = xp.matmul(x * arrays["scale"][..., None, :], arrays["coef_0"])
    return z + arrays["intercept_0"][..., None, :], {}


def network(arrays: Any, n_models: int) -> Network:
    """A network with factors, of one or several models."""
    return Network(
        arrays,
        decayed=frozenset(["coef_0"]),
        xp_apply=linear,
        n_models=n_models,
        learning_rate_factors={"scale": 3.0},
    )


@pytest.mark.parametrize("solver", [adamw(weight_decay=5.0), DESCENT._replace(weight_decay=5.0)])
def test_norms_factors_and_decays_of_each_model(solver: Any, backend: str) -> None:
    """Each model has a norm of its own, and its vectors do not decay although they have two axes
    with the one of models.
    """
    if "portable_networks" not in installed().find("backend", backend)[1].supports:
        return
    s = replace(spec(), hidden_layer_sizes=())
    rng = np.random.RandomState(0)
    arrays = {
        "scale": np.ones((N_MODELS, 5)),
        "coef_0": 3 * rng.standard_normal((N_MODELS, 5, 3)),
        "intercept_0": rng.standard_normal((N_MODELS, 3)),
    }
    make, options = resolve("backend", backend, None)
    orders = [rng.permutation(20).reshape(5, 4) for _ in range(N_MODELS)]
    plan = batches(20, 4)
    r = recipe(solver=solver, alpha=0.5, max_gradient_norm=1.2)

    def trained(network: Network, spec: Any, order: Any) -> Any:
        steps = make(network, spec, r, **options)
        plan_of_models: Batches = plan._replace(order=order)
        state, _ = steps.epoch(steps.start(network.arrays), steps.put(*data(s, 20)), plan_of_models)
        return steps.arrays(state)

    together = trained(
        network(arrays, N_MODELS), replace(s, n_models=N_MODELS), np.concatenate(orders, axis=1)
    )
    for i, order in enumerate(orders):
        own = {name: a[i] for name, a in arrays.items()}
        alone = trained(network(own, 0), s, order)
        close(alone, {name: a[i] for name, a in together.items()}, 1e-9)
