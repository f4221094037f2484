"""The callback "tensorboard": its files, read by TensorBoard's own reader."""

import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
from fits import Failure, X, classifier, fail_in_third_epoch, fitted, y
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from mlpkit.testing import CallbackTests
from mlpkit_loggers import TensorBoardLogger

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class TestConformance(CallbackTests):
    callback = "tensorboard"


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """The values of a run by tag and step, as TensorBoard shows them."""
    # without it, the reader imports TensorFlow if that is installed
    sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {tag: {e.step: e.value for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


def test_values(tmp_path: Path) -> None:
    """All values of all epochs are written, those of groups under names of their own."""
    clf = fitted(classifier(callbacks=TensorBoardLogger(tmp_path, "wide")))
    written = scalars(tmp_path / "wide")
    assert list(written["loss"]) == [1, 2, 3, 4]
    assert list(written["loss"].values()) == pytest.approx(clf.loss_curve_)
    assert list(written["learning_rate"].values()) == pytest.approx([0.001] * 4)
    history = clf.metric_history_
    for group in ("0", "1"):
        tag = f"validation/log_loss by size <= 1_2/{group}"
        rows = history.select("log_loss", split="validation", by="size <= 1/2", partition=group)
        assert list(written[tag].values()) == pytest.approx([row.value for row in rows])
    assert {"train/accuracy", "validation/accuracy", "seconds"} <= written.keys()
    assert "score" not in written


def test_scores(tmp_path: Path) -> None:
    """The validation score, or the criterion of early stopping under its name."""
    scored = classifier(early_stopping=True, metrics=None, partitions=None)
    scored.set_params(callbacks=TensorBoardLogger(tmp_path, "score"))
    fitted(scored, X_val=None, y_val=None)
    assert list(scalars(tmp_path / "score")["score"].values()) == pytest.approx(
        scored.validation_scores_
    )
    chosen = classifier(early_stopping_on="log_loss")
    fitted(chosen.set_params(callbacks=TensorBoardLogger(tmp_path, "chosen")))
    written = scalars(tmp_path / "chosen")
    assert "score" not in written
    assert list(written["early_stopping_on/log_loss"].values()) == pytest.approx(
        [-score for score in chosen.validation_scores_]
    )


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fit has a folder of its own, also fits with the same object."""
    monkeypatch.chdir(tmp_path)
    clf = classifier(callbacks=TensorBoardLogger(run_name="a"))
    fitted(clf)
    fitted(clf)
    cross_val_score(clone(clf), X, y, cv=2)
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert names == ["a", "a 2", "a 3", "a 4"]
    fitted(clf.set_params(callbacks="tensorboard"))
    assert len(list((tmp_path / "runs").iterdir())) == 5
    assert {len(list(path.iterdir())) for path in (tmp_path / "runs").iterdir()} == {1}


def test_errors_close_the_file(tmp_path: Path) -> None:
    """After an error of another callback, the file is closed and has the epochs before it."""
    logger = TensorBoardLogger(tmp_path, "a")
    clf = classifier(callbacks=[logger, fail_in_third_epoch])
    with pytest.raises(Failure):  # an open file would be a ResourceWarning, which is an error
        fitted(clf)
    assert list(scalars(tmp_path / "a")["loss"]) == [1, 2, 3]
    assert not hasattr(clf, "coefs_")


def test_a_killed_process_leaves_its_epochs(tmp_path: Path) -> None:
    """Every epoch is on disk when the next one begins."""
    program = f"""
        import os, signal
        from mlpkit import MLPClassifier
        from mlpkit_loggers import TensorBoardLogger

        def kill(report):
            if report.epoch == 3:
                os.kill(os.getpid(), signal.SIGKILL)

        callbacks = [TensorBoardLogger({str(tmp_path)!r}, "a"), kill]
        MLPClassifier((2,), callbacks=callbacks).fit([[0.0], [1.0]], [0, 1])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)])
    assert done.returncode == -signal.SIGKILL
    assert list(scalars(tmp_path / "a")["loss"]) == [1, 2, 3]


def test_a_resumed_fit_continues_the_run(tmp_path: Path) -> None:
    """The epochs after the last checkpoint replace those that the interrupted fit has written."""
    clf = classifier(checkpoint=tmp_path / "checkpoint", checkpoint_every=2)
    logger = TensorBoardLogger(tmp_path, "a")
    with pytest.raises(Failure):
        fitted(clf.set_params(callbacks=[logger, fail_in_third_epoch]))
    (first,) = (tmp_path / "a").iterdir()
    clf = pickle.loads(pickle.dumps(clf.set_params(callbacks=TensorBoardLogger(tmp_path, "b"))))
    written = fitted(clf).loss_curve_
    assert list(scalars(tmp_path / "a")["loss"].values()) == pytest.approx(written)
    (second,) = set((tmp_path / "a").iterdir()) - {first}
    first.unlink()
    assert list(scalars(tmp_path / "a")["loss"]) == [3, 4]
    assert not (tmp_path / "b").exists()


def test_the_object_is_a_parameter_like_any_other(tmp_path: Path) -> None:
    """It is pickled, cloned, compared and shown, before and after a fit."""
    logger = TensorBoardLogger(tmp_path, "a")
    clf = fitted(classifier(callbacks=logger))
    assert pickle.loads(pickle.dumps(clf)).callbacks == logger == clone(clf).callbacks
    assert repr(logger) == f"TensorBoardLogger(folder={tmp_path!r}, run_name='a')"


def test_imports(tmp_path: Path) -> None:
    """Neither TensorFlow nor PyTorch is imported, and nothing before the first epoch."""
    program = f"""
        import sys, warnings
        warnings.simplefilter("ignore")
        from mlpkit import MLPClassifier
        from mlpkit_loggers import TensorBoardLogger
        clf = MLPClassifier((2,), callbacks=TensorBoardLogger({str(tmp_path)!r}), max_iter=2)
        assert not {{"mlflow", "tensorboard", "optuna"}} & set(sys.modules)
        clf.fit([[0.0], [1.0]], [0, 1])
        assert "tensorboard" in sys.modules
        assert not {{"tensorflow", "torch", "tensorboardX", "mlflow", "optuna"}} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)
