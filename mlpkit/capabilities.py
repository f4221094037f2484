"""What a backend may declare that it supports: the names, and what each of them means.

A part of `mlpkit.plugin`. Elementwise solvers, every loss with a `delta`, dense X and every
schedule are supported by every backend; what goes beyond has a name here.
"""

from typing import Literal, get_args

Capability = Literal[
    "dense_networks",
    "custom_networks",
    "losses_without_delta",
    "joint_solvers",
    "branching_solvers",
    "gradients",
    "watched_epochs",
    "sparse_rows",
]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
MEANING: dict[Capability, str] = {
    "dense_networks": "the dense network of `Spec`, which builder='dense' makes",
    "custom_networks": "a network with an `apply` in the backend's own arrays",
    "losses_without_delta": "differentiating a loss that has no `delta`",
    "joint_solvers": "a solver that steps over all weights at once (`Joint`)",
    "branching_solvers": "a solver that branches in Python on its learning rate or its arrays",
    "gradients": "`Steps.gradient` and `Steps.update`, which solvers without steps need",
    "watched_epochs": "`Sums.predictions`, the predictions computed in the forward pass",
    "sparse_rows": "sparse X that is never made dense as a whole",
}
REMEDY: dict[Capability, str] = {
    "custom_networks": "set builder='dense'",
    "losses_without_delta": "write a `delta` for the loss",
    "branching_solvers": "write xp.where instead of `if`",
    "gradients": "choose a solver with steps, such as 'adam'",
    "sparse_rows": "give X.toarray()",
}


def unsupported(backend: str, capability: Capability, asks: str, others: str = "") -> str:
    """The message about a backend that does not support what was asked for.

    >>> unsupported("backend='mine'", "joint_solvers", "solver 'lion'")[:47]
    "backend='mine' does not support 'joint_solvers'"
    """
    return (
        f"{backend} does not support {capability!r} ({MEANING[capability]}), which {asks} needs."
        f" {others}".rstrip()
    )
