"""Keras 3 in mlpkit. This module describes the plugin and does not import Keras.

The plugin contains the builders ``keras.mlp``, ``keras.residual`` and ``keras.wide_and_deep``, and
adapters, so that a function that returns a `keras.Model` is a builder and that optimizers, losses,
metrics and callbacks of Keras are accepted. ``estimator.to_keras()`` and `from_keras` convert
trained models. `live_rows` is for layers that compute statistics of a batch.
"""

from typing import TYPE_CHECKING, Any

from mlpkit.plugin import Component, hookimpl

if TYPE_CHECKING:
    from mlpkit_keras.conversion import from_keras
    from mlpkit_keras.padding import live_rows

__all__ = ["from_keras", "live_rows"]

mlpkit_api = (1, 1)  # the supported versions of the plugin contract

_REQUIRES = ("keras",)
_COMMON = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
_MOMENTS = ("beta_1", "beta_2", "epsilon")
# options of each optimizer in addition to _COMMON
OPTIMIZERS = {
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
SHARED_SOLVER_NAMES = ("sgd", "adam", "adamw")  # also solvers of mlpkit
_LAYER_OPTIONS = (
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
        return Component(f"keras.{name}", factory, summary, _REQUIRES, _LAYER_OPTIONS + more)

    return [
        component("mlp", "Keras: dense layers with dropout and normalization"),
        component("residual", "Keras: residual blocks", "blocks"),
        component("wide_and_deep", "Keras: a linear model combined with dense layers"),
    ]


@hookimpl
def mlpkit_solvers() -> list[Component]:
    """Optimizers of Keras, under their own names and as ``keras.<name>``."""
    return [
        Component(
            prefix + name,
            f"mlpkit_keras.optimizers:{name}",
            f"Keras: {name}",
            _REQUIRES,
            (*options, *_COMMON, "backend"),
        )
        for name, options in OPTIMIZERS.items()
        for prefix in ("", "keras.")
        if prefix or name not in SHARED_SOLVER_NAMES
    ]


@hookimpl
def mlpkit_backends() -> list[Component]:
    """Training by ``train_on_batch``, for models with their own ``train_step``."""
    summary = "train_on_batch of Keras, for models with their own train_step"
    device = "mlpkit_keras.runtime:device"
    return [
        Component(
            "keras",
            "mlpkit_keras.steps:backend",
            summary,
            _REQUIRES,
            device=device,
            # with losses and solvers of Keras; the backend rejects others
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
    """The adapter for objects of Keras, and that for the models of this plugin in files."""
    return [
        Component("keras", "mlpkit_keras.adapters:adapt", "objects of Keras", _REQUIRES),
        Component(
            "mlpkit_keras", "mlpkit_keras.stored_models:adapt", "Keras models in files", _REQUIRES
        ),
    ]


@hookimpl
def mlpkit_exporters() -> list[Component]:
    """The method ``estimator.to_keras()``."""
    factory = "mlpkit_keras.conversion:to_keras"
    return [Component("keras", factory, "a keras.Model", _REQUIRES, ("without_encoder",))]


def __getattr__(name: str) -> Any:
    if name == "from_keras":
        from mlpkit_keras.conversion import from_keras

        return from_keras
    if name == "live_rows":
        from mlpkit_keras.padding import live_rows

        return live_rows
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
