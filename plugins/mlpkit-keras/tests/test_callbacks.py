"""Keras callbacks in the parameter `callbacks`; unsupported ones raise errors."""

import pickle
from pathlib import Path
from typing import Any

import custom
import keras
import numpy as np
import pytest
from conftest import BACKEND
from custom import X, Y
from sklearn.base import clone
from sklearn.callback import ScoringMonitor

from mlpkit import MLPClassifier
from mlpkit.testing import close
from mlpkit_keras.runtime import keras_scope

QUICK: dict[str, Any] = {
    "builder": custom.my_model,
    "backend": BACKEND,
    "max_iter": 8,
    "learning_rate_init": 0.02,
    "random_state": 0,
}


def fitted(callbacks: Any, **changes: Any) -> MLPClassifier:
    """A classifier trained with callbacks."""
    return MLPClassifier(callbacks=callbacks, **{**QUICK, **changes}).fit(X, Y)


def test_scheduler_sets_the_learning_rate() -> None:
    """It sets the learning rate of every epoch, also of the first."""
    learning_rates: list[float] = []
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, learning_rate: 0.01 * 0.5**epoch)
    fitted([schedule, lambda report: learning_rates.append(report.learning_rate)])
    close(np.array(learning_rates), 0.01 * 0.5 ** np.arange(8), 1e-6)


def test_reduce_on_plateau_lowers_the_learning_rate() -> None:
    """It monitors the loss; the learning rate of later epochs is lower."""
    learning_rates: list[float] = []
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=10.0)
    fitted([plateau, lambda report: learning_rates.append(report.learning_rate)])
    assert learning_rates[0] == pytest.approx(0.02) and learning_rates[-1] < 0.001


@pytest.mark.parametrize("builder", [custom.my_model, custom.subclassed, None])
def test_early_stopping_restores_the_best_weights(builder: Any) -> None:
    """It stops training, and the weights are those of the best epoch."""
    weights: list[Any] = []
    stop = keras.callbacks.EarlyStopping(
        "loss", mode="max", patience=2, restore_best_weights=True
    )  # the largest loss is best: the first epoch's
    clf = fitted([stop, lambda report: weights.append(report.arrays())], builder=builder)
    assert clf.n_iter_ == 3
    close(weights[0], clf._network.arrays, 1e-6)


def test_checkpoints_log_files_and_functions(tmp_path: Path) -> None:
    """Checkpoints, CSV logs and functions are called for each epoch."""
    logged: list[Any] = []
    clf = fitted(
        [
            keras.callbacks.ModelCheckpoint(
                str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True
            ),
            keras.callbacks.CSVLogger(str(tmp_path / "log.csv")),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logged.append(logs)),
        ],
        early_stopping=True,
    )
    assert len(list(tmp_path.glob("*.h5"))) == clf.n_iter_
    assert len((tmp_path / "log.csv").read_text().splitlines()) == clf.n_iter_ + 1
    assert [logs["loss"] for logs in logged] == clf.loss_curve_
    assert [logs["val_accuracy"] for logs in logged] == clf.validation_scores_
    model = clf.to_keras()
    with keras_scope("float32"):
        model.load_weights(str(tmp_path / f"{clf.n_iter_}.weights.h5"))


class Batches(keras.callbacks.Callback):
    """A callback for batches."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Never called."""


def test_unsupported_callbacks_raise_errors() -> None:
    """Errors are raised before training."""
    with pytest.raises(
        ValueError, match="Batches requires on_train_batch_end.*epochs, not after batches"
    ):
        fitted(Batches())
    with pytest.raises(ValueError, match="save_freq in batches"):
        fitted(keras.callbacks.ModelCheckpoint("x.keras", save_freq=10))
    functions = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    for callback in (functions, keras.callbacks.CallbackList([functions])):
        with pytest.raises(ValueError, match="LambdaCallback requires on_train_batch_end"):
            fitted(callback)
    if BACKEND == "tensorflow":  # with JAX, Keras itself raises an error
        with pytest.raises(ValueError, match="profile_batch=0"):
            fitted(keras.callbacks.TensorBoard("x", profile_batch=2))
    with pytest.raises(
        ValueError, match=r"expected an object, got the class EarlyStopping. Use Early"
    ):
        fitted(keras.callbacks.EarlyStopping)
    with pytest.raises(ValueError, match="callbacks must contain names, callables"):
        fitted([3])


def test_the_model_is_released_after_training() -> None:
    """After training, a callback is pickled and cloned with the estimator."""
    clf = fitted(keras.callbacks.EarlyStopping("loss"))
    assert clf.callbacks.model is None
    assert clone(pickle.loads(pickle.dumps(clf))).fit(X, Y).loss_curve_ == clf.loss_curve_


def test_log_files_are_closed(tmp_path: Path) -> None:
    """A closed file is removed, so that the estimator can be copied."""
    clf = fitted(keras.callbacks.CSVLogger(str(tmp_path / "log.csv")))
    assert clone(pickle.loads(pickle.dumps(clf))).fit(X, Y).loss_curve_ == clf.loss_curve_


def test_direction_of_a_metric() -> None:
    """mode="auto" does not require a compiled model, and is restored."""
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=1, min_delta=2.0)
    assert fitted(stop, early_stopping=True).n_iter_ == 2
    assert stop.mode == "auto"
    stop = keras.callbacks.EarlyStopping("spread", patience=1, min_delta=2.0)
    with pytest.raises(ValueError, match="monitor=spread.*Pass `mode='max'`"):
        fitted(stop)


def test_default_monitor() -> None:
    """val_loss is in the logs if there are validation rows and the metrics contain log-loss."""
    clf = MLPClassifier(callbacks=keras.callbacks.EarlyStopping(min_delta=9.0), **QUICK)
    assert clf.fit(X, Y, X_val=X[:40], y_val=Y[:40]).n_iter_ == 2


def test_no_epoch_begins_after_the_last() -> None:
    """As many epochs begin as end."""
    begun: list[int] = []
    fitted(keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch)))
    assert begun == list(range(8))


def test_logs_contain_the_metrics() -> None:
    """Keras callbacks can monitor the metrics of the estimator."""
    logged: list[Any] = []
    log = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logged.append(logs))
    stop = keras.callbacks.EarlyStopping("val_log_loss", mode="max", patience=2)
    clf = MLPClassifier(callbacks=[stop, log], metrics=["log_loss"], partitions=["target"], **QUICK)
    clf.fit(X, Y, X_val=X[:40], y_val=Y[:40])
    assert clf.n_iter_ == len(logged) == 3
    names = {"loss", "learning_rate", "log_loss", "val_log_loss", "val_loss"}
    assert logged[0].keys() == names
    assert logged[0]["log_loss"] > logged[1]["log_loss"]


def test_a_scoring_monitor_scores_every_epoch() -> None:
    """Callbacks of scikit-learn receive an estimator with the weights after each epoch."""
    monitor = ScoringMonitor(scoring="neg_log_loss")
    clf = MLPClassifier(**{**QUICK, "max_iter": 3}, metrics="log_loss")
    with pytest.warns(match="Maximum iterations"):
        clf.set_callbacks(monitor).fit(X, Y, X_val=X, y_val=Y)
    scores = [row["neg_log_loss"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    measured = clf.metric_history_.select("log_loss", split="validation")
    close(np.array(scores), -np.array([reading.value for reading in measured]), 1e-6)
