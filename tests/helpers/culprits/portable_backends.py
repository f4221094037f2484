"""Backends that declare portable networks, and compute them incorrectly."""

from typing import Any

import numpy as np

from culprits.altered_backends import declaring
from mlpkit.numpy_backend import namespace, portable
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import Network, Steps, StepSums


def untrained(network: Network, outputs: Any) -> Steps:
    """Return steps for a network with an `xp_apply` that are not those of its gradient."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        zeros = np.zeros(len(batches.order))
        return {name: 0.9 * a for name, a in state.items()}, StepSums(zeros, zeros, zeros)

    def gradient(state: Any, *rest: Any) -> Any:
        return StepSums(0.0, 1.0, 0.0), {name: np.zeros_like(a) for name, a in state.items()}

    return Steps(
        put=lambda *rows: rows,
        start=dict,
        arrays=dict,
        optimizer_state=lambda state: {},
        gradient=gradient,
        update=lambda state, *rest: state,
        epoch=epoch,
        outputs=lambda state, X: outputs(network._replace(arrays=state), X),
    )


def portable_with(outputs: Any) -> Any:
    """Return a backend that declares portable networks, and does not train them."""

    @declaring("portable_networks")
    def backend(network: Network, spec: Any, recipe: Any) -> Steps:
        if network.xp_apply is None:
            return numpy_backend.backend(network, spec, recipe)
        return untrained(network, outputs)

    return backend


class WrongNamespace:
    """The namespace of NumPy with another function in place of softplus."""

    softplus = staticmethod(np.exp)

    def __getattr__(self, name: str) -> Any:
        return getattr(namespace, name)


def by_wrong_namespace(network: Network, X: Any) -> Any:
    """Return outputs that are computed by the wrong function."""
    apply: Any = network.xp_apply
    wrong = network._replace(xp_apply=lambda xp, *rest: apply(WrongNamespace(), *rest))
    return portable.outputs(wrong, X)


def of_other_members(network: Network, X: Any) -> Any:
    """Return outputs in another order."""
    return portable.outputs(network, X)[:, ::-1]
