"""What a backend can declare to support.

Every backend supports elementwise solvers, losses with a `delta`, dense X and all schedules of
the learning rate. Everything else has a name here.
"""

from typing import Literal, get_args

#: The name of something that a backend may support.
Capability = Literal[
    "dense_networks",
    "custom_networks",
    "portable_networks",
    "losses_without_delta",
    "joint_solvers",
    "branching_solvers",
    "gradients",
    "epoch_predictions",
    "sparse_rows",
]
#: All capabilities.
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
MEANING: dict[Capability, str] = {
    "dense_networks": "the dense network of `Spec`, which builder='dense' builds",
    "custom_networks": "a network with an `apply` for arrays of the backend",
    "portable_networks": "a network with an `xp_apply`, with members and several models",
    "losses_without_delta": "differentiation of a loss that has no `delta`",
    "joint_solvers": "a solver that updates all weights at once (`Joint`)",
    "branching_solvers": "a solver with a Python `if` on its learning rate or its arrays",
    "gradients": "`Steps.gradient` and `Steps.update`, which solvers without steps require",
    "epoch_predictions": "`StepSums.predictions`, the predictions computed in the forward pass",
    "sparse_rows": "sparse X that is never converted to one dense array",
}
REMEDY: dict[Capability, str] = {
    "custom_networks": "set builder='dense'",
    "losses_without_delta": "write a `delta` for the loss",
    "branching_solvers": "use xp.where instead of `if`",
    "gradients": "choose a solver with steps, such as 'adam'",
    "sparse_rows": "pass X.toarray()",
}


def unsupported(backend: str, capability: Capability, component: str, others: str = "") -> str:
    """The message about a backend that does not support what a component requires.

    Parameters
    ----------
    backend : str
        The backend as the message mentions it.
    capability : str
        One of `CAPABILITIES`.
    component : str
        What requires the capability.
    others : str, default=""
        Sentences about alternatives.

    Returns
    -------
    str

    Examples
    --------
    >>> unsupported("backend='mine'", "joint_solvers", "solver 'lion'")[:47]
    "backend='mine' does not support 'joint_solvers'"
    """
    return (
        f"{backend} does not support {capability!r} ({MEANING[capability]}), which {component}"
        f" requires. {others}".rstrip()
    )
