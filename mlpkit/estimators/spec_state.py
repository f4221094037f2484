"""The specification of a network as plain values, and back."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np

from mlpkit.data.targets import Targets
from mlpkit.files.fields import Fields
from mlpkit.numpy_backend.activations import checked, checked_dropout
from mlpkit.objectives.losses import LOSSES, named, record_of
from mlpkit.plugin import Array, Column, ColumnKind, Loss, Spec
from mlpkit.training.recipe import loss_of

KINDS = get_args(ColumnKind)


def spec_state(spec: Spec) -> dict[str, Any]:
    """Return the state without the loss and the sample."""
    return {
        "n_features": spec.n_features,
        "n_outputs": spec.n_outputs,
        "hidden_layer_sizes": list(spec.hidden_layer_sizes),
        "activation": spec.activation,
        "dtype": spec.dtype,
        "backend": spec.backend,
        "seed": spec.seed,
        "feature_names": None if spec.feature_names is None else list(spec.feature_names),
        "classes": None if spec.classes is None else _class_array(spec.classes),
        "dropout": spec.dropout,
        "columns": None if spec.columns is None else columns_state(spec.columns),
        "n_rows": spec.n_rows,
        "n_models": spec.n_models,
    }


def spec_of(state: Any, loss: Any, targets: Targets) -> Spec:
    """Return the spec of a state, with a loss or its record; raise ValueError if it is invalid."""
    fields = Fields(state, "network.spec")
    sizes = tuple(fields.value("hidden_layer_sizes", list))
    if not all(type(size) is int and size > 0 for size in sizes):
        raise fields.invalid("hidden_layer_sizes", sizes, "positive integers")
    n_features = fields.integer("n_features", least=1)
    has_names = fields.has("feature_names")
    spec = Spec(
        n_features=n_features,
        n_outputs=_n_outputs(fields, targets),
        task=targets.task,
        loss=LOSSES[targets.loss],
        hidden_layer_sizes=sizes,
        activation=checked(fields.value("activation", str, tuple), len(sizes)),
        dtype=fields.text("dtype", ("float32", "float64")),  # type: ignore[arg-type]
        backend=fields.text("backend"),
        seed=fields.integer("seed", most=2**31 - 1),
        feature_names=fields.texts("feature_names", n_features) if has_names else None,
        classes=_classes(fields),
        dropout=checked_dropout(fields.value("dropout", float, int, tuple), len(sizes)),
        columns=columns_of(fields, n_features) if fields.has("columns") else None,
        n_rows=fields.integer("n_rows"),
        n_models=fields.integer("n_models"),
    )
    return replace(spec, loss=_loss_of(loss, spec))


def _n_outputs(fields: Fields, targets: Targets) -> int:
    """The number of outputs, which the targets determine."""
    n = fields.integer("n_outputs", least=1)
    if targets.classes is not None:
        expected: int | None = 1 if targets.task == "binary" else len(targets.classes)
    else:
        quantiles = targets.quantiles
        expected = targets.n_outputs if quantiles is None else len(quantiles)
    if expected not in (n, None):
        raise fields.invalid("n_outputs", n, f"{expected}, as the targets have")
    return n


def _class_array(classes: tuple[Any, ...]) -> Array:
    """The classes as an array whose elements are these objects."""
    if classes and all(isinstance(c, np.generic) for c in classes):
        return np.array(classes)
    array = np.empty(len(classes), object)
    array[:] = classes
    return array


def _classes(fields: Fields) -> tuple[Any, ...] | None:
    if not fields.has("classes"):
        return None
    return tuple(fields.array("classes", (None,), "biufUSOmM"))


def columns_state(columns: tuple[Column, ...]) -> dict[str, Any]:
    """Return the columns as a list for each field."""
    return {name: [getattr(c, name) for c in columns] for name in Column._fields}


def columns_of(fields: Fields, n: int | None = None) -> tuple[Column, ...]:
    """Return the columns of the entry "columns"; raise ValueError unless there are n."""
    lists = fields.fields("columns")
    names = lists.texts("name", n)
    sources, kinds = lists.texts("source", len(names)), lists.texts("kind", len(names))
    levels = lists.value("n_levels", list)
    if not set(kinds) <= set(KINDS):
        raise lists.invalid("kind", kinds, f"some of {', '.join(KINDS)}")
    if len(levels) != len(names) or not all(type(k) is int and k >= 0 for k in levels):
        raise lists.invalid("n_levels", levels, "numbers of levels")
    return tuple(map(Column, names, sources, kinds, levels))  # type: ignore[arg-type]


def loss_record(loss: Loss) -> Any:
    """Return the name and the options of a loss, or the loss itself if it is not a built-in one."""
    record = record_of(loss)
    return loss if record is None else {"name": record[0], "options": record[1]}


def adapted_loss_record(parameter: str) -> dict[str, Any]:
    """Return the record of a loss that a plugin adapts, for a file: the parameter ``loss``.

    Pickles contain the loss itself, so that loading one does not import the framework.
    """
    return {"adapted": parameter}


def _loss_of(loss: Any, spec: Spec) -> Loss:
    if loss is None:  # that of the builder, which is not known yet
        return spec.loss
    if isinstance(loss, Loss):
        return loss
    entries = Fields(loss, "network.loss")
    if entries.has("adapted"):
        return loss_of(entries.text("adapted"), spec)
    name, options = entries.text("name", tuple(LOSSES)), entries.fields("options").values
    named_loss = named(name, options)
    fitting = ("identity", "exp") if spec.task == "regression" else (spec.loss.out_activation,)
    if named_loss.out_activation not in fitting:
        raise entries.invalid("name", name, f"a loss for the task {spec.task}")
    return named_loss
