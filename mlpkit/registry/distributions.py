"""The distributions of plugins that exist, what they bring, and names that others use.

Messages recommend nothing else for installation. No distribution is on a package index yet:
with the first release `install_line` changes, and nothing else.
"""

import re
from typing import NamedTuple


class Known(NamedTuple):
    """A distribution, its folder in the repository, and what it brings, by kind."""

    distribution: str
    folder: str
    brings: dict[str, tuple[str, ...]]


_KERAS_SOLVERS = (
    *("nadam", "adamax", "lamb", "lion", "muon", "rmsprop", "adagrad", "adadelta"),
    *("adafactor", "ftrl"),
)
_OF_KERAS_ALONE = tuple(f"keras.{name}" for name in ("sgd", "adam", "adamw", *_KERAS_SOLVERS))
KNOWN = (
    Known("mlpkit-jax", "plugins/mlpkit-jax", {"backend": ("jax",)}),
    Known("mlpkit-tensorflow", "plugins/mlpkit-tensorflow", {"backend": ("tensorflow",)}),
    Known("mlpkit-torch", "plugins/mlpkit-torch", {"backend": ("torch",)}),
    Known(
        "mlpkit-keras",
        "plugins/mlpkit-keras",
        {
            "backend": ("keras",),
            "builder": ("keras.mlp", "keras.residual", "keras.wide_and_deep"),
            "solver": (*_KERAS_SOLVERS, *_OF_KERAS_ALONE),
            "exporter": ("keras",),
        },
    ),
    Known(
        "mlpkit-partitions",
        "plugins/mlpkit-partitions",
        {
            "partitioner": (
                *("k_fold", "stratified_k_fold", "hashed", "calendar", "rolling", "clusters"),
                "error_tree",
            )
        },
    ),
)

# other spellings of a name, by kind: those of scikit-learn's functions and scorers, of Keras,
# and of the libraries themselves
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
# parts that scikit-learn puts around a metric's name and mlpkit does not
_PREFIXES, _SUFFIXES = ("neg_",), ("_score", "_loss", "_metric")


def spelled(kind: str, name: str, names: list[str]) -> str:
    """The one of the names that another spelling means; empty if none is known.

    >>> spelled("metric", "neg_mean_squared_error", ["mse"]), spelled("metric", "f1_score", ["f1"])
    ('mse', 'f1')
    """
    aliases = ALIASES.get(kind, {})
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace(" ", "_")
    for prefix in _PREFIXES if kind == "metric" else ():
        plain = plain.removeprefix(prefix)
    forms = [plain, plain.replace("-", "_")]
    if kind == "metric":
        forms += [form.removesuffix(suffix) for form in tuple(forms) for suffix in _SUFFIXES]
    meant = [aliases.get(form, form) for form in forms]
    return next((m for m in meant if m in names and m != name), "")


def bringing(kind: str, name: str) -> str:
    """The distribution that brings a component; empty if none is known to.

    >>> bringing("partitioner", "k_fold")
    'mlpkit-partitions'
    """
    for known in KNOWN:
        if name in known.brings.get(kind, ()) or name == known.distribution:
            return known.distribution
    return ""


def install_line(distribution: str, options: str = "", version: str = "") -> str:
    """What to type to install a distribution: one of `KNOWN`, or one that is there already.

    >>> install_line("mlpkit-partitions")
    "pip install ./plugins/mlpkit-partitions, in a checkout of mlpkit's repository"
    >>> install_line("acme-mlp", "--upgrade ")
    'pip install --upgrade acme-mlp'
    """
    name, bracket, extra = distribution.partition("[")
    if name == "mlpkit":
        return f"pip install {options}'.{bracket}{extra}', in a checkout of mlpkit's repository"
    for known in KNOWN:
        if known.distribution == distribution:
            return f"pip install {options}./{known.folder}, in a checkout of mlpkit's repository"
    return f"pip install {options}{distribution}{f'=={version}' if version else ''}"
