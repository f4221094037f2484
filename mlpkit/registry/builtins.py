"""The components of the core, which are registered by the same hooks as those of plugins."""

from mlpkit.plugin import Component, hookimpl


@hookimpl
def mlpkit_backends() -> list[Component]:
    return [
        Component(
            "numpy",
            "mlpkit.numpy_backend.steps:backend",
            "NumPy on the CPU, the reference",
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
        Component("lbfgs", "mlpkit.objectives.solvers:lbfgs", "SciPy's L-BFGS-B on all rows"),
    ]


@hookimpl
def mlpkit_trainers() -> list[Component]:
    return [
        Component("epochs", "mlpkit.training.loop:train", "epochs of mini-batches"),
        Component(
            "lbfgs",
            "mlpkit.training.lbfgs:train",
            "iterations of SciPy's L-BFGS-B",
            exempt={
                "test_a_returned_float_sets_the_learning_rate": "its line search finds the rate",
                "test_passes_is_an_exact_number_of_epochs": "its solver has no partial_fit",
                "test_two_calls_equal_one_call": "its solver has no partial_fit",
            },
        ),
    ]


@hookimpl
def mlpkit_callbacks() -> list[Component]:
    module = "mlpkit.training.progress"
    bar = "a progress bar; without a terminal at most one line per second"
    return [
        Component("print", f"{module}:printer", "a line per epoch"),
        Component("progress", f"{module}:progress", bar, options=("max_iter",)),
    ]


@hookimpl
def mlpkit_metrics() -> list[Component]:
    def component(module: str, name: str, summary: str, *options: str) -> Component:
        return Component(name, f"mlpkit.metrics.{module}:{name}", summary, options=options)

    pos = "pos_label"
    names = {"precision": "precision", "recall": "recall", "f1": "F1 score"}
    averages = {
        "macro": "mean {} of the classes",
        "micro": "{} of all classes together",
        "weighted": "mean {} of the classes, weighted by their size",
    }
    labels, chances, values = "classification", "probabilities", "regression"
    return [
        component(labels, "accuracy", "fraction of correct predictions"),
        component(labels, "balanced_accuracy", "mean recall of the classes"),
        component(labels, "hamming_loss", "fraction of wrong labels"),
        *(component(labels, name, f"{text} of one class", pos) for name, text in names.items()),
        *(
            component(labels, f"{name}_{average}", template.format(text))
            for name, text in names.items()
            for average, template in averages.items()
        ),
        component(
            labels, "selection_rate", "fraction of the rows that are predicted positive", pos
        ),
        component(
            labels,
            "true_positive_rate",
            "fraction of the positives that are predicted positive",
            pos,
        ),
        component(
            labels,
            "false_positive_rate",
            "fraction of the negatives that are predicted positive",
            pos,
        ),
        component(
            labels,
            "true_negative_rate",
            "fraction of the negatives that are predicted negative",
            pos,
        ),
        component(
            labels,
            "false_negative_rate",
            "fraction of the positives that are predicted negative",
            pos,
        ),
        component(labels, "true_positives", "number or weight of the true positives", pos),
        component(labels, "false_positives", "number or weight of the false positives", pos),
        component(labels, "true_negatives", "number or weight of the true negatives", pos),
        component(labels, "false_negatives", "number or weight of the false negatives", pos),
        component(
            chances, "log_loss", "mean negative logarithm of the probability of the true class"
        ),
        component(chances, "brier_score", "mean squared error of the probabilities"),
        component(
            chances,
            "expected_calibration_error",
            "mean difference between confidence and accuracy in bins",
            "bins",
        ),
        component(chances, "roc_auc", "area under the ROC curve"),
        component(chances, "roc_auc_histogram", "roc_auc, approximated by histograms", "bins"),
        component(chances, "average_precision", "summary of the precision-recall curve"),
        component(
            chances,
            "average_precision_histogram",
            "average_precision, approximated by histograms",
            "bins",
        ),
        component(values, "r2", "coefficient of determination"),
        component(values, "explained_variance", "fraction of the variance that is explained"),
        component(values, "mse", "mean squared error"),
        component(values, "rmse", "root mean squared error"),
        component(values, "mae", "mean absolute error"),
        component(values, "median_absolute_error", "median of the absolute errors"),
        component(
            values, "median_absolute_error_histogram", "median_absolute_error within 1.1 percent"
        ),
        component(values, "mean_bias", "mean of the prediction minus the true value"),
        component(values, "poisson_deviance", "mean Poisson deviance"),
        component(values, "pinball_loss", "mean pinball loss of a predicted quantile", "alpha"),
    ]


@hookimpl
def mlpkit_partitioners() -> list[Component]:
    def component(name: str, summary: str, *options: str) -> Component:
        return Component(
            name, f"mlpkit.partitions.partitioners:by_{name}", summary, options=options
        )

    return [
        component("column", "the values of a column", "column", "name", "max_groups"),
        component("labels", "the values of a column that is not in X", "labels", "name"),
        component("target", "the classes, or quantiles of real targets", "n", "name"),
        component("quantile", "quantiles of a numeric column", "column", "n", "name"),
        component("function", "labels or masks that a function of X returns", "function", "name"),
    ]
