"""Which parameter keeps an estimator or a report from being pickled, told before it fails."""

import pickle
import sys
from collections.abc import Mapping
from functools import partial
from itertools import islice
from types import FunctionType, MethodType
from typing import Any

COPIERS = ("copy", "cloudpickle", "joblib.externals.cloudpickle", "dill")  # take any function
MOST = 1000  # values of a parameter that are looked at


def check_picklable(estimator: Any) -> None:
    """PicklingError for a parameter of an estimator, or its network, that `pickle` can't take."""
    state = estimator.__dict__
    check_values(estimator, {name: state[name] for name in estimator._names if name in state})
    model = state.get("_model")
    if model is not None and (found := _nameless(model.structure.apply)) is not None:
        _try(estimator, "the network of its builder", model.structure.apply, found)


def check_values(holder: Any, values: Mapping[str, Any]) -> None:
    """PicklingError that names the parameter, for functions that `pickle` can't look up.

    Whoever takes functions by value, as copy and cloudpickle do, is let pass.
    """
    for name, value in values.items():
        found = _nameless(value)
        if found is None and name == "builder" and not isinstance(value, FunctionType | str):
            found = value
        if found is not None:
            _try(holder, f"the parameter {name}", value, found)


def _try(holder: Any, what: str, value: Any, found: Any) -> None:
    """Pickle a value, and say what is wrong if that fails."""
    if _by_value():
        return
    try:
        pickle.dumps(value)
    except Exception as error:
        name = getattr(found, "__qualname__", None) or type(found).__qualname__
        raise pickle.PicklingError(
            f"{type(holder).__name__} can't be pickled: {what} holds {name!r}, which pickle"
            " can't find by its name. Define it with `def` at the top level of a module that can be"
            " imported, with its settings in a functools.partial or in options instead of in a"
            " closure; or use cloudpickle. (n_jobs works with joblib's default backend, 'loky',"
            f" which does so itself.) {type(error).__name__}: {error}"
        ) from error


def _nameless(value: Any) -> Any:
    """A function in a value that no import would find; None if there is none.

    Containers, partials and the attributes of plain objects are searched, not the objects in
    those: who writes a ``__reduce__`` or ``__getstate__`` knows what is kept.
    """
    waiting, seen = [(value, False)], 0
    while waiting and seen < MOST:
        each, inside = waiting.pop()
        seen += 1
        if each is None or isinstance(each, str | bytes | int | float | type):
            continue
        if isinstance(each, FunctionType):
            if not _is_importable(each):
                return each
            continue
        if isinstance(each, partial):
            parts: Any = (each.func, *each.args, *each.keywords.values())
        elif isinstance(each, MethodType):
            parts = (each.__self__,)
        elif isinstance(each, list | tuple | set | frozenset):
            parts = islice(each, MOST)
        elif isinstance(each, dict):
            parts = islice(each.values(), MOST)
        elif inside or not _is_plain(each):
            continue
        else:
            parts, inside = getattr(each, "__dict__", {}).values(), True
        waiting.extend((part, inside) for part in parts)
    return None


def _is_plain(value: Any) -> bool:
    """Whether pickle takes the attributes of an object as they are."""
    kind = type(value)
    names = ("__reduce__", "__reduce_ex__", "__getstate__")
    return all(getattr(kind, name, None) is getattr(object, name) for name in names)


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
