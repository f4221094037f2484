"""The file of a checkpoint: damage, failures to write, and what trainers and callbacks save."""

import errno
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlpkit
from mlpkit import MLPClassifier
from mlpkit.files.archive import Archive, read_archive, write_archive
from mlpkit.plugin import PluginError, Report
from mlpkit.testing.resuming import KillAfter, Killed, assert_same_fit
from mlpkit.training import checkpoint_file, loop

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X = np.random.RandomState(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def classifier(checkpoint: Any, *callbacks: Any, **params: Any) -> MLPClassifier:
    """A small classifier."""
    settings = {"hidden_layer_sizes": (4,), "max_iter": 6, "random_state": 0, **params}
    return MLPClassifier(**settings, checkpoint=checkpoint, callbacks=list(callbacks))


def kill(checkpoint: Any, *callbacks: Any, epoch: int = 4, **params: Any) -> None:
    """Leave the checkpoint of a killed fit."""
    with pytest.raises(Killed):
        classifier(checkpoint, *callbacks, KillAfter(epoch), **params).fit(X, Y)


def damaged(path: Path) -> list[tuple[str, bytes, str]]:
    """Contents that are not a checkpoint, and the message."""
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    return [
        ("empty", b"", "not a file of mlpkit, or it is damaged"),
        ("text", b"my notes", "not a file of mlpkit, or it is damaged"),
        ("truncated", data[: len(data) // 2], "not a file of mlpkit, or it is damaged"),
        ("flipped", bytes(flipped), "(damaged|has another checksum)"),
    ]


def test_a_file_that_cannot_be_read_is_never_overwritten(tmp_path: Path) -> None:
    """The message says what to do."""
    path = tmp_path / "run.ckpt"
    kill(path)
    for name, content, message in damaged(path):
        other = tmp_path / name
        other.write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}' cannot be read: .*{message}.*delete it or"):
            classifier(other).fit(X, Y)
        assert other.read_bytes() == content
    write_archive(path, "estimator", Archive({"a": 1}))
    with pytest.raises(ValueError, match="contains 'mlpkit estimator' instead.*not overwritten"):
        classifier(path).fit(X, Y)
    write_archive(path, "checkpoint", Archive({"a": 1}))
    with pytest.raises(ValueError, match=r"its content is invalid\. It is not overwritten"):
        classifier(path).fit(X, Y)


def test_paths(tmp_path: Path) -> None:
    """A folder, a path in no folder, and a string, before the first epoch."""
    trained: list[Report] = []
    with pytest.raises(ValueError, match="is a folder. Set it to the path of a file"):
        classifier(tmp_path, trained.append).fit(X, Y)
    with pytest.raises(ValueError, match="in a folder that does not exist. Create the folder '"):
        classifier(tmp_path / "no" / "run.ckpt", trained.append).fit(X, Y)
    assert not trained
    classifier(str(tmp_path / "run.ckpt")).fit(X, Y)
    assert [path.name for path in tmp_path.iterdir()] == ["run.ckpt"]
    with pytest.raises(ValueError, match="The 'checkpoint' parameter of MLPClassifier must be"):
        classifier(7).fit(X, Y)
    with pytest.raises(ValueError, match="The 'checkpoint_every' parameter of MLPClassifier must"):
        classifier(None, checkpoint_every=0).fit(X, Y)


def test_a_full_disk_does_not_end_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It warns once, and writes the file as soon as that is possible."""
    path, failures = tmp_path / "run.ckpt", iter([False, True, True, False])

    def write(*args: Any) -> None:
        if next(failures, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        write_archive(*args)

    monkeypatch.setattr(checkpoint_file, "write_archive", write)
    with pytest.warns(RuntimeWarning, match=r"could not be written after epoch 2: .*No space") as w:
        whole = classifier(path).fit(X, Y)
    assert len([warning for warning in w if warning.category is RuntimeWarning]) == 1
    assert_same_fit(whole, classifier(path, KillAfter(1)).fit(X, Y))


def test_other_versions_warn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results may differ in their last digits."""
    path = tmp_path / "run.ckpt"
    monkeypatch.setattr(checkpoint_file, "version", lambda name: "0.9")
    kill(path)
    monkeypatch.undo()
    with pytest.warns(UserWarning, match=r"was written with mlpkit 0.9 \(now 0.1.0\), numpy 0.9"):
        classifier(path).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(path).fit(X, Y)  # it is complete


def without_checkpoints(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """A trainer that cannot be continued."""

    def observe(state: Any, report: Report) -> Any:
        return observer(state, report._replace(checkpoint=None))

    return loop.train(job, state, progress, observe)


def unstorable(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """A trainer whose values are not plain."""

    def observe(state: Any, report: Report) -> Any:
        return observer(state, report._replace(checkpoint=lambda answer: {"best": {"f": print}}))

    return loop.train(job, state, progress, observe)


def test_trainers_that_cannot_be_continued(tmp_path: Path) -> None:
    """The message names the trainer, and what to do."""
    path = tmp_path / "run.ckpt"
    with pytest.raises(
        PluginError, match="trainer .*without_checkpoints.*cannot be continued.*Set"
    ):
        classifier(path, trainer=without_checkpoints).fit(X, Y)
    with pytest.raises(PluginError, match=r"trainer .*unstorable.*training\.best\.f is a builtin"):
        classifier(path, trainer=unstorable).fit(X, Y)
    assert not path.exists()
    classifier(None, trainer=without_checkpoints).fit(X, Y)


def keeping(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """A trainer that returns the mark of the progress that it receives."""
    state, after = loop.train(job, state, progress, observer)
    return state, after._replace(interrupted=progress.interrupted)


def test_an_earlier_interrupt_does_not_count(tmp_path: Path) -> None:
    """A warm start after an interrupted fit has a complete checkpoint."""

    def metric(y: Any, p: Any) -> float:
        raise KeyboardInterrupt

    clf = classifier(None, warm_start=True, metrics={"half": metric})
    with pytest.warns(UserWarning, match="interrupted by user"):
        clf.fit(X, Y)
    assert clf._progress.interrupted
    path = tmp_path / "run.ckpt"
    clf.set_params(metrics=None, trainer=keeping, checkpoint=path, warm_start=True).fit(X, Y)
    assert "result" in read_archive(path, "checkpoint")


class Patience:
    """A callback that counts, and lowers the learning rate in every third epoch."""

    def __init__(self, state: Any = None) -> None:
        self.n, self.other_state = 0, state
        self.calls: list[Any] = []

    def on_begin(self, report: Report) -> float:
        """Record the call."""
        self.calls.append(("begin", report.epoch, sorted(report.arrays()), report.learning_rate))
        return 0.003

    def __call__(self, report: Report) -> float | None:
        """Count."""
        self.n += 1
        return report.learning_rate / 2 if self.n % 3 == 0 else None

    def get_state(self) -> Any:
        """The count."""
        return self.other_state or {"n": self.n}

    def set_state(self, state: Any) -> None:
        """Restore the count."""
        self.calls.append(("state", state))
        self.n = state["n"]


def test_callbacks_with_a_state(tmp_path: Path) -> None:
    """`on_begin` is called with the last report, and `set_state` after it."""
    path, whole = tmp_path / "run.ckpt", classifier(None, Patience(), Patience()).fit(X, Y)
    kill(path, Patience(), Patience(), epoch=5)
    callbacks = [Patience(), Patience()]
    assert_same_fit(whole, classifier(path, *callbacks).fit(X, Y))
    names = ["coef_0", "coef_1", "intercept_0", "intercept_1"]
    for callback in callbacks:
        assert callback.calls == [("begin", 4, names, 0.0015), ("state", {"n": 4})]
    assert np.all([c.n == 6 for c in callbacks])


def test_a_state_of_a_callback_that_cannot_be_saved(tmp_path: Path) -> None:
    """The message names the callback."""
    with pytest.raises(PluginError, match=r"callback .*Patience.*get_state.*1\.f is a function"):
        classifier(tmp_path / "run.ckpt", Patience({"f": kill})).fit(X, Y)


def test_each_fit_of_a_search_needs_its_own_file(tmp_path: Path) -> None:
    """The message says so."""
    path = tmp_path / "run.ckpt"
    classifier(path).fit(X[:40], Y[:40])
    with pytest.raises(ValueError, match="Each fit needs a file of its own, also in a search"):
        classifier(path).fit(X[20:], Y[20:])


def test_a_copied_file_continues_too(tmp_path: Path) -> None:
    """The content does not depend on the path."""
    kill(tmp_path / "run.ckpt")
    shutil.copy(tmp_path / "run.ckpt", tmp_path / "copy.ckpt")
    clf = classifier(tmp_path / "copy.ckpt").fit(X, Y)
    assert_same_fit(classifier(None).fit(X, Y), clf)


def test_an_estimator_with_a_path_can_be_saved(tmp_path: Path) -> None:
    """The path is a path again, and training goes on in it."""
    clf = classifier(tmp_path / "run.ckpt", time_limit=1e6).fit(X, Y)
    clf.set_params(callbacks=None).save(tmp_path / "clf.mlpkit")
    loaded = mlpkit.load(tmp_path / "clf.mlpkit")
    assert (loaded.checkpoint, loaded.time_limit) == (tmp_path / "run.ckpt", 1e6)
    assert_same_fit(clf, loaded.fit(X, Y))


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    """Old temporary files of this checkpoint, and nothing else."""
    path = tmp_path / "run [1].ckpt"
    names = [".run [1].ckpt.abc.tmp", ".run [1].ckpt.new.tmp", ".run 1.ckpt.abc.tmp", "a.tmp"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
        if "new" not in name:
            os.utime(tmp_path / name, (0, 0))
    kill(path)
    assert {left.name for left in tmp_path.iterdir()} == {path.name, *names[1:]}
