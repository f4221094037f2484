"""The fit of an estimator on a cluster, from the rows of the user to the fitted estimator."""

import os
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from distributed import Client

from mlpkit.distributed import communicator_of
from mlpkit.plugin import Dataset, GroupError, Kind
from mlpkit.registry import distribution_of
from mlpkit_dask.cluster_inputs import TRAIN
from mlpkit_dask.fitting.attempt import Settings
from mlpkit_dask.fitting.choices import communicator_name
from mlpkit_dask.fitting.fits import ClusterFit, Options, only_fit
from mlpkit_dask.fitting.layouts import Layout, layout_of, workers_with_rows
from mlpkit_dask.fitting.statistics import FitStatistics
from mlpkit_dask.fitting.versions import check_versions
from mlpkit_dask.fitting.workers import present_workers
from mlpkit_dask.rows.placement import placed

# of components whose versions are compared
KINDS: tuple[Kind, ...] = ("backend", "builder", "encoder", "solver")


def fitted_on_cluster(
    client: Client, estimator: Any, sets: Mapping[str, Dataset]
) -> tuple[Any, FitStatistics]:
    """Fit a plain estimator with the parameters of a `ClusterEstimator`, and return it."""
    options = _options(client, estimator)
    local = estimator.to_local() if estimator.warm_start else _unfitted(estimator)
    local.batch_size = _accumulated(local.batch_size, estimator.accumulate)
    generator = local.random_state
    if generator is None:
        local.random_state = np.random.RandomState()
        local.random_state.set_state(np.random.get_state())
    with client.as_current(), only_fit(client):
        workers = present_workers(client)
        if not workers:
            raise RuntimeError("The cluster has no workers. Start some, or scale the cluster.")
        check_versions(client, workers, _distributions(local))
        layout = _placed(client, sets, estimator.retries)
        trained, statistics = ClusterFit(client, local, layout, options).run()
    if trained.random_state is not None:
        (np.random if generator is None else generator).set_state(trained.random_state)
    return trained.estimator, statistics


def _options(client: Client, estimator: Any) -> Options:
    name = communicator_name(client, estimator.communicator, estimator.backend)
    given = estimator.communicator
    communicator = communicator_of(name if isinstance(given, str) else given)
    path = estimator.checkpoint
    checkpoint = None if path is None else os.path.abspath(path)
    if checkpoint is not None and not os.path.isdir(os.path.dirname(checkpoint)):
        raise ValueError(
            f"checkpoint={str(path)!r} is in a folder that does not exist. Create the folder"
            f" {os.path.dirname(checkpoint)!r}, or set another path."
        )
    settings = Settings(communicator, float(estimator.timeout))
    return Options(settings, name, estimator.retries, checkpoint)


def _accumulated(batch_size: Any, accumulate: int) -> Any:
    """The number of rows of an update: gradients are sums over rows, so those of batches add up."""
    if accumulate == 1:
        return batch_size
    if not isinstance(batch_size, Integral):
        raise ValueError(
            f"accumulate={accumulate} requires batch_size to be an integer, got {batch_size!r}."
            " Pass for example batch_size=256."
        )
    return accumulate * batch_size


def _unfitted(estimator: Any) -> Any:
    local = estimator.to_local()
    return type(local)(**local.get_params(deep=False))


def _distributions(local: Any) -> list[str]:
    """The distributions of the class of an estimator, and of its components."""
    values = {kind: getattr(local, kind, None) for kind in KINDS}
    values["backend"] = values["backend"] or os.environ.get("MLPKIT_BACKEND") or None
    distributions = [distribution_of(kind, v) for kind, v in values.items() if isinstance(v, str)]
    package = type(local).__module__.partition(".")[0]
    return [*distributions, *([package.replace("_", "-")] if package.startswith("mlpkit_") else [])]


def _placed(client: Client, sets: Mapping[str, Dataset], retries: int) -> Layout:
    """The rows of all sets on the workers that have training rows."""
    for i in range(retries + 1):
        try:
            train = placed(client, *sets[TRAIN][:4], workers=present_workers(client))
            workers = workers_with_rows(train)
            others = {
                name: placed(client, *rows[:4], workers=workers)
                for name, rows in sets.items()
                if name != TRAIN
            }
        except GroupError:
            if i == retries:
                raise
        else:
            return layout_of({TRAIN: train, **others}, workers)
    raise AssertionError
