"""The adapter of this plugin's callbacks: a callback of its own for each fit."""

from typing import Any


def adapt(kind: str, obj: Any, **context: Any) -> Any:
    """Return a copy of a callback for one fit, or None for another kind of object.

    The copy keeps the state of its fit, so that an object can be the parameter of several
    estimators, also in several threads.
    """
    if kind != "callback" or not hasattr(obj, "for_fit"):
        return None
    return obj.for_fit(context["spec"], context["recipe"], context["metrics"])
