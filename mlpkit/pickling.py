"""Checks that report which parameter of an object cannot be pickled."""

import pickle
import sys
from collections.abc import Mapping
from functools import partial
from itertools import islice
from types import FunctionType, MethodType
from typing import Any

# modules that copy functions by value, so that any function can be copied
COPIERS = ("copy", "cloudpickle", "joblib.externals.cloudpickle", "dill")
MAX_VALUES = 1000  # values of a parameter that are searched


def check_picklable(estimator: Any) -> None:
    """Raise PicklingError if `pickle` cannot store a parameter of an estimator or its network."""
    state = estimator.__dict__
    names = [name for name in estimator._parameter_names if name in state]
    check_values(estimator, {name: state[name] for name in names})
    network = state.get("_network")
    if network is None:
        return
    for apply in (network.structure.apply, network.structure.xp_apply):
        if (function := _local_function(apply)) is not None:
            _pickle(estimator, "the network of its builder", apply, function)


def check_values(holder: Any, values: Mapping[str, Any]) -> None:
    """Raise PicklingError with the name of a parameter whose function `pickle` cannot import.

    Nothing is raised if a module that copies functions by value, such as copy or cloudpickle,
    pickles the object.
    """
    for name, value in values.items():
        function = _local_function(value)
        if function is None and name == "builder" and not isinstance(value, FunctionType | str):
            function = value
        if function is not None:
            _pickle(holder, f"the parameter {name}", value, function)


def _pickle(holder: Any, description: str, value: Any, function: Any) -> None:
    """Pickle a value that contains a local function, and explain the error if that fails."""
    if _is_copied_by_value():
        return
    try:
        pickle.dumps(value)
    except Exception as error:
        name = getattr(function, "__qualname__", None) or type(function).__qualname__
        raise pickle.PicklingError(
            f"{type(holder).__name__} cannot be pickled: {description} contains {name!r}, which"
            " pickle cannot import. Define it with `def` at the top level of a module, and pass its"
            " settings by functools.partial or as options instead of a closure; or use"
            " cloudpickle. (n_jobs works with joblib's default backend, 'loky', which uses"
            f" cloudpickle.) {type(error).__name__}: {error}"
        ) from error


def _local_function(value: Any) -> Any:
    """Return a function in a value that cannot be imported by its name, or None.

    Containers, partial objects and the attributes of plain objects are searched, but not the
    attributes of objects in these. Objects with their own ``__reduce__`` or ``__getstate__`` are
    not searched: they decide what is stored.
    """
    stack, n_values = [(value, False)], 0
    while stack and n_values < MAX_VALUES:
        item, is_attribute = stack.pop()
        n_values += 1
        if item is None or isinstance(item, str | bytes | int | float | type):
            continue
        if isinstance(item, FunctionType):
            if not _is_importable(item):
                return item
            continue
        if isinstance(item, partial):
            children: Any = (item.func, *item.args, *item.keywords.values())
        elif isinstance(item, MethodType):
            children = (item.__self__,)
        elif isinstance(item, list | tuple | set | frozenset):
            children = islice(item, MAX_VALUES)
        elif isinstance(item, dict):
            children = islice(item.values(), MAX_VALUES)
        elif is_attribute or not _has_default_pickling(item):
            continue
        else:
            children, is_attribute = getattr(item, "__dict__", {}).values(), True
        stack.extend((child, is_attribute) for child in children)
    return None


def _has_default_pickling(value: Any) -> bool:
    """Return whether pickle stores the attributes of an object unchanged."""
    methods = ("__reduce__", "__reduce_ex__", "__getstate__")
    return all(getattr(type(value), m, None) is getattr(object, m) for m in methods)


def _is_importable(function: FunctionType) -> bool:
    """Return whether the module of a function has it under its qualified name."""
    value: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        value = getattr(value, name, None)
    return value is function or getattr(value, "__wrapped__", None) is function


def _is_copied_by_value() -> bool:
    """Return whether a module that copies functions by value is on the call stack."""
    frame: Any = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(COPIERS):
            return True
        frame = frame.f_back
    return False
