"""Where a fit continues: random generators, warm starts, and fits that were interrupted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_fits import LABELS, X, classifier

from mlpkit import MLPClassifier
from mlpkit.plugin import Report
from mlpkit.testing.resuming import KillAfter, Killed, assert_same_fit

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.mark.parametrize("kind", ["global", "instance", "other bit generator"])
def test_random_states(kind: str, tmp_path: Path) -> None:
    """A generator without a seed continues from its state at the start of the killed fit, and that
    of the user ends in the same state as after a whole fit.
    """

    def random_state(seed: int) -> Any:
        np.random.seed(seed)
        if kind == "global":
            return None
        if kind == "instance":
            return np.random.RandomState(seed)
        return np.random.RandomState(np.random.PCG64(seed))

    states = [random_state(3)]
    whole = classifier(None, random_state=states[0], early_stopping=True).fit(X, LABELS)
    for seed, killer in ((3, [KillAfter(4)]), (8, []), (9, [])):
        states.append(random_state(seed))
        before = np.random.get_state(legacy=False)
        clf = classifier(
            tmp_path / "run.ckpt", killer, random_state=states[-1], early_stopping=True
        )
        if killer:
            with pytest.raises(Killed):
                clf.fit(X, LABELS)
            continue
        assert_same_fit(whole, clf.fit(X, LABELS))
        np.testing.assert_equal(np.random.get_state(legacy=False), before)
        if kind != "global":
            expected = states[0].get_state(legacy=False)
            np.testing.assert_equal(states[-1].get_state(legacy=False), expected)


def test_a_warm_start_continues_from_the_same_weights(tmp_path: Path) -> None:
    """With the losses of earlier calls; other weights are an error, and so is a second call."""

    def first(**params: Any) -> MLPClassifier:
        return classifier(None, warm_start=True, **params).fit(X, LABELS)

    whole = first().set_params(max_iter=6).fit(X, LABELS)
    path = tmp_path / "run.ckpt"
    killed = first().set_params(max_iter=6, checkpoint=path, callbacks=[KillAfter(4)])
    with pytest.raises(Killed):
        killed.fit(X, LABELS)
    assert len(killed.loss_curve_) == 9
    other = first(random_state=1).set_params(random_state=0, max_iter=6, checkpoint=path)
    with pytest.raises(ValueError, match=r"the fitted array 'coef_0' has other values in"):
        other.fit(X, LABELS)
    parts = first().set_params(max_iter=6, checkpoint=path).fit(X, LABELS)
    assert_same_fit(whole, parts)
    with pytest.raises(ValueError, match="the fitted array 'coef_0' has other values"):
        parts.fit(X, LABELS)


def test_a_resumed_fit_trains_the_missing_epochs_only(tmp_path: Path) -> None:
    """Those after the last multiple of checkpoint_every; a complete file trains none."""
    epochs: list[int] = []

    def record(report: Report) -> None:
        epochs.append(report.epoch)

    def make(*more: Any) -> MLPClassifier:
        path = tmp_path / "run.ckpt"
        return classifier(path, [record, *more], checkpoint_every=3)

    with pytest.raises(Killed):
        make(KillAfter(8)).fit(X, LABELS)
    make().fit(X, LABELS)
    make().fit(X, LABELS)
    assert epochs == [*range(1, 9), 7, 8, 9]


class Interrupt:
    """A callback and a metric that stands for Ctrl-C in its call of this number."""

    def __init__(self, at: int) -> None:
        self.at, self.n_calls = at, 0

    def __call__(self, *args: Any) -> Any:
        """Raise KeyboardInterrupt once."""
        self.n_calls += 1
        if self.n_calls == self.at:
            raise KeyboardInterrupt
        return 0.5 if len(args) == 2 else None


@pytest.mark.parametrize("where", ["callbacks", "metrics"])
def test_an_interrupted_fit_can_be_continued(where: str, tmp_path: Path) -> None:
    """Ctrl-C keeps the result so far, and the file stays, to be continued."""

    def make(at: int, checkpoint: Any) -> MLPClassifier:
        interrupt: Any = Interrupt(at)
        value = [interrupt] if where == "callbacks" else {"half": interrupt}
        return classifier(checkpoint, **{where: value} if where == "metrics" else {}).set_params(
            **{where: value}
        )

    whole = make(-1, None).fit(X, LABELS)
    with pytest.warns(UserWarning, match="interrupted by user"):
        first = make(4, tmp_path / "run.ckpt").fit(X, LABELS)
    assert first.n_iter_ == (4 if where == "callbacks" else 3)
    assert_same_fit(whole, make(-1, tmp_path / "run.ckpt").fit(X, LABELS))
