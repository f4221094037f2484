"""Support for the callbacks of scikit-learn 1.9 and later, which `set_callbacks` registers."""

from collections.abc import Callable
from typing import Any, Self

import sklearn

from mlpkit.estimators.atomic import alter
from mlpkit.training.tasks import NoTasks, Tasks

try:
    from sklearn.callback import CallbackSupportMixin as _Support
    from sklearn.callback import with_callbacks
except ImportError:

    def with_callbacks(method: Any) -> Any:
        """Return the method unchanged: this version of scikit-learn has no callbacks."""
        return method

    class _Support:  # type: ignore[no-redef]
        @property
        def set_callbacks(self) -> Any:
            """Raise AttributeError: this version of scikit-learn has no callbacks."""
            raise AttributeError(
                "set_callbacks requires scikit-learn 1.9 or later, but version"
                f" {sklearn.__version__} is installed. Use the parameter callbacks= instead."
            )


# attributes of an estimator that belong to scikit-learn's callbacks
CALLBACKS, PARENT = "_skl_callbacks", "_parent_callback_ctx"
CALLBACK_ATTRIBUTES = (CALLBACKS, PARENT, "_callback_fit_ctx", "_skl_callbacks_to_teardown")


class SklearnCallbackSupport(_Support):
    """Mixin of estimators that call the hooks of scikit-learn's callbacks during training."""

    def _fit_atomically(self, work: Callable[[Self, Tasks], object]) -> Self:
        """Call ``work`` as `alter` does, as a task of scikit-learn's callbacks if any are set."""
        state = vars(self)
        if CALLBACKS in state or PARENT in state:
            self._fit_as_task(work)
            return self
        return alter(self, lambda draft: work(draft, NoTasks()))

    @with_callbacks  # type: ignore[untyped-decorator]
    def _fit_as_task(self, work: Callable[[Self, Tasks], object]) -> None:
        """Call ``work`` as a task; the estimator is unchanged if a hook raises an exception."""
        if CALLBACKS not in vars(self):  # a Pipeline or a search has callbacks: no subtasks
            self._init_callback_context()
            alter(self, lambda draft: work(draft, NoTasks()))
            return
        from mlpkit.training.sklearn_callbacks import SklearnTasks

        tasks = SklearnTasks(self, self._init_callback_context(max_subtasks=None))
        before = vars(self)
        alter(self, lambda draft: work(draft, tasks))
        try:
            tasks.end()
        except BaseException:
            object.__setattr__(self, "__dict__", before)
            raise
