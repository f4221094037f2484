"""Which parameter keeps an estimator from being pickled, told before pickle fails on it."""

import pickle
import sys
from functools import partial
from types import FunctionType, MethodType
from typing import Any

COPIERS = ("copy", "cloudpickle", "joblib.externals.cloudpickle", "dill")  # take any function
DEEPEST = 6  # of containers in containers


def check_picklable(estimator: Any) -> None:
    """PicklingError that names the parameter, for functions that `pickle` can't look up.

    Whoever takes functions by value, as copy and cloudpickle do, is let pass.
    """
    state = estimator.__dict__
    held = {name: state[name] for name in estimator._names if name in state}
    for name, value in held.items():
        if (found := _nameless(value)) is not None:
            _try(estimator, f"the parameter {name}", value, found)
    model = state.get("_model")
    if model is not None and (found := _nameless(model.structure.apply)) is not None:
        _try(estimator, "the network of its builder", model.structure.apply, found)


def _try(estimator: Any, what: str, value: Any, found: Any) -> None:
    """Pickle a value, and say what is wrong if that fails."""
    if _by_value():
        return
    try:
        pickle.dumps(value)
    except Exception as error:
        name = getattr(found, "__qualname__", None) or type(found).__qualname__
        raise pickle.PicklingError(
            f"{type(estimator).__name__} can't be pickled: {what} holds {name!r}, which pickle"
            " can't find by its name. Define it with `def` at the top level of a module that can be"
            " imported, with its settings in a functools.partial or in options instead of in a"
            " closure; or use cloudpickle. (n_jobs works with joblib's default backend, 'loky',"
            f" which does so itself.) {type(error).__name__}: {error}"
        ) from error


def _nameless(value: Any, depth: int = 0) -> Any:
    """A function in a value that no import would find, or another callable that may hold one;
    None if there is none.
    """
    if value is None or isinstance(value, str | bytes | int | float | type):
        return None
    if isinstance(value, FunctionType):
        return None if _is_importable(value) else value
    if depth == DEEPEST:
        return None
    if isinstance(value, partial):
        parts: Any = (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, MethodType):
        parts = (value.__self__,)
    elif isinstance(value, list | tuple | set | frozenset):
        parts = value
    elif isinstance(value, dict):
        parts = value.values()
    else:
        parts = getattr(value, "__dict__", {}).values()
    return next((f for part in parts if (f := _nameless(part, depth + 1)) is not None), None)


def _is_importable(function: FunctionType) -> bool:
    """Whether its module has it under its name."""
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is function or getattr(found, "__wrapped__", None) is function


def _by_value() -> bool:
    """Whether somebody asks who takes functions by value."""
    frame: Any = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(COPIERS):
            return True
        frame = frame.f_back
    return False
