"""What each rank of a fit does."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from distributed import get_worker

from mlpkit.plugin import Dataset, Group, GroupError
from mlpkit_dask.cluster_inputs import TRAIN, VALIDATION
from mlpkit_dask.fitting import saved_fits
from mlpkit_dask.fitting.allocation import kept_memory
from mlpkit_dask.fitting.output import sent_output
from mlpkit_dask.fitting.packing import unpacked
from mlpkit_dask.fitting.statistics import CountedGroup, RankStatistics
from mlpkit_dask.fitting.tasks import is_wanted
from mlpkit_dask.rows.shards import shard_of


class Checkpoints(NamedTuple):
    """The checkpoints of a fit.

    Parameters
    ----------
    name : str
        The name of that of a rank, before its number.
    shown : str or None
        The path that the user passed; None if the fit has private files only.
    """

    name: str
    shown: str | None


class Trained(NamedTuple):
    """What a rank returns.

    Parameters
    ----------
    estimator : estimator or None
        The fitted estimator, of rank 0.
    checkpoint : bytes or None
        Its checkpoint, if the user requested one.
    random_state : dict or None
        The state of the random generator after the fit, if the estimator has one.
    statistics : RankStatistics
    """

    estimator: Any
    checkpoint: bytes | None
    random_state: dict[str, Any] | None
    statistics: RankStatistics


def train(
    group: Group,
    send: Callable[[Any], None],
    packed_estimator: bytes,
    checkpoints: Checkpoints | None,
    saved: bytes | None,
    sets: Mapping[str, tuple[Sequence[Any], Sequence[int], int]],
) -> Trained:
    """Fit an estimator on the rows of all ranks.

    ``sets`` are those of `Layout.arguments`.
    """
    estimator = unpacked(packed_estimator)
    counted = CountedGroup(group)
    name = None if checkpoints is None else f"{checkpoints.name}-{group.rank}"
    if name is not None:
        estimator.set_params(checkpoint=saved_fits.begin(name, saved))
    try:
        is_client = get_worker().address.startswith("inproc:")  # which gets the output anyway
        output = nullcontext() if is_client else sent_output(group.rank, send)
        with output, kept_memory():
            rows = {key: shard_of(*own, counted) for key, own in sets.items()}
            estimator.fit(*_rows(rows[TRAIN]), **_arguments(rows))
    except GroupError:
        if checkpoints is not None and not is_wanted(get_worker()):
            saved_fits.discard([checkpoints.name])
        raise  # the client may read the checkpoint
    except Exception as error:
        shown = _with_user_terms(error, estimator, checkpoints)
        if shown is error:
            raise
        raise shown from None
    n_rows = len(rows[TRAIN].X.placement.places)
    statistics = counted.statistics(get_worker().address, n_rows)
    if group.rank:
        return Trained(None, None, None, statistics)
    content = None if name is None else saved_fits.read(name)
    kept = content[1] if content is not None and checkpoints and checkpoints.shown else None
    generator = getattr(estimator.random_state, "get_state", lambda **_: None)(legacy=False)
    estimator.set_params(checkpoint=checkpoints.shown if checkpoints else None)
    return Trained(estimator, kept, generator, statistics)


def _rows(rows: Dataset) -> tuple[Any, Any, Any]:
    return rows.X, rows.y, rows.sample_weight


def _arguments(rows: Mapping[str, Dataset]) -> dict[str, Any]:
    """The arguments of `fit` after the training rows."""
    others = {n: s for n, s in rows.items() if n not in (TRAIN, VALIDATION)}
    arguments: dict[str, Any] = {"labels": rows[TRAIN].labels or None}
    if VALIDATION in rows:
        validation = rows[VALIDATION]
        arguments |= dict(
            zip(("X_val", "y_val", "sample_weight_val"), _rows(validation), strict=True)
        )
        arguments["labels_val"] = validation.labels or None
    if others:
        arguments["eval_sets"] = {
            n: {"X": s.X, "y": s.y, "sample_weight": s.sample_weight, "labels": s.labels}
            for n, s in others.items()
        }
    return arguments


def _with_user_terms(
    error: Exception, estimator: Any, checkpoints: Checkpoints | None
) -> Exception:
    """The error with the path of the checkpoint that the user passed, if it names the file."""
    text, private = str(error), f"checkpoint={str(estimator.checkpoint)!r}"
    if checkpoints is None:
        return error
    if checkpoints.shown is not None:
        text = text.replace(private, f"checkpoint={checkpoints.shown!r}")
    else:
        text = text.replace("Set checkpoint=None", "Set retries=0")
    if text == str(error):
        return error
    try:
        return type(error)(text)
    except TypeError:  # it has other arguments
        return error
