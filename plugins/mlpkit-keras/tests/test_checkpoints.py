"""Fits of Keras models continue from a checkpoint, with Keras callbacks and optimizers."""

from pathlib import Path
from typing import Any

import custom
import keras
import numpy as np
import pytest
from conftest import BACKEND
from custom import X, Y

from mlpkit import MLPClassifier
from mlpkit.plugin import Report

QUICK: dict[str, Any] = {"max_iter": 9, "learning_rate_init": 0.02, "random_state": 0}


class Killed(BaseException):
    """Ends a fit at once."""


class KillAfter:
    """A callback that ends the fit in an epoch, before it is saved."""

    only_observes = True

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def __call__(self, report: Report) -> None:
        """End the fit."""
        if report.epoch == self.epoch:
            raise Killed


def assert_continues(path: Path, make: Any, end: int = 5, **fit: Any) -> None:
    """A fit that is killed in an epoch and continued equals a whole one."""

    def fitted(checkpoint: Any, *more: Any) -> MLPClassifier:
        clf = make()
        callbacks = [*(clf.callbacks or []), *more]
        clf.set_params(checkpoint=checkpoint, callbacks=callbacks)
        return clf.fit(X, Y, **fit)  # type: ignore[no-any-return]

    whole = fitted(None)
    assert whole.n_iter_ > end
    with pytest.raises(Killed):
        fitted(path, KillAfter(end))
    for parts in (fitted(path), fitted(path)):  # the second finds it complete
        assert parts.loss_curve_ == whole.loss_curve_
        assert parts.validation_scores_ == whole.validation_scores_
        np.testing.assert_equal(parts._network.arrays, whole._network.arrays)
        np.testing.assert_equal(parts._network.optimizer_state, whole._network.optimizer_state)


def test_models(tmp_path: Path) -> None:
    """With dropout, batch normalization and an optimizer of Keras."""

    def make() -> MLPClassifier:
        return MLPClassifier(builder=custom.subclassed, backend=BACKEND, solver="nadam", **QUICK)

    assert_continues(tmp_path / "run.ckpt", make)


@pytest.mark.parametrize("builder", [custom.my_model, custom.compiled])
def test_the_backend_keras(builder: Any, tmp_path: Path) -> None:
    """Models that Keras trains, compiled or not."""

    def make() -> MLPClassifier:
        return MLPClassifier(builder=builder, backend="keras", early_stopping=True, **QUICK)

    assert_continues(tmp_path / "run.ckpt", make)


CALLBACKS: dict[str, Any] = {
    "early stopping": lambda: [
        keras.callbacks.EarlyStopping(
            "val_log_loss", min_delta=0.2, patience=5, restore_best_weights=True
        )
    ],
    "schedule and list": lambda: [
        keras.callbacks.CallbackList(
            [
                keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
                keras.callbacks.ReduceLROnPlateau("loss", patience=3, min_delta=9.0),
            ]
        )
    ],
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks(name: str, tmp_path: Path) -> None:
    """Their state is saved: the best value, the number of epochs without improvement, weights."""

    def make() -> MLPClassifier:
        return MLPClassifier(backend=BACKEND, callbacks=CALLBACKS[name](), **QUICK)

    sets = {"X_val": X[:40], "y_val": Y[:40]}
    assert_continues(tmp_path / "run.ckpt", make, 4, **sets)


def test_logs_are_continued(tmp_path: Path) -> None:
    """The file has the epochs before the fit was killed, once, and those after it."""
    log = tmp_path / "log.csv"

    def make(*more: Any) -> MLPClassifier:
        callbacks = [*more, keras.callbacks.CSVLogger(str(log))]
        path = tmp_path / "run.ckpt"
        return MLPClassifier(backend=BACKEND, callbacks=callbacks, checkpoint=path, **QUICK)

    with pytest.raises(Killed):
        make(KillAfter(5)).fit(X, Y)
    make().fit(X, Y)
    epochs = [line.partition(",")[0] for line in log.read_text().splitlines()]
    assert epochs == ["epoch", *map(str, range(9))]
