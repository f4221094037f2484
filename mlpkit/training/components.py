"""The components that parameters select: backend, builder, trainer and callbacks."""

import os
from collections.abc import Iterable
from typing import Any

from mlpkit.messages import plain_repr
from mlpkit.plugin import Backend, Builder, Callback, PluginError, Recipe, Trainer
from mlpkit.registry.distributions import CORE
from mlpkit.registry.lookup import adapted, installed, resolve
from mlpkit.training.parameters import Parameters, copied
from mlpkit.training.progress import verbose_callback

BACKEND = "MLPKIT_BACKEND"  # the environment variable that selects the default backend


def backend_name(parameters: Parameters) -> str:
    """The name of the backend, from the parameter or else from the environment."""
    backend = parameters.backend
    if backend is None:
        backend = os.environ.get(BACKEND) or "numpy"
    return backend if isinstance(backend, str) else getattr(backend, "__qualname__", repr(backend))


def backend_of(parameters: Parameters) -> tuple[Backend, dict[str, Any]]:
    """The backend and a copy of its options."""
    backend = parameters.backend
    if backend is None:
        backend = backend_name(parameters)
    try:
        return resolve("backend", backend, copied(parameters.backend_options))
    except (ValueError, PluginError) as error:
        if parameters.backend is not None:
            raise
        if os.environ.get(BACKEND):
            source = f"The name comes from the environment variable {BACKEND}."
        else:
            source = f"The default backend is {backend!r}: choose another one with backend=."
        raise type(error)(f"{error} {source}") from error.__cause__


def builder_of(parameters: Parameters) -> tuple[Builder, dict[str, Any]]:
    """The network builder and its options."""
    builder = "dense" if parameters.builder is None else parameters.builder
    return resolve("builder", builder, parameters.builder_options)


def trainer_of(parameters: Parameters, recipe: Recipe) -> Trainer:
    """The training loop: that of the parameter, or the one that the solver requires."""
    name = recipe.solver.trainer if parameters.trainer is None else parameters.trainer
    if isinstance(name, type):
        raise ValueError(
            f"trainer must be an object, got the class {name.__name__}. Did you mean"
            f" trainer={name.__name__}()?"
        )
    trainer, _ = resolve("trainer", name)
    return trainer


def selected_callbacks(parameters: Parameters, passes: int = 0) -> list[Any]:
    """The values of the parameter `callbacks` as a list; `verbose` adds one.

    ``passes`` has the meaning of `Job.passes`.
    """
    callbacks = parameters.callbacks
    if callbacks is None:
        callbacks = []
    elif isinstance(callbacks, str) or callable(callbacks) or not isinstance(callbacks, Iterable):
        callbacks = [callbacks]
    selected = list(callbacks)
    if parameters.verbose:
        name = verbose_callback(passes)
        selected = [name, *(c for c in selected if not (isinstance(c, str) and c == name))]
    return selected


def callbacks_of(selected: Iterable[Any], parameters: Parameters, **context: Any) -> list[Callback]:
    """The selected callbacks, resolved by name or adapted by a plugin where necessary."""
    callbacks = [_named_callback(c, parameters) if isinstance(c, str) else c for c in selected]
    return [adapted("callback", c, **context) or _callable(c) for c in callbacks]


def _named_callback(name: str, parameters: Parameters) -> Any:
    plugin, component = installed().find("callback", name)
    options = component.options if plugin.distribution == CORE else ()
    return resolve("callback", name)[0](**{o: getattr(parameters, o) for o in options})


def _callable(callback: Any) -> Callback:
    if not callable(callback):
        raise ValueError(
            "callbacks must contain names, callables, or objects that an installed plugin"
            f" adapts, got {plain_repr(callback)}."
        )
    return callback
