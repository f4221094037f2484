"""Other spellings of the names of components, for suggestions in error messages.

The spellings are those of scikit-learn's functions and scorers, of Keras, and of the frameworks.
"""

import re
from collections.abc import Collection

ALIASES: dict[str, dict[str, str]] = {
    "backend": {
        **dict.fromkeys(("pytorch", "mlpkit-torch"), "torch"),
        **dict.fromkeys(("tf", "tf2", "tensor_flow"), "tensorflow"),
        **dict.fromkeys(("np", "cpu", "sklearn", "scikit-learn"), "numpy"),
        "xla": "jax",
    },
    "solver": {
        **dict.fromkeys(("l-bfgs", "l-bfgs-b", "lbfgsb", "bfgs"), "lbfgs"),
        **dict.fromkeys(("momentum", "nesterov", "gd"), "sgd"),
    },
    "loss": {
        **dict.fromkeys(("mse", "mean_squared_error", "l2", "l2_loss", "rmse"), "squared_error"),
        **dict.fromkeys(("mae", "mean_absolute_error", "l1", "l1_loss"), "absolute_error"),
        **dict.fromkeys(("smooth_l1", "smooth_l1_loss", "huber_loss"), "huber"),
        **dict.fromkeys(("pinball", "pinball_loss", "quantile_loss"), "quantile"),
        **dict.fromkeys(("poisson_nll", "poisson_deviance", "mean_poisson_deviance"), "poisson"),
        **dict.fromkeys(("cross_entropy", "crossentropy", "nll", "logloss"), "log_loss"),
        **dict.fromkeys(("binary_crossentropy", "categorical_crossentropy", "bce"), "log_loss"),
    },
    "metric": {
        **dict.fromkeys(("acc", "binary_accuracy", "categorical_accuracy"), "accuracy"),
        **dict.fromkeys(("sparse_categorical_accuracy", "subset_accuracy"), "accuracy"),
        **dict.fromkeys(("zero_one_loss", "error_rate"), "hamming_loss"),
        **dict.fromkeys(("bal_acc", "balanced_acc"), "balanced_accuracy"),
        **dict.fromkeys(("auc", "auroc", "rocauc", "roc-auc"), "roc_auc"),
        **dict.fromkeys(("roc_auc_ovr", "roc_auc_ovo", "roc_auc_ovr_weighted"), "roc_auc"),
        **dict.fromkeys(("ap", "auprc", "pr_auc", "prauc"), "average_precision"),
        **dict.fromkeys(("logloss", "nll", "cross_entropy", "crossentropy"), "log_loss"),
        **dict.fromkeys(
            (
                "binary_crossentropy",
                "categorical_crossentropy",
                "sparse_categorical_crossentropy",
                "binary_cross_entropy",
            ),
            "log_loss",
        ),
        **dict.fromkeys(("brier", "brier_loss", "brier_score_loss"), "brier_score"),
        **dict.fromkeys(("ece", "calibration_error"), "expected_calibration_error"),
        **dict.fromkeys(("f-score", "fscore", "f1score", "f_1", "fbeta"), "f1"),
        **dict.fromkeys(("f1_samples",), "f1_macro"),
        **dict.fromkeys(("ppv", "prec"), "precision"),
        **dict.fromkeys(("sensitivity", "hit_rate"), "recall"),
        **dict.fromkeys(("tpr",), "true_positive_rate"),
        **dict.fromkeys(("fpr", "fall_out"), "false_positive_rate"),
        **dict.fromkeys(("tnr", "specificity"), "true_negative_rate"),
        **dict.fromkeys(("fnr", "miss_rate"), "false_negative_rate"),
        **dict.fromkeys(("tp",), "true_positives"),
        **dict.fromkeys(("fp",), "false_positives"),
        **dict.fromkeys(("tn",), "true_negatives"),
        **dict.fromkeys(("fn",), "false_negatives"),
        **dict.fromkeys(("mean_squared_error", "squared_error", "l2", "l2_loss"), "mse"),
        **dict.fromkeys(("root_mean_squared_error", "rms"), "rmse"),
        **dict.fromkeys(("mean_absolute_error", "absolute_error", "l1", "l1_loss"), "mae"),
        **dict.fromkeys(("medae", "median_ae"), "median_absolute_error"),
        **dict.fromkeys(("r_squared", "rsquared", "r^2", "r_2"), "r2"),
        **dict.fromkeys(("bias", "mean_error", "mbe"), "mean_bias"),
        **dict.fromkeys(("mean_poisson_deviance", "poisson"), "poisson_deviance"),
        **dict.fromkeys(("mean_pinball_loss", "quantile_loss", "pinball"), "pinball_loss"),
    },
}
# affixes of scikit-learn's and Keras's names of metrics
_PREFIX, _SUFFIXES = "neg_", ("_score", "_loss", "_metric")


def canonical_name(kind: str, spelling: str, names: Collection[str]) -> str:
    """Return the name that another spelling stands for, or "" if there is none among ``names``.

    >>> canonical_name("metric", "neg_mean_squared_error", ["mse"])
    'mse'
    >>> canonical_name("metric", "f1_score", ["f1"])
    'f1'
    """
    aliases = ALIASES.get(kind, {})
    snake_case = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", spelling).lower().replace(" ", "_")
    if kind == "metric":
        snake_case = snake_case.removeprefix(_PREFIX)
    candidates = [snake_case, snake_case.replace("-", "_")]
    if kind == "metric":
        candidates += [c.removesuffix(suffix) for c in tuple(candidates) for suffix in _SUFFIXES]
    known = [aliases.get(candidate, candidate) for candidate in candidates]
    return next((name for name in known if name in names and name != spelling), "")
