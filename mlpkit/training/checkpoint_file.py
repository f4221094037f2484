"""The checkpoint of a fit in a file."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from mlpkit.distributed.groups import SOLO
from mlpkit.files.archive import Archive, read_archive, write_archive
from mlpkit.files.atomic_file import remove_unfinished
from mlpkit.files.errors import InvalidFile, NotStorable
from mlpkit.monitoring.protocol import state_of
from mlpkit.plugin import Group, InvalidResult, Observer, Progress, Report, State
from mlpkit.training.checkpoint import SavedResult
from mlpkit.training.descriptions import differences
from mlpkit.training.epoch_observer import EpochObserver
from mlpkit.training.generators import generator_of
from mlpkit.training.saved_reports import reports_of, reports_state

KIND = "checkpoint"
MAX_DIFFERENCES = 5  # number of differences in a message


class CheckpointFile:
    """A `Checkpoint` in a file.

    Raises ValueError if the file cannot be read; such a file is never overwritten.

    Parameters
    ----------
    path : str or path-like
    every : int
        Number of epochs after which it is written.
    distributions : iterable of str
        The distributions whose versions may change the results.
    group : Group, default=SOLO
        The processes that train. All continue from the file of the first one.
    """

    is_used = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int,
        distributions: Iterable[str],
        group: Group = SOLO,
    ) -> None:
        self.path, self.every = Path(path), every
        self.versions = _versions(distributions)
        self.sections: dict[str, Any] = {}  # the description of the present fit
        self.saved = group.same(_content_of(self.path))
        remove_unfinished(self.path)
        try:
            self.finished = None if self.saved is None else _result_of(self.saved)
            self.training: Mapping[str, Any] | None = None
            if self.saved is not None and self.finished is None:
                self.training = self.saved["training"]
                self._warn_of_versions(self.saved["versions"])
        except (KeyError, TypeError, AttributeError) as error:
            raise _unusable(self.path, "its content is invalid") from error
        self._is_failing = False  # the last time that the file was written
        self._n_saved = 0 if self.saved is None else len(self.saved["reports"]["epoch"])

    def check(self, section: str, describe: Callable[[], Mapping[str, Any]]) -> None:
        """Raise ValueError if a part of the description of the saved fit differs."""
        present = self.sections[section] = dict(describe())
        if self.saved is None:
            return
        saved = self.saved["sections"].get(section, {})
        names = dict.fromkeys([*saved, *present])
        differing = [d for n in names for d in differences(n, saved.get(n), present.get(n))]
        if not differing:
            return
        more = len(differing) - MAX_DIFFERENCES
        text = "; ".join(differing[:MAX_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
        raise ValueError(
            f"checkpoint={str(self.path)!r} belongs to another fit: {text}. Restore the parameters"
            " and the data of that fit to continue it, or set another checkpoint for this one."
            " Each fit needs a file of its own, also in a search or a cross-validation."
        )

    def generator(self, random_state: Any) -> np.random.RandomState:
        """The random generator of the fit, in the state in which the saved fit began."""
        if self.saved is None:
            self._generator = generator_of(random_state)
        else:
            is_own = isinstance(random_state, np.random.RandomState)
            self._generator = random_state if is_own else np.random.RandomState(0)
            self._generator.set_state(self.saved["generator"])
        self._start = self._generator.get_state(legacy=False)
        return self._generator

    def skip_to_end(self) -> None:
        """Set the generator to its state after the saved fit, which is complete."""
        assert self.saved is not None
        self._generator.set_state(self.saved["result"]["generator"])

    def restore(self, observer: EpochObserver) -> None:
        """Restore the state of the observer and of the callbacks after the saved epochs."""
        if self.saved is not None:
            reports = reports_of(self.saved["reports"])
            observer.restore(reports, self.saved["monitor"], self.saved["callbacks"])

    def observed(self, observe: Observer, observer: EpochObserver) -> Observer:
        """``observe``, which also saves the epochs."""

        def observed(state: State, report: Report) -> bool | float:
            answer = observe(state, report)
            if report.checkpoint is None:
                raise InvalidResult(
                    "it cannot be continued, since its reports have no `checkpoint`. Set"
                    " checkpoint=None, or trainer=None to use the trainer that the solver needs.",
                    "trainer",
                )
            ends = answer is True or report.is_last or observer.interrupted
            if not ends and report.epoch % self.every == 0:
                self._write(
                    {
                        "training": dict(report.checkpoint(answer)),
                        "reports": reports_state(observer.reports),
                        "monitor": state_of(observer.monitor),
                        "callbacks": observer.callback_states(),
                    },
                    [source for _, source in observer.callbacks],
                )
            return answer

        return observed

    def finish(self, result: SavedResult) -> None:
        """Save the result of the fit."""
        content = {
            "weights": result.weights,
            "optimizer_state": result.optimizer_state,
            "progress": result.progress._asdict(),
            "outputs": result.outputs,
            "generator": self._generator.get_state(legacy=False),
        }
        reports = reports_state(result.reports)
        self._write({"result": content, "reports": reports, "monitor": dict(result.monitor)})

    def _write(self, content: Mapping[str, Any], callbacks: Sequence[Any] = ()) -> None:
        """Write the file, or warn if that fails: the fit continues, and the file is unchanged."""
        common = {
            "versions": self.versions,
            "sections": self.sections,
            "generator": self._start,
        }
        try:
            write_archive(self.path, KIND, Archive({**common, **content}))
        except NotStorable as error:
            raise _not_plain(error, callbacks) from error
        except OSError as error:
            if not self._is_failing:
                warnings.warn(
                    f"checkpoint={str(self.path)!r} could not be written after epoch"
                    f" {len(content['reports']['epoch'])}: {error}. Training continues, and the"
                    " file is written after a later epoch.",
                    RuntimeWarning,
                )
            self._is_failing = True
        else:
            self._is_failing = False
            self._n_saved = len(content["reports"]["epoch"])

    def how_to_continue(self) -> str:
        """A sentence about how to continue after the time limit, after a space."""
        name = f"checkpoint={str(self.path)!r}"
        if not self._n_saved:
            return f" {name} contains no epoch, since none was complete. Set a longer time limit."
        return f" Call fit again to continue after epoch {self._n_saved}, from {name}."

    def _warn_of_versions(self, saved: Mapping[str, str]) -> None:
        differing = [
            f"{name} {old} (now {self.versions.get(name, 'not installed')})"
            for name, old in saved.items()
            if self.versions.get(name) != old
        ]
        if differing:
            warnings.warn(
                f"checkpoint={str(self.path)!r} was written with {', '.join(differing)}. Training"
                " continues, but the result may differ from that of an uninterrupted fit."
            )


def _content_of(path: Path) -> dict[str, Any] | None:
    """Return the content of a checkpoint, or None if the file does not exist."""
    if path.is_dir():
        raise ValueError(f"checkpoint={str(path)!r} is a folder. Set it to the path of a file.")
    if not path.exists():
        if not path.absolute().parent.is_dir():
            raise ValueError(
                f"checkpoint={str(path)!r} is in a folder that does not exist. Create the folder"
                f" {str(path.absolute().parent)!r}, or set another path."
            )
        return None
    try:
        return read_archive(path, KIND)
    except InvalidFile as error:
        raise _unusable(path, error.reason) from error


def _unusable(path: Path, reason: str) -> InvalidFile:
    return InvalidFile(
        path,
        f"{reason}. It is not overwritten: to begin a new fit, delete it or set another checkpoint",
    )


def _not_plain(error: NotStorable, callbacks: Sequence[Any]) -> InvalidResult:
    """The error for a value of a trainer or of one of the callbacks that cannot be saved."""
    part, index, *_ = error.path
    is_callback = part == "callbacks"
    source = "its `get_state` returned" if is_callback else "its `Report.checkpoint` returned"
    return InvalidResult(
        f"{source} a value that cannot be saved: {error}. It must consist of None, booleans,"
        " numbers, strings, NumPy arrays, lists, tuples and dicts.",
        "callback" if is_callback else "trainer",
        callbacks[int(index)] if is_callback else None,
    )


def _result_of(content: Mapping[str, Any]) -> SavedResult | None:
    """Return the result of a complete fit."""
    result = content.get("result")
    if result is None:
        return None
    return SavedResult(
        result["weights"],
        result["optimizer_state"],
        Progress(**result["progress"]),
        reports_of(content["reports"]),
        content["monitor"],
        result["outputs"],
    )


def _versions(distributions: Iterable[str]) -> dict[str, str]:
    """Return the versions of the distributions that are installed."""
    versions = {}
    for name in distributions:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
