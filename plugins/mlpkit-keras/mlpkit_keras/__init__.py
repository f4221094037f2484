"""Keras 3 in mlpkit. This module describes it and imports no Keras.

Named builders ``keras.mlp``, ``keras.residual`` and ``keras.wide_and_deep``; any function
that returns a `keras.Model` as a builder; Keras optimizers as solvers; Keras callbacks;
``estimator.to_keras()`` and `from_keras`; `live_rows` for layers that look at a whole batch.
"""

from typing import Any

from mlpkit.plugin import Component, hookimpl

mlpkit_api = (1, 1)  # the versions of the contract that it was made for

_REQUIRES = ("keras",)
_COMMON = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
_MOMENTS = ("beta_1", "beta_2", "epsilon")
# what each Keras optimizer takes beside _COMMON
_OPTIMIZERS = {
    "sgd": ("momentum", "nesterov"),
    "adam": (*_MOMENTS, "amsgrad"),
    "adamw": (*_MOMENTS, "amsgrad"),
    "nadam": _MOMENTS,
    "adamax": _MOMENTS,
    "lamb": _MOMENTS,
    "lion": ("beta_1", "beta_2"),
    "muon": ("momentum", "nesterov", "ns_steps", "adam_beta_1", "adam_beta_2", "adam_lr_ratio"),
    "rmsprop": ("rho", "momentum", "epsilon", "centered"),
    "adagrad": ("initial_accumulator_value", "epsilon"),
    "adadelta": ("rho", "epsilon"),
    "adafactor": ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step"),
    "ftrl": (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    ),
}
_OWN = ("sgd", "adam", "adamw")  # of mlpkit itself; Keras's are keras.sgd, keras.adam, keras.adamw
_LAYERS = (
    "units",
    "activation",
    "dropout",
    "normalization",
    "kernel_initializer",
    "kernel_regularizer",
)


@hookimpl
def mlpkit_builders() -> list[Component]:
    """The named builders."""

    def component(name: str, summary: str, *more: str) -> Component:
        factory = f"mlpkit_keras.builders:{name}"
        return Component(f"keras.{name}", factory, summary, _REQUIRES, _LAYERS + more)

    return [
        component("mlp", "Keras: dense layers with dropout and normalisation"),
        component("residual", "Keras: blocks with skip connections", "blocks"),
        component("wide_and_deep", "Keras: a linear path beside the deep one"),
    ]


@hookimpl
def mlpkit_solvers() -> list[Component]:
    """Keras's optimizers, under their names and as ``keras.<name>``."""
    return [
        Component(
            prefix + name,
            f"mlpkit_keras.optimizers:{name}",
            f"Keras: {name}",
            _REQUIRES,
            (*own, *_COMMON, "backend"),
        )
        for name, own in _OPTIMIZERS.items()
        for prefix in ("", "keras.")
        if prefix or name not in _OWN
    ]


@hookimpl
def mlpkit_backends() -> list[Component]:
    """Steps by ``train_on_batch``, for models that train themselves."""
    summary = "Keras's own train_on_batch, for a model with a train_step of its own"
    device = "mlpkit_keras.runtime:device"
    return [
        Component(
            "keras",
            "mlpkit_keras.steps:backend",
            summary,
            _REQUIRES,
            device=device,
            # of Keras's own only, which it checks itself
            supports=(
                "custom_networks",
                "losses_without_delta",
                "joint_solvers",
                "branching_solvers",
                "sparse_rows",
            ),
        )
    ]


@hookimpl
def mlpkit_adapters() -> list[Component]:
    """Models, optimizers, losses and callbacks, given as they are."""
    return [Component("keras", "mlpkit_keras.adapters:adapt", "objects of Keras", _REQUIRES)]


@hookimpl
def mlpkit_exporters() -> list[Component]:
    """``estimator.to_keras()``."""
    return [Component("keras", "mlpkit_keras.models:to_keras", "a live keras.Model", _REQUIRES)]


def __getattr__(name: str) -> Any:
    if name == "from_keras":
        from mlpkit_keras.models import from_keras

        return from_keras
    if name == "live_rows":
        from mlpkit_keras.padding import live_rows

        return live_rows
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
