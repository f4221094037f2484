"""A program whose fits are killed at random moments, and continue from their checkpoint.

It imports no framework itself, so that each fit can run in a fork of its own.
"""

import json
import os
import pickle
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mlpkit import MLPClassifier
from mlpkit.plugin import Report

rng = np.random.RandomState(0)
X = rng.normal(size=(300, 5))
Y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
EPOCHS = 200  # more than are trained before the last kill


class Tell:
    """A callback that writes the number of each complete epoch, before it is saved."""

    only_observes = True

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __call__(self, report: Report) -> None:
        """Write the number."""
        os.write(self.descriptor, f"{report.epoch}\n".encode())


def classifier(backend: str, **params: Any) -> MLPClassifier:
    """An estimator with a validation set, dropout and a metric."""
    return MLPClassifier(
        (30,),
        backend=backend,
        batch_size=50,
        max_iter=EPOCHS,
        early_stopping=True,
        n_iter_no_change=EPOCHS,
        dropout=0.2,
        metrics="log_loss",
        random_state=0,
        **params,
    )


def fit_in_fork(backend: str, path: str, every: int, n_epochs: int, seconds: float) -> list[int]:
    """Fit in a fork, which is killed so many seconds after it has trained so many epochs, and
    return their numbers. With no epochs it is not killed, and pickles the fitted estimator.
    """
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        warnings.simplefilter("ignore")
        clf = classifier(backend, checkpoint=path, checkpoint_every=every, callbacks=Tell(writer))
        clf.fit(X, Y).set_params(callbacks=None)
        if not n_epochs:
            Path(f"{path}.pickle").write_bytes(pickle.dumps(clf))
        os._exit(0)
    os.close(writer)
    output = b""
    while output.count(b"\n") < n_epochs and (more := os.read(reader, 1)):
        output += more
    if n_epochs:
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    while more := os.read(reader, 10_000):
        output += more
    os.close(reader)
    return [int(line) for line in output.split()]


def main(backend: str, path: str, every: str, n_kills: str) -> None:
    """Kill fits at random moments, let the last one end, and print the epochs of all of them."""
    random, n = np.random.RandomState(1), int(every)
    runs = [
        fit_in_fork(backend, path, n, random.randint(1, n + 4), random.uniform(0, 0.003))
        for _ in range(int(n_kills))
    ]
    print(json.dumps([*runs, fit_in_fork(backend, path, n, 0, 0.0)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
