"""Conformance tests of callbacks."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from mlpkit import MLPClassifier
from mlpkit.plugin import Callback, Report
from mlpkit.registry.lookup import resolve
from mlpkit.testing.cases import close, data, spec, stored
from mlpkit.testing.conformance import ConformanceTests


def ignore(argument: Any) -> None:
    """Do nothing, in place of a method that a callback does not have."""


class Recorded:
    """A callback with the methods of another one, which records what that one returns."""

    def __init__(self, callback: Callback) -> None:
        self.callback = callback
        self.results: list[Any] = []
        for name in ("on_begin", "on_end"):
            if hasattr(callback, name):
                setattr(self, name, getattr(callback, name))

    def __call__(self, report: Report) -> Any:
        """Call the callback, and record what it returns."""
        self.results.append(self.callback(report))
        return self.results[-1]


class CallbackTests(ConformanceTests):
    """Conformance tests of a callback.

    Subclass it and set ``callback``.

    Attributes
    ----------
    callback : str
        Name of the callback.
    options : dict, default={}
        Options of the callback.
    exempt : dict of str, default={}
        Tests that the callback cannot pass, with the reason for each.

    Examples
    --------
    >>> from mlpkit.testing import CallbackTests
    >>> class TestPrint(CallbackTests):
    ...     callback = "print"
    """

    callback: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def temporary_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Run each test in a folder of its own, for the files of the callback."""
        monkeypatch.chdir(tmp_path)

    def made(self) -> Callback:
        """Return a new callback."""
        factory, options = resolve("callback", self.callback, self.options)
        made = factory(**options)
        assert callable(made), (
            f"the factory returned {made!r}; it must return a function of an mlpkit.plugin.Report"
        )
        return made

    def reports(self, weights: Any = None) -> list[Report]:
        """Return ten reports whose loss decreases, increases, and is infinite and NaN at the end.
        Every second report has a score.
        """
        losses = [1.0, 0.5, 0.25, 0.24, 0.24, 0.3, 0.4, 0.5, np.inf, np.nan]
        weights = {"coef_0": np.ones((2, 2))} if weights is None else weights
        return [
            Report(
                i, loss, None if i % 2 else 0.5, 0.01, 0.1, "a note" if i > 7 else None
            )._replace(arrays=lambda: weights)
            for i, loss in enumerate(losses, 1)
        ]

    def results(self, weights: Any = None) -> list[Any]:
        """Return the results of a new callback for all reports."""
        made, reports = self.made(), self.reports(weights)
        begin, end = getattr(made, "on_begin", None), getattr(made, "on_end", None)
        first = [begin(reports[0]._replace(epoch=0))] if begin else []
        results = first + [made(report) for report in reports]
        if end:
            weights = end(reports[-1])
            assert weights is None or isinstance(weights, dict), (
                "`on_end` must return a dict of weights or None"
            )
        return results

    def test_the_result_is_valid_for_every_report(self) -> None:
        """The result is None or False to continue, True to stop, or a float, the learning rate."""
        for result in self.results():
            assert result is None or isinstance(result, bool | float), (
                f"the callback returned {result!r}; it must return None or False to"
                " continue, True to stop, or a float, the learning rate"
            )
            assert not isinstance(result, float) or isinstance(result, bool) or result > 0, (
                f"the callback returned {result!r}, which is not a valid learning rate"
            )

    def test_weights_are_not_modified(self) -> None:
        """The callback does not write into the weights of a report."""
        weights = {"coef_0": np.arange(4.0).reshape(2, 2)}
        weights["coef_0"].flags.writeable = False
        self.results(weights)
        assert weights.keys() == {"coef_0"}

    def test_callbacks_are_independent(self) -> None:
        """Two callbacks from the same factory share no state."""
        np.testing.assert_equal(self.results(), self.results())

    def test_it_continues_from_its_state(self) -> None:
        """A new callback that receives the state of another one returns the same results from then
        on. A callback without `get_state` and `set_state` has no state.
        """
        reports = self.reports()
        first, second = self.made(), self.made()
        getattr(first, "on_begin", ignore)(reports[0]._replace(epoch=0))
        for report in reports[:5]:
            first(report)
        state = stored({"state": getattr(first, "get_state", dict)()})["state"]
        whole = [first(report) for report in reports[5:]]
        getattr(second, "on_begin", ignore)(reports[4])
        getattr(second, "set_state", ignore)(state)
        np.testing.assert_equal([second(report) for report in reports[5:]], whole)
        for callback in (first, second):
            getattr(callback, "on_end", ignore)(reports[-1])

    def test_global_state_is_not_modified(self) -> None:
        """NumPy's global generator, its error handling and the warning filters do not change."""
        before = np.random.get_state(legacy=False), list(warnings.filters), np.geterr()
        self.results()
        after = np.random.get_state(legacy=False), list(warnings.filters), np.geterr()
        np.testing.assert_equal(before[0], after[0])
        assert before[1:] == after[1:]

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_an_estimator_trains(self) -> None:
        """An estimator trains with the callback. Its weights equal those without the callback
        unless it stops training or sets the learning rate.
        """
        X, y, _ = data(spec(), 60)
        recorded, estimators = Recorded(self.made()), []
        for observer in (None, recorded):
            clf = MLPClassifier((4,), callbacks=observer, random_state=0, max_iter=6)
            estimators.append(clf.fit(X, y.argmax(axis=1)))
        assert len(recorded.results) == estimators[1].n_iter_
        if not any(recorded.results):
            close(estimators[0].coefs_[0], estimators[1].coefs_[0], 0)
