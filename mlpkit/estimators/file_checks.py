"""Checks of an estimator from a file, so that its methods work."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlpkit.estimators.fitted_state import OF_ENCODING, STATES
from mlpkit.estimators.network_state import FORMS, sources_of_state
from mlpkit.files.fields import Fields
from mlpkit.numpy_backend.activations import ACTIVATIONS
from mlpkit.plugin import Array, PluginError, Spec
from mlpkit.registry.lookup import installed
from mlpkit.registry.stored_names import trusted_hint


def _optional_number(fields: Fields, name: str) -> None:
    if fields.has(name) and not isinstance(fields.values[name], np.ndarray):
        fields.number(name)


def _numbers(fields: Fields, name: str) -> None:
    for item in fields.value(name, list) if fields.has(name) else []:
        _optional_number(Fields({name: item}, fields.path), name)


def _temperature(fields: Fields, name: str) -> None:
    if not 0 < fields.number(name) < np.inf:
        raise fields.invalid(name, fields.values[name], "a positive number")


def _feature_names(fields: Fields, name: str) -> None:
    n = fields.integer("n_features_in_")
    names = fields.array(name, (n,), "O")
    if not all(isinstance(item, str) for item in names):
        raise fields.invalid(name, names, "strings")


CHECKS: dict[str, Callable[[Fields, str], Any]] = {
    "n_iter_": Fields.integer,
    "t_": Fields.integer,
    "n_layers_": Fields.integer,
    "n_outputs_": lambda fields, name: fields.integer(name, least=1),
    "n_features_in_": lambda fields, name: fields.integer(name, least=1),
    "feature_names_in_": _feature_names,
    "out_activation_": lambda fields, name: fields.text(name, tuple(ACTIVATIONS)),
    "loss_": Fields.number,
    "best_loss_": _optional_number,
    "best_validation_score_": _optional_number,
    "validation_scores_": _numbers,
    "classes_": lambda fields, name: fields.array(name, (None,), "biufUSO"),
    "oof_predictions_": Fields.array,
    "temperature_": _temperature,
}


def check_attributes(cls: Any, content: Fields) -> dict[str, Any]:
    """Return the further attributes of a content; raise ValueError if they are invalid."""
    fields = content.fields("attributes")
    for name in fields.values:
        if name in CHECKS:
            CHECKS[name](fields, name)
        elif not _is_free(cls, name):
            raise fields.unknown(name)
    return dict(fields.values)


def _is_free(cls: Any, name: Any) -> bool:
    """Whether the user or a subclass may have set an attribute of this name."""
    if name == "_stream":  # None without metrics
        return True
    is_name = isinstance(name, str) and name.isidentifier() and not name.startswith("__")
    return is_name and not hasattr(cls, name) and name not in (*STATES, OF_ENCODING, "_training")


def check_sources(network: Mapping[str, Any]) -> None:
    """Raise PluginError if a plugin of a network is not installed, unless it can be replaced."""
    fields = Fields(network, "network")
    form = fields.fields("structure").text("form", FORMS)
    needed = ("encoder",) if form == "dense" else ("encoder", "builder", "adapter")
    for source in sources_of_state(fields):
        is_installed = any(p.is_called(source.distribution) for p in installed().plugins)
        if source.kind in needed and not is_installed:
            raise PluginError(
                f"This model requires {source}, which is not installed."
                f" {trusted_hint(source.distribution)}"
            )


def check_can_predict(estimator: Any) -> None:
    """Raise an error if an estimator cannot predict rows of zeros."""
    attributes = vars(estimator)
    if "_network" in attributes:
        spec = attributes["_network"].spec
        _check_same_sizes(attributes, spec)
        if attributes["_network"].is_dense or attributes["_network"].is_portable:
            _check_outputs(estimator, _probe(spec), spec.n_outputs)
    elif "_preset_layers" in attributes and "n_features_in_" in attributes:
        units = attributes["_preset_layers"].units
        _check_outputs(estimator, np.zeros((2, attributes["n_features_in_"])), units[-1])
    elif "n_features_in_" in attributes:
        raise ValueError("its weights are missing")


def _check_same_sizes(attributes: Mapping[str, Any], spec: Spec) -> None:
    """Raise ValueError if the numbers of features, outputs and classes differ."""
    encoding, classes = attributes.get("_encoding"), attributes.get("classes_")
    encoded = attributes["n_features_in_"] if encoding is None else len(encoding.columns)
    if (encoded, attributes["n_outputs_"]) != (spec.n_features, spec.n_outputs):
        raise ValueError(f"its network has {spec.n_features} inputs and {spec.n_outputs} outputs")
    if classes is not None and not np.array_equal(classes, attributes["_targets"].classes):
        raise ValueError("its classes are not those of its targets")
    if classes is not None and spec.classes is not None and len(spec.classes) != len(classes):
        raise ValueError("its classes are not those of its network")


def _check_outputs(estimator: Any, rows: Array, n_outputs: int) -> None:
    with np.errstate(all="ignore"):
        outputs = estimator._outputs_of(rows)
        if outputs.shape != (len(rows), n_outputs):
            raise ValueError(f"its network returns outputs of the shape {outputs.shape}")
        estimator._presented(outputs)


def _probe(spec: Spec) -> Array:
    """Two rows of zeros; in the second one, categories have their last level."""
    rows = np.zeros((2, spec.n_features), spec.dtype)
    for i, column in enumerate(spec.columns or ()):
        if column.kind == "category":
            rows[1, i] = max(0, column.n_levels - 1)
    return rows
