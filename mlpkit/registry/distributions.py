"""The distributions of mlpkit and of its plugins, and how to install them.

Error messages recommend only these plugins. None of the distributions is on a package index yet:
`install_hint` is the only place that changes with the first release.
"""

from importlib.metadata import PackageNotFoundError, metadata, version
from typing import NamedTuple

from mlpkit.plugin import Kind

CORE = "mlpkit"  # the distribution whose component names take precedence
TABLES = "mlpkit-tabular"  # the distribution whose estimators accept tables of any columns
TABLE_ESTIMATORS = {"classification": "TabularClassifier", "regression": "TabularRegressor"}
UNKNOWN = "unknown"  # a name or version without metadata


class Distribution(NamedTuple):
    """A distribution, its folder in the repository, and the names of its components by kind.

    ``collections`` are packages: the estimators of the distribution accept their collections of
    rows on a cluster.
    """

    name: str
    folder: str
    components: dict[Kind, tuple[str, ...]]
    collections: tuple[str, ...] = ()


_KERAS_SOLVERS = (
    *("nadam", "adamax", "lamb", "lion", "muon", "rmsprop", "adagrad", "adadelta"),
    *("adafactor", "ftrl"),
)
_OF_KERAS_ALONE = tuple(f"keras.{name}" for name in ("sgd", "adam", "adamw", *_KERAS_SOLVERS))
KNOWN_DISTRIBUTIONS = (
    Distribution("mlpkit-jax", "plugins/mlpkit-jax", {"backend": ("jax",)}),
    Distribution("mlpkit-numba", "plugins/mlpkit-numba", {"backend": ("numba",)}),
    Distribution("mlpkit-tensorflow", "plugins/mlpkit-tensorflow", {"backend": ("tensorflow",)}),
    Distribution("mlpkit-torch", "plugins/mlpkit-torch", {"backend": ("torch",)}),
    Distribution(
        "mlpkit-keras",
        "plugins/mlpkit-keras",
        {
            "backend": ("keras",),
            "builder": ("keras.mlp", "keras.residual", "keras.wide_and_deep"),
            "solver": (*_KERAS_SOLVERS, *_OF_KERAS_ALONE),
            "exporter": ("keras",),
        },
    ),
    Distribution(
        "mlpkit-partitions",
        "plugins/mlpkit-partitions",
        {
            "partitioner": (
                *("k_fold", "stratified_k_fold", "hashed", "calendar", "rolling", "clusters"),
                "error_tree",
            )
        },
    ),
    Distribution(
        "mlpkit-dask",
        "plugins/mlpkit-dask",
        {"communicator": ("xgboost", "dask", "gloo")},
        ("dask",),
    ),
    Distribution("mlpkit-onnx", "plugins/mlpkit-onnx", {"exporter": ("onnx",)}),
    Distribution(
        "mlpkit-loggers",
        "plugins/mlpkit-loggers",
        {"callback": ("mlflow", "tensorboard", "optuna")},
    ),
    Distribution(
        TABLES,
        "plugins/mlpkit-tabular",
        {
            "encoder": ("tabular",),
            "builder": ("tabm", "realmlp", "resnet"),
            "estimator": ("TabularClassifier", "TabularRegressor"),
        },
    ),
)


def own_version() -> str:
    """Return the version of mlpkit, or "unknown" if it is installed without metadata."""
    try:
        return version(CORE)
    except PackageNotFoundError:
        return UNKNOWN


def distribution_with(kind: Kind, name: str) -> str:
    """Return the known distribution that has a component, or "" if there is none.

    >>> distribution_with("partitioner", "k_fold")
    'mlpkit-partitions'
    """
    for distribution in KNOWN_DISTRIBUTIONS:
        if name in distribution.components.get(kind, ()) or name == distribution.name:
            return distribution.name
    return ""


def install_hint(distribution: str, options: str = "", version: str = "") -> str:
    """Return how to install a distribution, for messages.

    >>> install_hint("mlpkit-partitions")
    "pip install ./plugins/mlpkit-partitions, in a checkout of mlpkit's repository"
    >>> install_hint("mlpkit-loggers[mlflow]")
    "pip install './plugins/mlpkit-loggers[mlflow]', in a checkout of mlpkit's repository"
    >>> install_hint("acme-mlp", "--upgrade ")
    'pip install --upgrade acme-mlp'
    """
    name, bracket, extra = distribution.partition("[")
    if name == CORE:
        return f"pip install {options}'.{bracket}{extra}', in a checkout of mlpkit's repository"
    quote = "'" if bracket else ""  # a shell would expand the brackets
    for known in KNOWN_DISTRIBUTIONS:
        if known.name == name:
            path = f"{quote}./{known.folder}{bracket}{extra}{quote}"
            return f"pip install {options}{path}, in a checkout of mlpkit's repository"
    return f"pip install {options}{quote}{distribution}{f'=={version}' if version else ''}{quote}"


def with_extra(distribution: str, extra: str) -> str:
    """Return ``distribution[extra]`` if the installed distribution has this extra.

    >>> with_extra("mlpkit", "testing"), with_extra("mlpkit", "kitchen")
    ('mlpkit[testing]', 'mlpkit')
    """
    try:
        extras = metadata(distribution).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return distribution
    return f"{distribution}[{extra}]" if extra in extras else distribution
