"""Fits of Keras models continue from a checkpoint, with Keras callbacks and optimizers."""

from pathlib import Path
from typing import Any

import custom
import keras
import pytest
from conftest import BACKEND
from custom import X, Y

from mlpkit import MLPClassifier
from mlpkit.testing import assert_same_fit, fit_in_parts

QUICK: dict[str, Any] = {"max_iter": 9, "learning_rate_init": 0.02, "random_state": 0}


def assert_continues(path: Path, make: Any, end: int = 5, **fit: Any) -> None:
    """A fit that is killed in an epoch and continued equals a whole one."""
    whole = make().fit(X, Y, **fit)
    for ends in ([end], []):  # the second fit finds a complete file
        assert_same_fit(whole, fit_in_parts(make, path, ends, X, Y, **fit))


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
    """The file has all epochs; the one that was not saved is trained and logged again."""
    log = tmp_path / "log.csv"

    def make() -> MLPClassifier:
        callback = keras.callbacks.CSVLogger(str(log))
        return MLPClassifier(backend=BACKEND, callbacks=callback, **QUICK)

    fit_in_parts(make, tmp_path / "run.ckpt", [5], X, Y)
    epochs = [line.partition(",")[0] for line in log.read_text().splitlines()]
    assert epochs == ["epoch", *map(str, [*range(5), *range(4, 9)])]
