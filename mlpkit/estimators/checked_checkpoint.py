"""The checkpoint of a fit, compared with its parameters, its data, and what it starts from."""

from collections.abc import Mapping
from typing import Any

from mlpkit.distributed.groups import group_of
from mlpkit.monitoring.protocol import Monitor
from mlpkit.plugin import Dataset, Group
from mlpkit.registry.distributions import CORE
from mlpkit.registry.lookup import installed
from mlpkit.training.checkpoint import Checkpoint, NoCheckpoint
from mlpkit.training.components import backend_name
from mlpkit.training.descriptions import array_description, described, name_of
from mlpkit.training.parameters import Parameters

# they do not change the result; callbacks are compared by `EpochObserver.description`
NOT_COMPARED = ("verbose", "callbacks", "checkpoint", "checkpoint_every", "time_limit")
DISTRIBUTIONS = (CORE, "numpy", "scipy", "scikit-learn")  # whose versions may change results


def checked_checkpoint(
    estimator: Any,
    parameters: Parameters,
    data: Dataset,
    sets: Mapping[str, Dataset],
    fresh: bool,
) -> Checkpoint:
    """Return the checkpoint of a fit; raise ValueError if its file belongs to another fit.

    ``data`` and ``sets`` are encoded rows; ``fresh`` is whether training begins with new weights.
    """
    if parameters.checkpoint is None:
        return NoCheckpoint()
    checkpoint = checkpoint_of(parameters, group_of(data.X))
    values = {name: getattr(estimator, name) for name in estimator._parameter_names}
    names = getattr(estimator, "feature_names_in_", None)
    start = None if fresh else estimator
    checkpoint.check(
        "parameters", lambda: parameters_description(type(estimator), values, parameters)
    )
    checkpoint.check("data", lambda: data_description(data, sets, names))
    checkpoint.check("start", lambda: start_description(start))
    return checkpoint


def checkpoint_of(parameters: Parameters, group: Group) -> Checkpoint:
    """The checkpoint of a fit with these parameters by a group of processes."""
    from mlpkit.training.checkpoint_file import CheckpointFile  # imports safetensors

    distributions = [*DISTRIBUTIONS, *_distributions_of_backend(parameters)]
    path: Any = parameters.checkpoint
    return CheckpointFile(path, parameters.checkpoint_every, distributions, group)


def _distributions_of_backend(parameters: Parameters) -> list[str]:
    """The distribution of the backend and the modules that it requires."""
    backend = parameters.backend or backend_name(parameters)
    if not isinstance(backend, str):
        return []
    plugin, component = installed().find("backend", backend)
    return [] if plugin.distribution == CORE else [plugin.distribution, *component.requires]


def check_groups(checkpoint: Checkpoint, monitor: Monitor) -> None:
    """Raise ValueError if the groups of the rows differ from those of the saved fit."""
    checkpoint.check("groups", lambda: groups_description(monitor))


def parameters_description(
    cls: type, values: Mapping[str, Any], parameters: Parameters
) -> dict[str, Any]:
    """Describe the parameters of an estimator.

    ``values`` are those of all parameters of the class; ``parameters`` are the resolved ones.
    """
    described_values = {n: described(v) for n, v in values.items() if n not in NOT_COMPARED}
    backend = parameters.backend or backend_name(parameters)
    return {"the class": name_of(cls), **described_values, "backend": described(backend)}


def data_description(
    data: Dataset, sets: Mapping[str, Dataset], feature_names: Any
) -> dict[str, Any]:
    """Describe the encoded training rows and evaluation sets."""
    described_rows = _rows_description(data, "X", "y", "sample_weight")
    for name, rows in sets.items():
        if name == "validation":
            described_rows |= _rows_description(rows, "X_val", "y_val", "sample_weight_val")
        else:
            parts = (f"{part} of eval_sets[{name!r}]" for part in ("X", "y", "sample_weight"))
            described_rows |= _rows_description(rows, *parts)
    names = None if feature_names is None else list(map(str, feature_names))
    return {**described_rows, "feature_names_in_": names}


def _rows_description(rows: Dataset, *names: str) -> dict[str, Any]:
    arrays = zip(names, (rows.X, rows.y, rows.sample_weight), strict=True)
    return {name: None if a is None else array_description(a) for name, a in arrays}


def groups_description(monitor: Monitor) -> dict[str, Any]:
    """Describe the groups of the rows for which metrics are measured."""
    descriptions: dict[str, Any] = {}
    for split, groups in monitor.resumable.groups.items() if monitor.resumable else ():
        for name, of_rows in groups.items():
            key = f"the partition {name!r} of the {split} rows"
            descriptions[key] = array_description(of_rows.codes)
            descriptions[f"the groups of {key}"] = list(map(str, of_rows.names))
    return descriptions


def start_description(estimator: Any) -> dict[str, Any]:
    """Describe what training starts from: the weights of a fitted estimator; nothing if None."""
    if estimator is None:
        return {}
    state = vars(estimator)
    if "_network" in state:
        network = state["_network"]
        arrays = network.layers.arrays(network.spec.dtype) if network.is_edited else network.arrays
    else:
        coefs, intercepts = state["_preset_layers"]
        arrays = {f"coef_{i}": a for i, a in enumerate(coefs)}
        arrays |= {f"intercept_{i}": a for i, a in enumerate(intercepts)}
    progress = state.get("_progress")
    values = {} if progress is None else progress._asdict()
    return {
        **{f"the fitted array {name!r}": array_description(a) for name, a in arrays.items()},
        **{f"the fitted {name}": described(value) for name, value in values.items()},
    }
