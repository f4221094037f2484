"""What is shown after each epoch: lines and a bar on a terminal, or JSON for programs."""

import json
import math
import sys
import time
from importlib.util import find_spec
from typing import Any, Literal

from mlpkit.commands.fitting.interruption import Interruption
from mlpkit.durations import shown
from mlpkit.messages import escaped
from mlpkit.plugin import Report

Style = Literal["bar", "lines", "json", "none"]


def style_of(log: str, quiet: bool) -> Style:
    """Return the style of ``--log``: lines and a bar, if possible, or nothing for "auto"."""
    if quiet or log == "none":
        return "none"
    if log == "json":
        return "json"
    is_terminal = sys.stderr.isatty()
    if log == "auto" and not is_terminal:
        return "none"
    return "bar" if is_terminal and find_spec("tqdm") is not None else "lines"


def write_json(event: str, values: dict[str, Any]) -> None:
    """Print a JSON object on one line; numbers that are not finite are null."""
    print(json.dumps({"event": event, **_finite(values)}, allow_nan=False), flush=True)


class EpochLog:
    """A callback that shows each epoch, and ends training on request.

    Parameters
    ----------
    style : {"bar", "lines", "json", "none"}
        What is shown.
    max_epochs : int or None
        Maximum number of epochs.
    time_limit : float or None
        Maximum number of seconds.
    interruption : Interruption
        Whether training should end.
    """

    def __init__(
        self,
        style: Style,
        max_epochs: int | None,
        time_limit: float | None,
        interruption: Interruption,
    ) -> None:
        self.style, self.max_epochs, self.time_limit = style, max_epochs, time_limit
        self.interruption = interruption
        self.bar: Any = None
        self.ends = [time.monotonic()]  # of the epochs, after the start of the first one
        self.last: dict[str, Any] = {}

    def on_begin(self, report: Report) -> None:
        """Start the clock, and draw the bar."""
        self.ends = [time.monotonic()]
        if self.style == "bar":
            from mlpkit.training.progress_bar import Bar  # needs tqdm

            self.bar = Bar(self.max_epochs)

    def __call__(self, report: Report) -> None:
        """Show an epoch; raise KeyboardInterrupt if training should end."""
        self.last = self._values(report)
        if self.style == "json":
            write_json("epoch", self.last)
        elif self.style != "none":
            print(self._line(), file=sys.stderr, flush=True)
            if self.bar is not None:
                left = self.last["seconds_left"]
                self.bar.show(report.epoch, "" if left is None else f"at most {shown(left)} left")
        if self.interruption.requested:
            raise KeyboardInterrupt  # in a callback: the epoch counts, and a checkpoint continues

    def on_end(self, report: Report) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _values(self, report: Report) -> dict[str, Any]:
        metrics: dict[str, dict[str, float]] = {}
        groups = []
        for value in report.metrics():
            if value.partitioner == "all":
                metrics.setdefault(value.split, {})[value.metric] = value.value
            else:
                fields = ("split", "metric", "partitioner", "partition", "value")
                groups.append({name: getattr(value, name) for name in fields})
        monitored = None if report.monitored is None else dict([report.monitored])
        return {
            "epoch": report.epoch,
            "max_epochs": self.max_epochs,
            "loss": report.loss,
            "validation_score": report.score,
            "monitored": monitored,
            "metrics": metrics,
            **({"groups": groups} if groups else {}),
            "learning_rate": report.learning_rate,
            "seconds": report.seconds,
            "seconds_left": self._left(report.epoch),
            "note": report.note,
        }

    def _left(self, epoch: int) -> float | None:
        """The longest time that training may still take, from the mean duration of an epoch."""
        now = time.monotonic()
        self.ends.append(now)
        limits = []
        if self.max_epochs is not None:
            # the first epoch is longer if it includes a compilation
            first = min(1, len(self.ends) - 2)
            mean = (now - self.ends[first]) / (len(self.ends) - 1 - first)
            limits.append(max(0, self.max_epochs - epoch) * mean)
        if self.time_limit is not None:
            limits.append(max(0.0, self.time_limit - (now - self.ends[0])))
        return min(limits, default=None)

    def _line(self) -> str:
        values = self.last
        total = "" if self.max_epochs is None else f"/{self.max_epochs}"
        parts = [f"epoch {values['epoch']}{total}", f"loss {values['loss']:.4g}"]
        shown_metrics = dict(values["metrics"])
        if "validation" in shown_metrics:  # what matters more than the training rows
            shown_metrics.pop("train", None)
        for split, metrics in shown_metrics.items():
            text = ", ".join(f"{escaped(name)} {value:.4g}" for name, value in metrics.items())
            parts.append(f"{escaped(split)}: {text}")
        if values["monitored"] and "validation" not in values["metrics"]:
            ((name, value),) = values["monitored"].items()
            parts.append(f"validation {escaped(name)} {value:.4g}")
        elif values["validation_score"] is not None and "validation" not in values["metrics"]:
            parts.append(f"validation score {values['validation_score']:.4g}")
        parts.append(f"{shown(values['seconds'])} per epoch")
        if values["seconds_left"] is not None:
            parts.append(f"at most {shown(values['seconds_left'])} left")
        line = "  ".join(parts)
        return f"{line}  {escaped(values['note'])}" if values["note"] else line


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
