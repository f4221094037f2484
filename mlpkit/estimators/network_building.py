"""Construction of a network by a builder, and validation of the network."""

import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from numbers import Real
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


def builder_name(builder: Any) -> str:
    """Return the name of a builder for messages."""
    return str(getattr(builder, "__qualname__", None) or repr(builder))


def built_network(
    builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec, rng: np.random.RandomState
) -> FittedNetwork:
    """Return the network that a builder constructs for a spec, with its initial weights."""
    network = network_of(builder, options, spec, rng)
    dtype, loss = _trained_dtype(network, builder), network.loss or spec.loss
    spec = replace(spec, dtype=dtype, loss=loss, sample=None)
    _check_arrays(network, spec, builder)
    return FittedNetwork(spec, network)


def network_of(
    builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec, rng: np.random.RandomState
) -> Network:
    """Return the network of a builder, which is called with the spec and the options.

    A builder whose second parameter has no default is also called with ``rng``. The result may
    be a model of a framework that a plugin adapts.
    """
    name = builder_name(builder)
    arguments: list[Any] = [spec]
    try:
        parameters = list(inspect.signature(builder).parameters.values())
    except (TypeError, ValueError):  # a callable without a signature
        arguments.append(rng)
    else:
        if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
            raise ValueError(
                f"builder {name} accepts no arguments. It must accept the spec, as in"
                " `def builder(spec, ...)`."
            )
        if _requires_rng(parameters, options):
            arguments.append(rng)
        _check_options(name, parameters[len(arguments) :], options)
    with _seeded(spec.seed):
        try:
            result = builder(*arguments, **options)
        except Exception as error:
            error.add_note(f"This error was raised by builder {name}, called with {options}.")
            raise
    if isinstance(result, Network):
        return result
    if result is None:
        raise ValueError(
            f"builder {name} returned None. It must return the network. Does it end with"
            " `return model`?"
        )
    network = adapted("builder", result, spec=spec, builder=builder, options=dict(options))
    if not isinstance(network, Network):
        raise ValueError(
            f"builder {name} returned {type(result).__module__}.{type(result).__qualname__}."
            " It must return an mlpkit.plugin.Network, or a model of a framework for which a"
            " plugin is installed (`mlpkit plugins` lists the plugins)."
        )
    return network


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed Python's generator, from which frameworks draw their seeds, and restore its state."""
    with _LOCK:
        before = random.getstate()
        try:  # an interrupt before the `with` block must restore the state, too
            random.seed(seed)
            yield
        finally:
            random.setstate(before)


def _requires_rng(parameters: list[inspect.Parameter], options: Mapping[str, Any]) -> bool:
    """Return whether the second parameter must be passed by position and is not an option."""
    if len(parameters) < 2:
        return False
    second = parameters[1]
    positional = second.kind in (second.POSITIONAL_ONLY, second.POSITIONAL_OR_KEYWORD)
    return positional and second.default is second.empty and second.name not in options


def _check_options(
    name: str, parameters: list[inspect.Parameter], options: Mapping[str, Any]
) -> None:
    """Raise ValueError for an option that is not a parameter of the builder."""
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    accepted = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for option in options:
        if option not in accepted:
            raise ValueError(
                f"builder {name} has no option {option!r}; its options are:"
                f" {', '.join(accepted) or 'none'}."
                f" {did_you_mean(option, accepted)}".rstrip()
            )


def _check_arrays(network: Network, spec: Spec, builder: Any) -> None:
    """Raise InvalidResult if the initial weights are invalid for the network."""
    problem = (
        _problem_of_names(network)
        or _problem_of_factors(network)
        or _problem_of_values(network)
        or _problem_of_forward_pass(network)
        or _problem_of_dense_shapes(network, spec)
    )
    if problem:
        name = f"{builder_name(builder)}{plugin_suffix(builder)}"
        raise InvalidResult(f"builder {name} returned {problem}.")


def _problem_of_names(network: Network) -> str:
    """Describe names of weights that the network does not have, or return ''."""
    unknown = sorted((network.decayed | network.frozen) - network.arrays.keys())
    if not unknown:
        return ""
    names = ", ".join(unknown)
    return f"a network whose `decayed` or `frozen` contains {names}, which it has no weights for"


def _problem_of_factors(network: Network) -> str:
    """Describe an invalid factor of the learning rate or of the weight decay, or return ''."""
    trained = network.arrays.keys() - network.frozen
    for field in ("learning_rate_factors", "weight_decay_factors"):
        for name, factor in getattr(network, field).items():
            if name not in trained:
                return f"a network whose `{field}` contains {name!r}, which is not trained"
            is_number = isinstance(factor, Real) and not isinstance(factor, bool)
            if not is_number or not 0 <= float(factor) < np.inf:
                return (
                    f"a network whose `{field}` contains {factor!r} for {name!r}; expected a finite"
                    " number >= 0"
                )
    return ""


def _problem_of_values(network: Network) -> str:
    """Describe weights that are not finite numbers, or return ''."""
    for name, array in network.arrays.items():
        if not isinstance(array, np.ndarray):
            return f"{name!r} of type {type(array).__name__}; expected a NumPy array"
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return f"{name!r} with values that are not finite"
    return ""


def _problem_of_forward_pass(network: Network) -> str:
    """Describe a conflict between the forward pass and the number of models, or return ''."""
    if network.apply is not None and network.xp_apply is not None:
        return "a network with both `apply` and `xp_apply`; it must have one of them"
    if network.xp_apply is None and (network.n_members or network.n_models):
        return (
            f"a network with n_members={network.n_members} and n_models={network.n_models} and no"
            " `xp_apply`, which both require"
        )
    for name, array in network.arrays.items() if network.n_models else ():
        if array.shape[:1] != (network.n_models,):
            return (
                f"{name!r} of the shape {array.shape} in a network with"
                f" n_models={network.n_models}, which is the length of the first axis of its arrays"
            )
    return ""


def _problem_of_dense_shapes(network: Network, spec: Spec) -> str:
    """Describe weights of other shapes than those of the dense network, or return ''."""
    if network.apply is not None or network.xp_apply is not None:
        return ""
    expected: dict[str, tuple[int, ...]] = {}
    for i, (n, m) in enumerate(pairwise(spec.layer_units)):
        expected |= {f"coef_{i}": (n, m), f"intercept_{i}": (m,)}
    shapes = {name: array.shape for name, array in network.arrays.items()}
    if shapes == expected:
        return ""
    return (
        f"weights of the shapes {shapes} and no `apply`; the dense network of this spec has weights"
        f" of the shapes {expected}"
    )


def _trained_dtype(network: Network, builder: Any) -> Any:
    """Return the dtype of the trained weights."""
    dtypes = {
        np.asarray(a).dtype.name for n, a in network.arrays.items() if n not in network.frozen
    }
    if len(dtypes) != 1 or not dtypes <= set(DTYPES):
        raise ValueError(
            f"builder {builder_name(builder)} must return trained weights of one dtype,"
            f" {' or '.join(DTYPES)}, got {' and '.join(sorted(dtypes)) or 'no weights'}."
        )
    return dtypes.pop()
