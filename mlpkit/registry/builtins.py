"""What the core brings, through the same hooks as everybody else."""

from mlpkit.plugin import Component, hookimpl


@hookimpl
def mlpkit_backends() -> list[Component]:
    return [
        Component(
            "numpy",
            "mlpkit.numpy_backend.steps:backend",
            "NumPy on the CPU: the reference",
            supports=(
                "dense_networks",
                "joint_solvers",
                "branching_solvers",
                "gradients",
                "epoch_predictions",
                "sparse_rows",
            ),
            device="cpu",
        )
    ]


@hookimpl
def mlpkit_builders() -> list[Component]:
    return [
        Component(
            "dense",
            "mlpkit.numpy_backend.dense:build",
            "scikit-learn's chain of dense layers",
        )
    ]


@hookimpl
def mlpkit_solvers() -> list[Component]:
    moments = ("beta_1", "beta_2", "epsilon")
    momentum = ("momentum", "nesterovs_momentum")
    return [
        Component("adam", "mlpkit.objectives.solvers:adam", "adaptive moments", options=moments),
        Component(
            "adamw",
            "mlpkit.objectives.solvers:adamw",
            "Adam with decoupled weight decay",
            options=(*moments, "weight_decay"),
        ),
        Component(
            "sgd",
            "mlpkit.objectives.solvers:sgd",
            "gradient descent, momentum",
            options=momentum,
        ),
        Component("lbfgs", "mlpkit.objectives.solvers:lbfgs", "quasi-Newton over the whole data"),
    ]


@hookimpl
def mlpkit_trainers() -> list[Component]:
    return [
        Component("epochs", "mlpkit.training.loop:train", "minibatches, epoch by epoch"),
        Component(
            "lbfgs",
            "mlpkit.training.lbfgs:train",
            "SciPy's L-BFGS-B",
            exempt={
                "test_a_float_is_the_rate_from_there": "its line search finds the rate",
                "test_passes_are_kept": "its solver has no partial_fit",
                "test_two_calls_equal_one": "its solver has no partial_fit",
            },
        ),
    ]


@hookimpl
def mlpkit_callbacks() -> list[Component]:
    module = "mlpkit.training.progress"
    bar = "a progress bar; without a terminal at most one line a second"
    return [
        Component("print", f"{module}:printer", "a line an epoch"),
        Component("progress", f"{module}:progress", bar, options=("max_iter",)),
    ]


@hookimpl
def mlpkit_metrics() -> list[Component]:
    def component(module: str, name: str, summary: str, *options: str) -> Component:
        return Component(name, f"mlpkit.metrics.{module}:{name}", summary, options=options)

    pos = "pos_label"
    parts = {"precision": "right among predicted", "recall": "found", "f1": "harmonic mean of both"}
    averages = {"macro": "mean over classes", "micro": "all together", "weighted": "by class size"}
    labels, chances, values = "classification", "probabilities", "regression"
    return [
        component(labels, "accuracy", "fraction of right predictions"),
        component(labels, "balanced_accuracy", "mean recall of the classes"),
        component(labels, "hamming_loss", "fraction of wrong labels"),
        *(component(labels, name, f"{text}, of one class", pos) for name, text in parts.items()),
        *(
            component(labels, f"{name}_{average}", f"{text}, {how}")
            for name, text in parts.items()
            for average, how in averages.items()
        ),
        component(labels, "selection_rate", "fraction predicted positive", pos),
        component(labels, "true_positive_rate", "of the positives, predicted positive", pos),
        component(labels, "false_positive_rate", "of the negatives, predicted positive", pos),
        component(labels, "true_negative_rate", "of the negatives, predicted negative", pos),
        component(labels, "false_negative_rate", "of the positives, predicted negative", pos),
        component(labels, "true_positives", "summed weight", pos),
        component(labels, "false_positives", "summed weight", pos),
        component(labels, "true_negatives", "summed weight", pos),
        component(labels, "false_negatives", "summed weight", pos),
        component(chances, "log_loss", "mean surprise at the true class"),
        component(chances, "brier_score", "mean squared error of probabilities"),
        component(chances, "expected_calibration_error", "gap of confidence and accuracy", "bins"),
        component(chances, "roc_auc", "area under the ROC curve, exact"),
        component(chances, "roc_auc_histogram", "the same from a histogram", "bins"),
        component(chances, "average_precision", "area under precision and recall, exact"),
        component(chances, "average_precision_histogram", "the same from a histogram", "bins"),
        component(values, "r2", "coefficient of determination"),
        component(values, "explained_variance", "1 - variance left / variance"),
        component(values, "mse", "mean squared error"),
        component(values, "rmse", "root mean squared error"),
        component(values, "mae", "mean absolute error"),
        component(values, "median_absolute_error", "exact, from kept errors"),
        component(values, "median_absolute_error_histogram", "within 1.1 percent"),
        component(values, "mean_bias", "mean of prediction minus truth"),
        component(values, "poisson_deviance", "mean Poisson deviance"),
        component(values, "pinball_loss", "mean loss of a predicted quantile", "alpha"),
    ]


@hookimpl
def mlpkit_partitioners() -> list[Component]:
    def component(name: str, summary: str, *options: str) -> Component:
        return Component(
            name, f"mlpkit.partitions.partitioners:by_{name}", summary, options=options
        )

    return [
        component("column", "values of a column", "column", "name", "max_groups"),
        component("labels", "values of an array that is not in X", "labels", "name"),
        component("target", "classes; quantiles of real targets", "n", "name"),
        component("quantile", "equal parts of a column of numbers", "column", "n", "name"),
        component("function", "labels or masks by a function of X", "function", "name"),
    ]
