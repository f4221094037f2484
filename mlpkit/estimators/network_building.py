"""Calls a network builder, and checks the network that it returns."""

import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from threading import RLock
from typing import Any

import numpy as np

from mlpkit.messages import did_you_mean
from mlpkit.plugin import InvalidResult, Network, Spec
from mlpkit.registry.labels import plugin_suffix
from mlpkit.registry.lookup import adapted
from mlpkit.training.fitted_network import FittedNetwork

_LOCK = RLock()
DTYPES = ("float32", "float64")


def name_of(builder: Any) -> str:
    """The name of a builder in messages."""
    return str(getattr(builder, "__qualname__", None) or repr(builder))


def built_network(
    builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec, rng: np.random.RandomState
) -> FittedNetwork:
    """The network that a builder returns for a spec, with its initial weights."""
    network = network_of(builder, options, spec, rng)
    spec = replace(spec, dtype=_dtype(network, builder), loss=network.loss or spec.loss)
    _check_arrays(network, spec, builder)
    return FittedNetwork(spec, network)


def network_of(
    builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec, rng: np.random.RandomState
) -> Network:
    """Call a builder with the spec, with the rng if it has a second parameter without a default,
    and with the options.
    """
    name = name_of(builder)
    arguments: list[Any] = [spec]
    try:
        parameters = list(inspect.signature(builder).parameters.values())
    except (TypeError, ValueError):  # a callable without a signature
        arguments.append(rng)
    else:
        if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
            raise ValueError(
                f"builder {name} accepts no argument. It must accept the spec, as in"
                " `def builder(spec, ...)`."
            )
        if _wants_rng(parameters, options):
            arguments.append(rng)
        _check_options(name, parameters[len(arguments) :], options)
    with _seeded(spec.seed):
        try:
            made = builder(*arguments, **options)
        except Exception as error:
            error.add_note(f"This error was raised by builder {name}, called with {options}.")
            raise
    if isinstance(made, Network):
        return made
    if made is None:
        raise ValueError(
            f"builder {name} returned None. It must return the network: does it end with"
            " `return model`?"
        )
    network = adapted("builder", made, spec=spec, builder=builder, options=dict(options))
    if not isinstance(network, Network):
        raise ValueError(
            f"builder {name} returned {type(made).__module__}.{type(made).__qualname__}."
            " It must return a mlpkit.plugin.Network, or a model of a framework for which a"
            " plugin is installed (`mlpkit plugins` lists the plugins)."
        )
    return network


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the generator of Python, from which frameworks draw seeds, and restore its state."""
    with _LOCK:
        before = random.getstate()
        try:  # an interrupt before the block must restore the state too
            random.seed(seed)
            yield
        finally:
            random.setstate(before)


def _wants_rng(parameters: list[inspect.Parameter], options: Mapping[str, Any]) -> bool:
    if len(parameters) < 2:
        return False
    second = parameters[1]
    positional = second.kind in (second.POSITIONAL_ONLY, second.POSITIONAL_OR_KEYWORD)
    return positional and second.default is second.empty and second.name not in options


def _check_options(
    name: str, parameters: list[inspect.Parameter], options: Mapping[str, Any]
) -> None:
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for option in options:
        if option not in known:
            raise ValueError(
                f"builder {name} has no option {option!r}; its options are:"
                f" {', '.join(known) or 'none'}."
                f" {did_you_mean(option, known)}".rstrip()
            )


def _check_arrays(network: Network, spec: Spec, builder: Any) -> None:
    """Raise InvalidResult if the initial weights do not fit the network."""

    def wrong(what: str) -> InvalidResult:
        return InvalidResult(f"builder {name_of(builder)}{plugin_suffix(builder)} returned {what}.")

    arrays = network.arrays
    if unknown := sorted((network.decayed | network.frozen) - arrays.keys()):
        raise wrong(f"no weights named {', '.join(unknown)}, which decayed or frozen name")
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise wrong(f"{name!r} of {type(array).__name__}; expected NumPy arrays")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise wrong(f"{name!r} with values that are not finite")
    if network.apply is None:
        expected: dict[str, tuple[int, ...]] = {}
        for i, (n, m) in enumerate(pairwise(spec.layer_units)):
            expected |= {f"coef_{i}": (n, m), f"intercept_{i}": (m,)}
        shapes = {name: array.shape for name, array in arrays.items()}
        if shapes != expected:
            raise wrong(
                f"weights {shapes} without an `apply`; the dense network of this spec has"
                f" {expected}"
            )


def _dtype(network: Network, builder: Any) -> Any:
    """The dtype of the trained arrays."""
    dtypes = {
        np.asarray(a).dtype.name for n, a in network.arrays.items() if n not in network.frozen
    }
    if len(dtypes) != 1 or not dtypes <= set(DTYPES):
        raise ValueError(
            f"builder {name_of(builder)} must return trained weights of one dtype,"
            f" {' or '.join(DTYPES)}, got {' and '.join(sorted(dtypes)) or 'no weights'}."
        )
    return dtypes.pop()
