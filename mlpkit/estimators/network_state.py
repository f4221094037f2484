"""A fitted network as plain values, and back."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import numpy as np

from mlpkit.data.targets import Targets
from mlpkit.estimators.limited_draws import LimitedDraws, check_sizes
from mlpkit.estimators.network_building import network_of
from mlpkit.estimators.records import plain, restored
from mlpkit.estimators.spec_state import loss_record, spec_of, spec_state
from mlpkit.estimators.stored_objects import StoredMember, restored_member
from mlpkit.files.fields import Fields
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.plugin import Arrays, Kind, Network, Spec
from mlpkit.registry.provenance import Source
from mlpkit.registry.stored_names import required
from mlpkit.training.fitted_network import FittedNetwork

OF_DENSE = ("decayed", "frozen")  # names of arrays
FACTORS = ("learning_rate_factors", "weight_decay_factors")
FORMS = ("dense", "builder", "object")


def network_state(network: FittedNetwork) -> dict[str, Any]:
    """Return the state of a network.

    The structure is a `Network` without arrays if it has no plain form.
    """
    structure = network.structure
    return {
        "sources": [list(source) for source in network.sources],
        "spec": spec_state(network.spec),
        "loss": None if structure.loss is not None else loss_record(network.spec.loss),
        "structure": _structure_state(network),
        "arrays": network.arrays,
        "optimizer_state": network.optimizer_state,
        "layers": _layers_state(network),
    }


def _structure_state(network: FittedNetwork) -> Any:
    structure = network.structure
    rest = structure.loss, structure.solver, structure.metrics, structure.n_models
    if network.is_dense and rest == (None, None, (), 0):
        return {
            "form": "dense",
            **{name: sorted(getattr(structure, name)) for name in OF_DENSE},
            **{name: dict(getattr(structure, name)) for name in FACTORS},
        }
    builder, options = network.origin
    if isinstance(builder, str) and structure.apply is None:
        return {"form": "builder", "builder": builder, "options": plain(dict(options))}
    return structure


def _layers_state(network: FittedNetwork) -> Any:
    """None without layers, True if their arrays are those of the network."""
    if not network.is_edited:
        return None
    layers = network.layers
    own = DenseLayers.of(network.arrays)
    for values, arrays in zip(layers, own, strict=True):
        if len(values) != len(arrays) or any(
            a is not b for a, b in zip(values, arrays, strict=True)
        ):
            return {"coefs": list(layers.coefs), "intercepts": list(layers.intercepts)}
    return True


def restored_network(state: Any, targets: Targets) -> FittedNetwork:
    """Return the network of a state; raise ValueError if it is invalid.

    Raises PluginError if it requires a plugin that is not installed.
    """
    fields = Fields(state, "network")
    arrays, optimizer_state = fields.arrays("arrays"), fields.arrays("optimizer_state")
    spec = spec_of(fields.value("spec", dict), fields.value("loss"), targets)
    structure, origin = _structure_of(fields, arrays, spec)
    if structure.loss is not None:
        spec = replace(spec, loss=structure.loss)
    check_optimizer_state(optimizer_state, arrays)
    network = FittedNetwork(spec, structure._replace(arrays=arrays), optimizer_state)
    network.sources, network.origin = sources_of_state(fields), origin
    if fields.has("layers"):
        network = _with_layers(network, fields)
    return network


def _structure_of(
    fields: Fields, arrays: Arrays, spec: Spec
) -> tuple[Network, tuple[str, dict[str, Any]]]:
    """Return the structure of a network, and the name and the options of its builder."""
    structure: Any = fields.value("structure")
    if isinstance(structure, Network):  # an object in a pickle
        return structure, ("dense", {})
    entries = fields.fields("structure")
    form = entries.text("form", FORMS)
    if form == "dense":
        check_dense(arrays, spec)
        return _plain_structure(entries, arrays), ("dense", {})
    if form == "object":
        return _with_apply(entries, arrays), (entries.text("builder"), {})
    origin = entries.text("builder"), restored(entries.fields("options").values)
    return _built(*origin, spec, arrays), origin


def sources_of_state(fields: Fields) -> tuple[Source, ...]:
    """Return the plugins that a network was made by; raise ValueError if they are invalid."""
    sources = []
    for item in fields.value("sources", list):
        match item:
            case [str(kind), str(name), str(distribution), str(version), str(module)] if (
                kind in get_args(Kind) and module.isidentifier()
            ):
                sources.append(Source(kind, name, distribution, version, module))  # type: ignore[arg-type]
            case _:
                raise fields.invalid("sources", item, "the source of a component")
    return tuple(sources)


def _with_apply(entries: Fields, arrays: Arrays) -> Network:
    """The structure of a network whose forward pass a plugin has restored."""
    apply = restored_member(entries.value("apply", StoredMember), "network", arrays)
    if isinstance(apply, StoredMember):
        raise entries.invalid("apply", apply.name, "the member 'network'")
    has_dropout = entries.boolean("has_dropout")
    return _plain_structure(entries, arrays)._replace(apply=apply, has_dropout=has_dropout)


def _plain_structure(entries: Fields, arrays: Arrays) -> Network:
    values: dict[str, Any] = {name: frozenset(entries.texts(name)) for name in OF_DENSE}
    values |= {name: entries.numbers(name) for name in FACTORS}
    for name, names in values.items():
        if not set(names) <= arrays.keys():
            raise entries.invalid(name, sorted(names), "names of arrays")
    return Network({}, **values)


def check_dense(arrays: Arrays, spec: Spec) -> None:
    """Raise ValueError unless the arrays are those of the dense network of a spec."""
    units = spec.layer_units
    expected: dict[str, tuple[int, ...]] = {}
    for i, (n, m) in enumerate(pairwise(units)):
        expected |= {f"coef_{i}": (n, m), f"intercept_{i}": (m,)}
    found = {name: array.shape for name, array in arrays.items()}
    if found != expected or any(a.dtype.kind != "f" for a in arrays.values()):
        raise ValueError(f"its weights have the shapes {found}; expected {expected}")


def check_optimizer_state(optimizer_state: Arrays, arrays: Arrays) -> None:
    """Raise ValueError for an array of a solver that does not have the shape of its weights."""
    for name, array in optimizer_state.items():
        weights = arrays.get(name.partition("/")[2])
        if weights is not None and (weights.shape, weights.dtype) != (array.shape, array.dtype):
            raise ValueError(f"its optimizer state {name!r} has the shape {array.shape}")


def _built(builder: str, options: Mapping[str, Any], spec: Spec, arrays: Arrays) -> Network:
    """The network of a builder without its arrays.

    The builder is called again, without a sample of rows. Its weights must have these names.
    """
    factory, made_options = required("builder", builder, options)
    n_weights = sum(array.size for array in arrays.values())
    sizes = spec.n_features, spec.n_outputs, spec.n_models, spec.hidden_layer_sizes, spec.columns
    check_sizes([*sizes, made_options], n_weights)
    network = network_of(factory, made_options, spec, LimitedDraws(n_weights))
    if network.arrays.keys() != arrays.keys():
        raise ValueError(
            f"its builder {builder!r} returned weights of the names"
            f" {', '.join(network.arrays)}, and the stored ones are {', '.join(arrays)}"
        )
    return network._replace(arrays={})


def _with_layers(network: FittedNetwork, fields: Fields) -> FittedNetwork:
    """The network whose layers were requested or set."""
    layers = fields.value("layers")
    if not network.is_dense:
        raise fields.invalid("layers", layers, "None, since its network is not dense")
    if layers is True:
        return network.with_layers()
    entries = fields.fields("layers")
    return network.with_layers(*checked_layers(entries, network.spec.layer_units))


def checked_layers(entries: Fields, units: tuple[int, ...] | None = None) -> DenseLayers:
    """Return layers of these numbers of units, or of any; raise ValueError if they are invalid."""
    coefs, intercepts = (list(entries.value(name, list, tuple)) for name in DenseLayers._fields)
    if any(np.asarray(layer).dtype.kind not in "biuf" for layer in (*coefs, *intercepts)):
        raise entries.invalid("coefs", coefs, "arrays of numbers")
    shapes = [np.shape(np.asarray(coef, float)) for coef in coefs]
    biases = [np.shape(np.asarray(intercept, float)) for intercept in intercepts]
    is_chain = all(len(shape) == 2 for shape in shapes) and all(
        a[1] == b[0] for a, b in pairwise(shapes)
    )
    if not is_chain or (biases and biases != [(shape[1],) for shape in shapes]):
        raise entries.invalid("coefs", shapes, "weights of consecutive layers")
    if units is not None and [*shapes, *biases] != [*pairwise(units), *((m,) for m in units[1:])]:
        raise entries.invalid("coefs", shapes, f"weights of layers of {units} units")
    return DenseLayers(coefs, intercepts)
