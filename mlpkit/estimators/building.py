"""From a builder to an untrained model: the call, and the checks on what it returns."""

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
from mlpkit.training.model import Model

_LOCK = RLock()
DTYPES = ("float32", "float64")


def name_of(builder: Any) -> str:
    """How messages call a builder."""
    return str(getattr(builder, "__qualname__", None) or repr(builder))


def initial(
    builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec, rng: np.random.RandomState
) -> Model:
    """The untrained model that a builder makes for a spec.

    Errors name the builder, what was expected and what came.
    """
    network = network_of(builder, options, spec, rng)
    spec = replace(spec, dtype=_dtype(network, builder), loss=network.loss or spec.loss)
    _check_arrays(network, spec, builder)
    return Model(spec, network)


def network_of(
    builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec, rng: np.random.RandomState
) -> Network:
    """Call a builder with what its signature takes: the spec; the rng, if there is a second
    parameter without a default; and the options.
    """
    name = name_of(builder)
    given: list[Any] = [spec]
    try:
        parameters = list(inspect.signature(builder).parameters.values())
    except (TypeError, ValueError):  # a callable that does not tell
        given.append(rng)
    else:
        if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
            raise ValueError(
                f"builder {name} takes no argument; expected one for the spec, as in"
                " `def builder(spec, ...)`."
            )
        if _wants_rng(parameters, options):
            given.append(rng)
        _check_options(name, parameters[len(given) :], options)
    with _seeded(spec.seed):
        try:
            made = builder(*given, **options)
        except Exception as error:
            error.add_note(f"This error was raised by builder {name}, called with {options}.")
            raise
    if isinstance(made, Network):
        return made
    if made is None:
        raise ValueError(
            f"builder {name} returned None. It must return the network that it makes: does it"
            " end in `return model`?"
        )
    network = adapted("builder", made, spec=spec, builder=builder, options=dict(options))
    if not isinstance(network, Network):
        raise ValueError(
            f"builder {name} returned {type(made).__module__}.{type(made).__qualname__}."
            " It must return a mlpkit.plugin.Network, or a model of a framework for which a"
            " plugin is installed (`mlpkit plugins` lists them)."
        )
    return network


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Python's own generator, which frameworks draw default seeds from, in a known state;
    what it was comes back.
    """
    with _LOCK:
        before = random.getstate()
        try:  # an interrupt between the seed and the block is one inside it
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
                f"builder {name} has no option {option!r}; it takes: {', '.join(known) or 'none'}."
                f" {did_you_mean(option, known)}".rstrip()
            )


def _check_arrays(network: Network, spec: Spec, builder: Any) -> None:
    """InvalidResult for initial weights that can't be those of the network."""

    def wrong(what: str) -> InvalidResult:
        return InvalidResult(f"builder {name_of(builder)}{plugin_suffix(builder)} made {what}.")

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
    """The one dtype of the trained arrays."""
    dtypes = {
        np.asarray(a).dtype.name for n, a in network.arrays.items() if n not in network.frozen
    }
    if len(dtypes) != 1 or not dtypes <= set(DTYPES):
        raise ValueError(
            f"builder {name_of(builder)} made trained weights of dtype"
            f" {' and '.join(sorted(dtypes)) or 'none (there are none)'}; expected all of one,"
            f" {' or '.join(DTYPES)}."
        )
    return dtypes.pop()
