"""The callbacks of scikit-learn 1.9 and later, which `set_callbacks` takes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import sklearn

from mlpkit.estimators.atomic import Atomic

try:
    from sklearn.callback import CallbackSupportMixin as _Support
    from sklearn.callback import with_callbacks
except ImportError:

    def with_callbacks(method: Any) -> Any:
        """No callbacks, nothing to tear down."""
        return method

    class _Support:  # type: ignore[no-redef]
        @property
        def set_callbacks(self) -> Any:
            """Raise AttributeError: scikit-learn is too old."""
            raise AttributeError(
                "set_callbacks needs scikit-learn 1.9 or later; installed is"
                f" {sklearn.__version__}. The parameter callbacks= works with every version."
            )


if TYPE_CHECKING:
    from mlpkit.training.fit import Fitted
    from mlpkit.training.sklearn_callbacks import FitTasks

# what scikit-learn keeps on an estimator for its callbacks
CALLBACKS, PARENT = "_skl_callbacks", "_parent_callback_ctx"
KEPT = (CALLBACKS, PARENT, "_callback_fit_ctx", "_skl_callbacks_to_teardown")


class CallsHooks(_Support, Atomic):  # type: ignore[misc]
    """For estimators: training calls the hooks of scikit-learn's callbacks."""

    _keep: Callable[["Fitted", bool], None]

    def _train_by(self, work: Callable[[Self, "FitTasks | None"], object]) -> Self:
        """Do the work as `_alter` does, as a task of scikit-learn's callbacks if there are any."""
        state = vars(self)
        if CALLBACKS in state or PARENT in state:
            self._train_as_task(work)
            return self
        return self._alter(lambda draft: work(draft, None))

    @with_callbacks  # type: ignore[untyped-decorator]
    def _train_as_task(self, work: Callable[[Self, "FitTasks | None"], object]) -> None:
        if CALLBACKS not in vars(self):  # those of a Pipeline or a search may look at the tree
            self._init_callback_context()
            self._alter(lambda draft: work(draft, None))
            return
        from mlpkit.training.sklearn_callbacks import FitTasks

        tasks = FitTasks(self, self._init_callback_context(max_subtasks=None))
        before = vars(self)
        self._alter(lambda draft: work(draft, tasks))
        try:
            tasks.end()
        except BaseException:
            object.__setattr__(self, "__dict__", before)
            raise

    def _as_fitted(self, fitted: "Fitted", fresh: bool) -> dict[str, Any]:
        """The attributes of an estimator after a fit that ended so, without callbacks."""
        copy = object.__new__(type(self))
        attributes = {name: value for name, value in vars(self).items() if name not in KEPT}
        object.__setattr__(copy, "__dict__", attributes)
        copy._keep(fitted, fresh)
        return attributes
