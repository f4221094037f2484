"""The base class of this plugin's callbacks, and the adapter that copies them for each fit."""

from collections.abc import Iterable
from copy import copy
from typing import Any, ClassVar, Self

from mlpkit.plugin import Metric, Recipe, Spec


class FitCallback:
    """Callback of which each fit uses a copy.

    The copy keeps the state of its fit, so that an object can be the parameter of several
    estimators, also in several threads.
    """

    only_observes: ClassVar[bool] = True  # a resumed fit may have another logger or trial

    def for_fit(self, spec: Spec, recipe: Recipe, metrics: Iterable[Metric]) -> Self:
        """Return a copy for one fit.

        Parameters
        ----------
        spec : Spec
            The network.
        recipe : Recipe
            How it is trained.
        metrics : iterable of Metric
            The metrics that are measured.

        Returns
        -------
        callback : FitCallback
            A callback of the same class.
        """
        callback = copy(self)
        callback._prepare(spec, recipe, tuple(metrics))
        return callback

    def _prepare(self, spec: Spec, recipe: Recipe, metrics: tuple[Metric, ...]) -> None:
        """Keep what the callback needs of a fit; nothing by default."""


def adapt(kind: str, obj: Any, **context: Any) -> FitCallback | None:
    """Return the copy of a callback of this plugin for one fit, or None for other objects."""
    if kind != "callback" or not isinstance(obj, FitCallback):
        return None
    return obj.for_fit(context["spec"], context["recipe"], context["metrics"])
