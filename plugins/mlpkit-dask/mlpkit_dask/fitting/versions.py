"""All workers need the versions that the client has."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from distributed import Client

from mlpkit_dask.fitting.workers import NoAnswer, answers

OWN = ("mlpkit", "mlpkit-dask")


def check_versions(client: Client, workers: Iterable[str], distributions: Iterable[str]) -> None:
    """Raise RuntimeError if a worker has another version of a distribution, or lacks it."""
    for name in dict.fromkeys([*OWN, *distributions]):
        own = installed_version(name)
        # a function of the standard library, which a worker without the plugin has, too
        for worker, installed in answers(client, workers, version, name).items():
            if isinstance(installed, NoAnswer) or installed == own:
                continue
            if isinstance(installed, Exception):
                raise RuntimeError(
                    f"The worker {worker} cannot train, since {name} is not installed there."
                    f" Install {name} {own}, which the client has, on all workers."
                )
            raise RuntimeError(
                f"The worker {worker} has {name} {installed}, but the client has {own}. Install the"
                " same version on the client and on all workers."
            )


def installed_version(name: str) -> str | None:
    """Return the version of a distribution, or None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
