"""Components of the core, registered through the same hooks as those of plugins."""

from mlpkit.plugin import Component, hookimpl


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
    def component(module: str, name: str, summary: str, *options: str) -> Component:
        return Component(name, f"mlpkit.metrics.{module}:{name}", summary, options=options)

    pos = "pos_label"
    names = {"precision": "precision", "recall": "recall", "f1": "F1 score"}
    averages = {
        "macro": "mean {} over the classes",
        "micro": "{} from the total counts of all classes",
        "weighted": "mean {} over the classes, weighted by class size",
    }
    classes, probabilities, regression = "classification", "probabilities", "regression"
    return [
        component(classes, "accuracy", "fraction of correct predictions"),
        component(classes, "balanced_accuracy", "mean recall over the classes"),
        component(classes, "hamming_loss", "fraction of wrong labels"),
        *(component(classes, name, f"{text} of one class", pos) for name, text in names.items()),
        *(
            component(classes, f"{name}_{average}", template.format(text))
            for name, text in names.items()
            for average, template in averages.items()
        ),
        component(classes, "selection_rate", "fraction of the rows predicted as positive", pos),
        component(
            classes,
            "true_positive_rate",
            "fraction of the positives predicted as positive",
            pos,
        ),
        component(
            classes,
            "false_positive_rate",
            "fraction of the negatives predicted as positive",
            pos,
        ),
        component(
            classes,
            "true_negative_rate",
            "fraction of the negatives predicted as negative",
            pos,
        ),
        component(
            classes,
            "false_negative_rate",
            "fraction of the positives predicted as negative",
            pos,
        ),
        component(classes, "true_positives", "count or total weight of the true positives", pos),
        component(classes, "false_positives", "count or total weight of the false positives", pos),
        component(classes, "true_negatives", "count or total weight of the true negatives", pos),
        component(classes, "false_negatives", "count or total weight of the false negatives", pos),
        component(probabilities, "log_loss", "mean negative log-probability of the true class"),
        component(probabilities, "brier_score", "mean squared error of the probabilities"),
        component(
            probabilities,
            "expected_calibration_error",
            "mean absolute difference between confidence and accuracy over bins",
            "bins",
        ),
        component(probabilities, "roc_auc", "area under the ROC curve"),
        component(
            probabilities, "roc_auc_histogram", "approximation of roc_auc by histograms", "bins"
        ),
        component(probabilities, "average_precision", "summary of the precision-recall curve"),
        component(
            probabilities,
            "average_precision_histogram",
            "approximation of average_precision by histograms",
            "bins",
        ),
        component(regression, "r2", "coefficient of determination"),
        component(regression, "explained_variance", "fraction of explained variance"),
        component(regression, "mse", "mean squared error"),
        component(regression, "rmse", "root mean squared error"),
        component(regression, "mae", "mean absolute error"),
        component(regression, "median_absolute_error", "median absolute error"),
        component(
            regression,
            "median_absolute_error_histogram",
            "median_absolute_error, approximated within 1.1 percent",
        ),
        component(regression, "mean_bias", "mean difference of prediction and target"),
        component(regression, "poisson_deviance", "mean Poisson deviance"),
        component(regression, "pinball_loss", "pinball loss of a predicted quantile", "alpha"),
        component(
            "prediction_intervals",
            "interval_coverage",
            "fraction of the targets in their predicted intervals",
        ),
        component(
            "prediction_intervals", "interval_width", "mean width of the predicted intervals"
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
