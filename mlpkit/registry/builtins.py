"""Components of the core, registered through the same hooks as those of plugins."""

from mlpkit.plugin import Component, hookimpl
from mlpkit.registry.builtin_metrics import METRICS


@hookimpl
def mlpkit_backends() -> list[Component]:
    return [
        Component(
            "numpy",
            "mlpkit.numpy_backend.steps:backend",
            "NumPy on the CPU, the reference implementation",
            supports=(
                "dense_networks",
                "joint_solvers",
                "branching_solvers",
                "gradients",
                "epoch_predictions",
                "sparse_rows",
            ),
            device="mlpkit.numpy_backend.blas_kernels:device",
        )
    ]


@hookimpl
def mlpkit_builders() -> list[Component]:
    return [
        Component(
            "dense",
            "mlpkit.numpy_backend.dense:build",
            "fully connected layers",
        )
    ]


@hookimpl
def mlpkit_solvers() -> list[Component]:
    moments = ("beta_1", "beta_2", "epsilon")
    momentum = ("momentum", "nesterovs_momentum")
    return [
        Component(
            "adam",
            "mlpkit.objectives.solvers:adam",
            "stochastic optimizer with adaptive moments",
            options=moments,
        ),
        Component(
            "adamw",
            "mlpkit.objectives.solvers:adamw",
            "Adam with decoupled weight decay",
            options=(*moments, "weight_decay"),
        ),
        Component(
            "sgd",
            "mlpkit.objectives.solvers:sgd",
            "stochastic gradient descent with momentum",
            options=momentum,
        ),
        Component("lbfgs", "mlpkit.objectives.solvers:lbfgs", "full-batch L-BFGS-B of SciPy"),
    ]


@hookimpl
def mlpkit_trainers() -> list[Component]:
    return [
        Component("epochs", "mlpkit.training.loop:train", "mini-batch training in epochs"),
        Component(
            "cycles",
            "mlpkit.training.cycles:cycles",
            "mini-batch training in cycles of the learning rate",
            exempt={
                "test_a_returned_float_sets_the_learning_rate": "a schedule multiplies it",
            },
        ),
        Component(
            "lbfgs",
            "mlpkit.training.lbfgs:train",
            "full-batch training with SciPy's L-BFGS-B",
            exempt={
                "test_a_returned_float_sets_the_learning_rate": "a line search sets the step",
                "test_passes_is_an_exact_number_of_epochs": "L-BFGS-B does not support partial_fit",
                "test_two_calls_equal_one_call": "L-BFGS-B does not support partial_fit",
            },
        ),
    ]


@hookimpl
def mlpkit_callbacks() -> list[Component]:
    module = "mlpkit.training.progress"
    bar = "progress bar; outside a terminal, at most one line per second"
    return [
        Component("print", f"{module}:printer", "one printed line per epoch"),
        Component("progress", f"{module}:progress", bar, options=("max_iter",)),
    ]


@hookimpl
def mlpkit_metrics() -> list[Component]:
    return [
        Component(name, f"mlpkit.metrics.{module}:{name}", summary, options=options)
        for module, metrics in METRICS.items()
        for name, summary, options in metrics
    ]


@hookimpl
def mlpkit_estimators() -> list[Component]:
    return [
        Component(
            "MLPClassifier", "mlpkit.estimators.classifier:MLPClassifier", "classifier of numbers"
        ),
        Component(
            "MLPRegressor", "mlpkit.estimators.regressor:MLPRegressor", "regressor of numbers"
        ),
    ]


@hookimpl
def mlpkit_partitioners() -> list[Component]:
    def component(name: str, summary: str, *options: str) -> Component:
        return Component(
            name, f"mlpkit.partitions.partitioners:by_{name}", summary, options=options
        )

    return [
        component("column", "values of a column", "column", "name", "max_groups"),
        component("labels", "values of a column that is not in X", "labels", "name"),
        component("target", "classes, or quantiles of real targets", "n", "name"),
        component("quantile", "quantiles of a numeric column", "column", "n", "name"),
        component("function", "labels or masks returned by a function of X", "function", "name"),
    ]


@hookimpl
def mlpkit_encoders() -> list[Component]:
    return [
        Component(
            "standard",
            "mlpkit.encoders.standard:StandardEncoder",
            "numeric columns with mean 0 and standard deviation 1",
        )
    ]
