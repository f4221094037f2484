"""The initial network of a call: a new one, or the fitted one with changed parameters."""

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils._param_validation import validate_parameter_constraints

from mlpkit.data.targets import Targets
from mlpkit.distributed.sharded_rows import ShardedRows
from mlpkit.estimators.build_method import BuildMethod
from mlpkit.estimators.constraints import CONSTRAINTS
from mlpkit.estimators.network_building import built_network
from mlpkit.messages import plain_repr
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.activations import checked, checked_dropout
from mlpkit.objectives.losses import LOSSES
from mlpkit.plugin import Arrays, Column, Dataset, Spec
from mlpkit.training.components import backend_name, builder_of
from mlpkit.training.fitted_network import FittedNetwork
from mlpkit.training.parameters import Parameters
from mlpkit.training.recipe import loss_of

MAX_SAMPLE = 20_000  # rows of `Spec.sample`


class DataShape(NamedTuple):
    """Properties of the data that a network depends on, and the class name of the estimator.

    ``rows`` are the training rows, with encoded X and y, or None without rows.
    """

    estimator: str
    n_features: int
    n_outputs: int
    dtype: np.dtype[Any]
    targets: Targets
    feature_names: Sequence[str] | None
    columns: tuple[Column, ...] | None = None
    rows: Dataset | None = None


def initialized(
    parameters: Parameters, shape: DataShape, rng: np.random.RandomState
) -> FittedNetwork:
    """Return a new network with the initial weights of the builder."""
    sizes = dense.sizes(parameters.hidden_layer_sizes)
    classes, targets = shape.targets.classes, shape.targets
    own_build = isinstance(parameters.builder, BuildMethod)
    seed = int(copy.deepcopy(rng).randint(2**31))  # a copy does not affect later draws
    is_default = parameters.builder is None or parameters.builder == "dense"
    spec = Spec(
        n_features=shape.n_features,
        n_outputs=shape.n_outputs,
        task=targets.task,
        loss=LOSSES[targets.loss],
        hidden_layer_sizes=sizes,
        activation=activation_of(parameters.activation, len(sizes), shape.estimator),
        dtype=shape.dtype.name,  # type: ignore[arg-type]
        backend=backend_name(parameters),
        seed=seed,
        feature_names=None if shape.feature_names is None else tuple(shape.feature_names),
        classes=None if classes is None else tuple(classes),
        # a method `build` of a subclass applies `self.dropout` itself
        dropout=0.0 if own_build else checked_dropout(parameters.dropout, len(sizes)),
        columns=shape.columns,
        n_rows=0 if shape.rows is None else len(shape.rows.y),
        n_models=parameters.n_folds or 0,
        sample=None if is_default else sample_of(shape, seed),
    )
    spec = replace(spec, loss=loss_of(parameters.loss, spec, parameters.loss_options))
    builder, options = builder_of(parameters)
    network = built_network(builder, options, spec, rng)
    network.origin = parameters.builder or "dense", {**options, **network.structure.options}
    _check_n_models(network, parameters)
    if not own_build:
        _check_dropout(network, parameters.dropout)
    return network


def sample_of(shape: DataShape, seed: int) -> Dataset | None:
    """Return at most `MAX_SAMPLE` rows, drawn without replacement; they are read-only.

    Their targets are those that the network is trained on.
    """
    rows = shape.rows
    if rows is None:
        return None
    n = len(rows.y)
    if n > MAX_SAMPLE:
        drawn = np.random.RandomState(seed).choice(n, MAX_SAMPLE, replace=False)
        rows = rows.take(np.sort(drawn))
    y = shape.targets.network_targets(rows.y)
    X = np.asarray(rows.X) if isinstance(rows.X, ShardedRows) else rows.X
    return Dataset(*(_read_only(array) for array in (X, y, rows.sample_weight)))


def _read_only(array: Any) -> Any:
    """Return a view that cannot be written to, or a sparse matrix or None as it is."""
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def continued(
    network: FittedNetwork,
    parameters: Parameters,
    changes: Mapping[str, Any],
    shape: DataShape,
    incremental: bool,
) -> FittedNetwork:
    """Return the fitted network with changed layers and parameters.

    Raises ValueError for a parameter that requires another network. ``incremental`` calls keep
    the optimizer state; a warm start begins with a new one.
    """
    if shape.n_outputs != network.spec.n_outputs:
        raise ValueError(
            f"y has {shape.n_outputs} outputs, but {shape.estimator} was fitted with"
            f" {network.spec.n_outputs}. Fit a new estimator, or set warm_start=False."
        )
    _check_sizes(network.spec, parameters, shape)
    if incremental and not changes and network.is_trained_with(parameters):
        return network
    n_layers = len(network.spec.hidden_layer_sizes)
    activation = activation_of(
        parameters.activation, n_layers, shape.estimator, network.spec.activation
    )
    if activation != network.spec.activation and not network.is_dense:
        raise _not_applicable(shape, "activation", network.spec.activation, parameters.activation)
    dropout = checked_dropout(parameters.dropout, n_layers)
    _check_dropout(network, parameters.dropout)
    if dropout != network.spec.dropout and not network.is_dense:
        raise _not_applicable(shape, "dropout", network.spec.dropout, parameters.dropout)
    spec, backend = network.spec, backend_name(parameters)
    if (backend, activation, dropout) != (spec.backend, spec.activation, spec.dropout):
        spec = replace(spec, backend=backend, activation=activation, dropout=dropout)
    if changes:
        spec = _changed_spec(network, spec, parameters, changes, shape)
    if incremental and not network.is_edited and spec == network.spec:
        return network
    arrays, state = network.arrays, network.optimizer_state if incremental else {}
    if network.is_edited:
        arrays = network.layers.arrays(spec.dtype)
    if spec.dtype != network.spec.dtype:
        arrays, state = _cast(arrays, spec.dtype), _cast(state, spec.dtype)
    return network.edited(spec, arrays, state)


def activation_of(activation: Any, n_layers: int, estimator: str, fitted: Any = None) -> Any:
    """Return the activation of the hidden layers, a str or a tuple of one str for each layer.

    Each call reads the parameter again, as in scikit-learn. Raises ValueError if it is invalid.
    ``estimator`` is the name of the class, for the message.
    """
    if activation is fitted or (isinstance(activation, str) and activation == fitted):
        return activation
    constraints = {"activation": CONSTRAINTS["activation"]}
    validate_parameter_constraints(constraints, {"activation": activation}, caller_name=estimator)
    return checked(activation, n_layers)


def _check_sizes(spec: Spec, parameters: Parameters, shape: DataShape) -> None:
    """Warn about changed sizes of layers; raise ValueError if the number of layers changed.

    scikit-learn ignores changed sizes, too.
    """
    given = parameters.hidden_layer_sizes
    sizes = given if type(given) is tuple else dense.sizes(given)
    if sizes == spec.hidden_layer_sizes:
        return
    if len(sizes) != len(spec.hidden_layer_sizes):
        raise _not_applicable(
            shape, "hidden_layer_sizes", spec.hidden_layer_sizes, parameters.hidden_layer_sizes
        )
    warnings.warn(
        f"hidden_layer_sizes={parameters.hidden_layer_sizes} is ignored: training continues with"
        f" the fitted sizes {spec.hidden_layer_sizes}. Set warm_start=False to fit a new network."
    )


def _changed_spec(
    network: FittedNetwork,
    spec: Spec,
    parameters: Parameters,
    changes: Mapping[str, Any],
    shape: DataShape,
) -> Spec:
    """Return the spec with the parameters that changed since the last call."""
    if isinstance(parameters.builder, BuildMethod):
        own = parameters.builder.params  # the parameters of the subclass
        for name in changes.keys() - set(CONSTRAINTS) - {"class_weight", "temperature_scaling"}:
            raise _not_applicable(shape, name, changes[name], own.get(name))
    for name in ("builder", "builder_options", "encoder", "encoder_options"):
        if name in changes and not _is_default(name, changes[name], getattr(parameters, name)):
            raise _not_applicable(shape, name, changes[name], getattr(parameters, name))
    if "n_folds" in changes and (parameters.n_folds or 0) != spec.n_models:
        raise _not_applicable(shape, "n_folds", changes["n_folds"], parameters.n_folds)
    if "dtype" in changes and parameters.dtype not in (None, spec.dtype):
        if not network.is_dense:
            raise _not_applicable(shape, "dtype", spec.dtype, parameters.dtype)
        spec = replace(spec, dtype=parameters.dtype)  # type: ignore[arg-type]
    if "loss" in changes or "loss_options" in changes:
        name = "loss" if "loss" in changes else "loss_options"
        default = replace(spec, loss=LOSSES[shape.targets.loss])
        loss = loss_of(parameters.loss, default, parameters.loss_options)
        has_own_loss = network.structure.loss is not None  # takes precedence
        if has_own_loss or loss.out_activation != spec.loss.out_activation:
            raise _not_applicable(shape, name, changes[name], getattr(parameters, name))
        spec = replace(spec, loss=loss)
    return spec


def _not_applicable(shape: DataShape, name: str, old: Any, new: Any) -> ValueError:
    """Return the error for a changed parameter that requires another network."""
    return ValueError(
        f"{name} was changed from {old!r} to {new!r} after {shape.estimator} was fitted, but the"
        f" fitted network cannot be trained with the new value. Restore {name}, or fit a new"
        " network with warm_start=False."
    )


def _is_default(name: str, old: Any, new: Any) -> bool:
    """Return whether both values of a parameter mean its default."""
    default: list[Any] = [None, "dense"] if name == "builder" else [None, {}]
    return old in default and new in default


def _cast(arrays: Arrays, dtype: str) -> Arrays:
    """Return the arrays with floating-point arrays converted to a dtype."""
    return {
        name: array.astype(dtype) if array.dtype.kind == "f" else array
        for name, array in arrays.items()
    }


def _check_n_models(network: FittedNetwork, parameters: Parameters) -> None:
    """Raise ValueError if the network does not hold a model for each fold."""
    n_models, n_folds = network.structure.n_models, parameters.n_folds
    if n_models == (n_folds or 0):
        return
    builder = f"builder {plain_repr(parameters.builder or 'dense')}"
    if n_folds is None:
        raise ValueError(
            f"{builder} returned a network of {n_models} models, but n_folds=None requires one."
            f" Set n_folds={n_models}, or return `Network(..., n_models=spec.n_models)`."
        )
    raise ValueError(
        f"n_folds={n_folds} requires a network of as many models, but {builder} returned a network"
        f" of {n_models or 'one'}. Set n_folds=None, or use a builder that supports it, such as"
        " 'tabm' of mlpkit-tabular."
    )


def _check_dropout(network: FittedNetwork, dropout: Any) -> None:
    """Raise ValueError if dropout is not 0 and the network does not support it."""
    if not (network.is_dense or network.structure.has_dropout) and np.any(dropout):
        raise ValueError(
            f"dropout={dropout!r} requires the dense network or a builder that applies dropout,"
            " but the builder returned another network. Set dropout=0.0, and use an option of the"
            f" builder if it has one, such as builder_options={{'dropout': {dropout!r}}}."
        )
