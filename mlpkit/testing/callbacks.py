"""Laws of callbacks, as a test class to subclass (see `mlpkit.testing`)."""

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from mlpkit import MLPClassifier
from mlpkit.plugin import Callback, Report
from mlpkit.registry.lookup import resolve
from mlpkit.testing.cases import close, data, spec
from mlpkit.testing.conformance import ConformanceTests


class CallbackTests(ConformanceTests):
    """Laws of a callback, by its name."""

    callback: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def made(self) -> Callback:
        """A new callback."""
        factory, options = resolve("callback", self.callback, self.options)
        made = factory(**options)
        assert callable(made), (
            f"the factory returned {made!r}; it must return a function of a mlpkit.plugin.Report"
        )
        return made  # type: ignore[no-any-return]

    def reports(self, weights: Any = None) -> list[Report]:
        """Ten epochs: the loss falls, then rises, then is not a number; some with a score."""
        losses = [1.0, 0.5, 0.25, 0.24, 0.24, 0.3, 0.4, 0.5, np.inf, np.nan]
        weights = {"coef_0": np.ones((2, 2))} if weights is None else weights
        return [
            Report(
                i, loss, None if i % 2 else 0.5, 0.01, 0.1, "a note" if i > 7 else None
            )._replace(arrays=lambda: weights)
            for i, loss in enumerate(losses, 1)
        ]

    def answers(self, weights: Any = None) -> list[Any]:
        """What a new one says to the reports."""
        made, reports = self.made(), self.reports(weights)
        begin, end = getattr(made, "on_begin", None), getattr(made, "on_end", None)
        first = [begin(reports[0]._replace(epoch=0))] if begin else []
        found = first + [made(report) for report in reports]
        if end:
            kept = end(reports[-1])
            assert kept is None or isinstance(kept, dict), (
                "`on_end` returns weights by name, or None"
            )
        return found

    def test_it_answers_every_report(self) -> None:
        """None or False goes on, True stops, a float is a learning rate; nothing else."""
        for answer in self.answers():
            assert answer is None or isinstance(answer, bool | float), (
                f"it answered {answer!r}; None or False goes on, True stops, a float is a rate"
            )
            assert not isinstance(answer, float) or isinstance(answer, bool) or answer > 0, (
                f"it answered {answer!r}, which is no learning rate"
            )

    def test_weights_are_left_alone(self) -> None:
        """What a report shows is not written to."""
        weights = {"coef_0": np.arange(4.0).reshape(2, 2)}
        weights["coef_0"].flags.writeable = False
        self.answers(weights)
        assert weights.keys() == {"coef_0"}

    def test_each_is_new(self) -> None:
        """A second one knows nothing of the first: fits do not reach into each other."""
        np.testing.assert_equal(self.answers(), self.answers())

    def test_no_global_state_is_touched(self) -> None:
        """NumPy's generator and the handling of warnings stay as they are."""
        before = np.random.get_state(legacy=False), list(warnings.filters), np.geterr()
        self.answers()
        after = np.random.get_state(legacy=False), list(warnings.filters), np.geterr()
        np.testing.assert_equal(before[0], after[0])
        assert before[1:] == after[1:]

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_it_listens_to_an_estimator(self) -> None:
        """Weights are those without it, up to where it stops or sets a rate."""
        X, y, _ = data(spec(), 60)
        made, said = self.made(), []

        def listener(report: Report) -> Any:
            answer = made(report)
            said.append(answer)
            return answer

        found = []
        for callback in (None, listener):
            clf = MLPClassifier((4,), callbacks=callback, random_state=0, max_iter=6)
            found.append(clf.fit(X, y.argmax(axis=1)))
        assert len(said) == found[1].n_iter_
        if not any(said):
            close(found[0].coefs_[0], found[1].coefs_[0], 0)
