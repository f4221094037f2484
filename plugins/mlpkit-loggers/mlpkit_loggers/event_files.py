"""Event files of TensorBoard."""

import itertools
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlpkit.plugin import Report
from mlpkit_loggers.fit_callback import FitCallback
from mlpkit_loggers.libraries import imported
from mlpkit_loggers.values import Names, values_of

_numbers = itertools.count()


@dataclass
class TensorBoardLogger(FitCallback):
    """Callback that writes the values of each epoch for TensorBoard.

    The values are the loss, the learning rate, the duration, the validation score and all metrics,
    also those of groups: ``validation/recall by sex/female`` is the recall of the group "female"
    of the partitioner "sex" on the validation set. Each fit writes to a new folder. The file is
    flushed after each epoch, so that a killed process leaves all its epochs.

    ``callbacks="tensorboard"`` is the same as ``callbacks=TensorBoardLogger()``.

    Parameters
    ----------
    folder : str or Path, default="runs"
        The folder of all runs: ``tensorboard --logdir runs`` shows it.
    run_name : str or None, default=None
        Name of the folder of this fit in it. None means date and time. A number is added if the
        folder exists.

    Examples
    --------
    >>> from mlpkit import MLPClassifier
    >>> clf = MLPClassifier(callbacks=TensorBoardLogger("runs", run_name="wide"))
    """

    folder: str | Path = "runs"
    run_name: str | None = None

    _path: Path | None = field(default=None, init=False, repr=False, compare=False)
    _events: "EventFile | None" = field(default=None, init=False, repr=False, compare=False)

    def __call__(self, report: Report) -> None:
        """Write the values of an epoch."""
        if self._events is None:
            is_resumed = self._path is not None
            if self._path is None:
                self._path = new_folder(Path(self.folder), self.run_name)
            self._events = EventFile(self._path, report.epoch if is_resumed else None)
        self._events.write(report)

    def on_end(self, report: Report) -> None:
        """Close the file.

        Parameters
        ----------
        report : Report
            The report of the last epoch.
        """
        events, self._events, self._path = self._events, None, None
        if events is not None:
            events.close()

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed fit needs to continue the run.

        Returns
        -------
        state : dict
            The absolute path of the folder of the fit, or None before the first epoch.
        """
        return {"path": None if self._path is None else str(self._path.absolute())}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue the run of an interrupted fit.

        Parameters
        ----------
        state : dict
            What `get_state` returned.
        """
        self._path = None if state["path"] is None else Path(state["path"])


class EventFile:
    """A file of events, which TensorBoard reads while it is written.

    Parameters
    ----------
    folder : Path
        The folder, which is created if it does not exist.
    restart : int or None
        The first epoch of a resumed fit: TensorBoard ignores what other files have from this
        epoch on. None for a new fit.
    """

    def __init__(self, folder: Path, restart: int | None) -> None:
        library = "tensorboard", TensorBoardLogger.__name__
        records = imported("tensorboard.summary.writer.record_writer", *library)
        self._event = imported("tensorboard.compat.proto.event_pb2", *library)
        self._summary = imported("tensorboard.compat.proto.summary_pb2", *library)
        self._names = Names(lambda part: part.replace("/", "_"))
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files of a folder in the order of their names
        number = f"{os.getpid()}.{next(_numbers)}"
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{number}"
        self._file = records.RecordWriter((folder / name).open("xb"))
        self._add(file_version="brain.Event:2")
        if restart is not None:
            start = self._event.SessionLog(status=self._event.SessionLog.START)
            self._add(step=restart, session_log=start)

    def write(self, report: Report) -> None:
        """Write the values of an epoch."""
        values = [
            self._summary.Summary.Value(tag=self._names(parts), simple_value=value)
            for parts, value in values_of(report)
        ]
        self._add(step=report.epoch, summary=self._summary.Summary(value=values))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, **fields: Any) -> None:
        event = self._event.Event(wall_time=time.time(), **fields)
        self._file.write(event.SerializeToString())
        self._file.flush()


def new_folder(parent: Path, name: str | None) -> Path:
    """Create a new folder in a folder, and return its path.

    The name is date and time if it is None. A number is added to a name that exists.
    """
    parent.mkdir(parents=True, exist_ok=True)
    first = time.strftime("%Y-%m-%d %H-%M-%S") if name is None else name
    for number in itertools.count(1):
        path = parent / (first if number == 1 else f"{first} {number}")
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            continue
    raise AssertionError("unreachable")
