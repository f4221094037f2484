"""Keras callbacks given where ours can be; what they can't have is said."""

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
from mlpkit_keras.runtime import building

QUICK: dict[str, Any] = {
    "builder": custom.my_model,
    "backend": BACKEND,
    "max_iter": 8,
    "learning_rate_init": 0.02,
    "random_state": 0,
}


def fitted(callbacks: Any, **changes: Any) -> MLPClassifier:
    """A classifier trained with them."""
    return MLPClassifier(callbacks=callbacks, **{**QUICK, **changes}).fit(X, Y)


def test_a_scheduler_sets_the_rate_of_every_epoch() -> None:
    """The first one, too."""
    learning_rates: list[float] = []
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, learning_rate: 0.01 * 0.5**epoch)
    fitted([schedule, lambda report: learning_rates.append(report.learning_rate)])
    close(np.array(learning_rates), 0.01 * 0.5 ** np.arange(8), 1e-6)


def test_reduce_on_plateau_lowers_the_rate() -> None:
    """It watches the loss, and the rate of later epochs is lower."""
    learning_rates: list[float] = []
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=10.0)
    fitted([plateau, lambda report: learning_rates.append(report.learning_rate)])
    assert learning_rates[0] == pytest.approx(0.02) and learning_rates[-1] < 0.001


@pytest.mark.parametrize("builder", [custom.my_model, custom.subclassed, None])
def test_early_stopping_restores_the_best_weights(builder: Any) -> None:
    """It ends the run, and the weights are those of the best epoch."""
    seen: list[Any] = []
    stop = keras.callbacks.EarlyStopping(
        "loss", mode="max", patience=2, restore_best_weights=True
    )  # the largest loss is best: the first epoch's
    clf = fitted([stop, lambda report: seen.append(report.arrays())], builder=builder)
    assert clf.n_iter_ == 3
    close(seen[0], clf._model.arrays, 1e-6)


def test_checkpoints_logs_and_lambdas(tmp_path: Path) -> None:
    """A file of each epoch's weights, a table, and functions."""
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
    assert [each["loss"] for each in logged] == clf.loss_curve_
    assert [each["val_accuracy"] for each in logged] == clf.validation_scores_
    model = clf.to_keras()
    with building("float32"):
        model.load_weights(str(tmp_path / f"{clf.n_iter_}.weights.h5"))


class Batches(keras.callbacks.Callback):
    """Wants what there is not."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Never called."""


def test_what_a_callback_can_not_have_is_said() -> None:
    """Before training."""
    with pytest.raises(ValueError, match="Batches wants on_train_batch_end.*epochs, not of batch"):
        fitted(Batches())
    with pytest.raises(ValueError, match="save_freq in batches"):
        fitted(keras.callbacks.ModelCheckpoint("x.keras", save_freq=10))
    functions = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    for each in (functions, keras.callbacks.CallbackList([functions])):
        with pytest.raises(ValueError, match="LambdaCallback wants on_train_batch_end"):
            fitted(each)
    if BACKEND == "tensorflow":  # with JAX Keras says for itself what it can't
        with pytest.raises(ValueError, match="profile_batch=0"):
            fitted(keras.callbacks.TensorBoard("x", profile_batch=2))
    with pytest.raises(ValueError, match=r"EarlyStopping is a class; give an object, EarlyStop"):
        fitted(keras.callbacks.EarlyStopping)
    with pytest.raises(ValueError, match="neither a name nor callable"):
        fitted([3])


def test_the_model_is_let_go_of() -> None:
    """What is left of a callback is pickled, and cloned, with the estimator."""
    clf = fitted(keras.callbacks.EarlyStopping("loss"))
    assert clf.callbacks.model is None
    assert clone(pickle.loads(pickle.dumps(clf))).fit(X, Y).loss_curve_ == clf.loss_curve_


def test_a_log_file_does_not_stay(tmp_path: Path) -> None:
    """It is closed, and left out of copies."""
    clf = fitted(keras.callbacks.CSVLogger(str(tmp_path / "log.csv")))
    assert clone(pickle.loads(pickle.dumps(clf))).fit(X, Y).loss_curve_ == clf.loss_curve_


def test_the_way_of_a_metric_is_known() -> None:
    """mode="auto" needs no compiled model; what it was stays."""
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=1, min_delta=2.0)
    assert fitted(stop, early_stopping=True).n_iter_ == 2
    assert stop.mode == "auto"
    stop = keras.callbacks.EarlyStopping("spread", patience=1, min_delta=2.0)
    with pytest.raises(ValueError, match="monitor=spread.*Pass `mode='max'`"):
        fitted(stop)


def test_the_default_monitor_is_there() -> None:
    """val_loss, where log-loss is measured on validation rows."""
    clf = MLPClassifier(callbacks=keras.callbacks.EarlyStopping(min_delta=9.0), **QUICK)
    assert clf.fit(X, Y, X_val=X[:40], y_val=Y[:40]).n_iter_ == 2


def test_no_epoch_begins_behind_the_last() -> None:
    """As many begin as end."""
    begun: list[int] = []
    fitted(keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch)))
    assert begun == list(range(8))


def test_metrics_stand_in_the_logs() -> None:
    """Those of the estimator, so that Keras's callbacks can look at them."""
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
    """scikit-learn's callbacks get an estimator with the weights after each epoch."""
    monitor = ScoringMonitor(scoring="neg_log_loss")
    clf = MLPClassifier(**{**QUICK, "max_iter": 3}, metrics="log_loss")
    with pytest.warns(match="Maximum iterations"):
        clf.set_callbacks(monitor).fit(X, Y, X_val=X, y_val=Y)
    scores = [row["neg_log_loss"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    measured = clf.metric_history_.select("log_loss", split="validation")
    close(np.array(scores), -np.array([reading.value for reading in measured]), 1e-6)
