"""What a file contains, read without its arrays."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpkit.estimators.routing import parameter_defaults
from mlpkit.estimators.saving import KIND
from mlpkit.files.archive import errors_of, read_schema
from mlpkit.files.fields import Fields
from mlpkit.files.values import TYPE, Reader
from mlpkit.plugin import PluginError
from mlpkit.registry.stored_names import required


@dataclass(frozen=True)
class FileSummary:
    """What a file of an estimator contains.

    Parameters
    ----------
    class_name : str
        Name of the class, that of a plugin with the distribution: "mlpkit-tabular/Tabular...".
    versions : dict of str
        Versions of mlpkit and the plugins that it was saved with, by distribution.
    parameters : dict
        The parameters by name. Those that are objects are `RecreatedObject`; arrays of more than
        1000 elements are empty.
    changed : dict
        The parameters that differ from their defaults; all if the class is not installed.
    report : dict
        How training ended: "epochs" and "seconds" of the last call, "loss", "score", "backend" and
        "note", the reason why it ended before `max_iter`. Empty without training.
    task : str
        "binary", "multiclass", "multilabel" or "regression"; "" if it was not fitted.
    classes : list or None
        Class labels of a classifier; empty if there are more than 1000.
    n_features : int
        Number of columns of X; 0 if it was not fitted.
    feature_names : tuple of str or None
        Names of the columns of X.
    encoder : str
        Name of the encoder of tables; "" without one.
    builder : str
        Name of the builder of the network.
    hidden_layer_sizes : tuple of int
        Sizes of the hidden layers.
    n_outputs : int
        Number of outputs of the network.
    dtype : str
        Precision of the network.
    sources : tuple of str
        Components of plugins that it was made with.
    metrics, splits : tuple of str
        Metrics in the metric history, and the sets of rows that they were measured on.
    n_bytes : int
        Size of the file.
    """

    class_name: str
    versions: dict[str, str]
    parameters: dict[str, Any]
    changed: dict[str, Any]
    report: dict[str, Any]
    task: str
    classes: list[Any] | None
    n_features: int
    feature_names: tuple[str, ...] | None
    encoder: str
    builder: str
    hidden_layer_sizes: tuple[int, ...]
    n_outputs: int
    dtype: str
    sources: tuple[str, ...]
    metrics: tuple[str, ...]
    splits: tuple[str, ...]
    n_bytes: int


@dataclass(frozen=True)
class RecreatedObject:
    """A parameter that loading recreates by a component."""

    kind: str
    values: dict[str, Any]

    def __repr__(self) -> str:
        options = self.values.get("options")
        shown = options if isinstance(options, dict) else {}
        given = ", ".join(f"{k}={v!r}" for k, v in shown.items() if v is not None)
        return f"{self.values.get('name', self.kind)}({given})"


class _NotRead(dict[str, Any]):
    """Arrays that are not read, which are empty."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        return np.empty(0)


def read_summary(path: str | os.PathLike[str]) -> FileSummary:
    """Return what the file of an estimator contains, without reading its arrays.

    Raises `InvalidFile` and `OSError` as `mlpkit.load` does. The weights are not checked.

    >>> import os, tempfile, mlpkit
    >>> path = os.path.join(tempfile.mkdtemp(), "model.mlpkit")
    >>> clf = mlpkit.MLPClassifier((5,), tol=9.0)
    >>> clf.fit([[0.0], [1.0]], [4, 5]).save(path)
    >>> summary = read_summary(path)
    >>> summary.class_name, summary.classes, summary.changed
    ('MLPClassifier', [4, 5], {'hidden_layer_sizes': (5,), 'tol': 9.0})
    """
    schema = read_schema(path, KIND)
    with errors_of(path):
        return _summary(Fields(schema), os.path.getsize(path))


def _summary(schema: Fields, n_bytes: int) -> FileSummary:
    reader = Reader(_NotRead(), lambda fields: RecreatedObject(str(fields.pop(TYPE)), fields))
    name, versions = schema.text("class"), schema.fields("versions")
    parameters: dict[str, Any] = reader.value_of(schema.value("parameters", dict))
    attributes, network = schema.fields("attributes"), schema.values.get("network", {})
    targets = reader.value_of(schema.values.get("targets", {}))
    classes = targets.get("classes")
    spec = reader.value_of(network.get("spec", {}))
    names = attributes.values.get("feature_names_in_")
    blocks = schema.values.get("metric_history", {}).get("blocks", [])
    return FileSummary(
        class_name=name,
        versions={key: versions.text(key) for key in versions.values},
        parameters=parameters,
        changed=_changed(name, parameters),
        report=reader.value_of(schema.value("report", dict)),
        task=str(targets.get("task", "")),
        classes=None if classes is None else classes.tolist(),
        n_features=attributes.integer("n_features_in_") if attributes.has("n_features_in_") else 0,
        feature_names=None if names is None else tuple(reader.value_of(names).tolist()),
        encoder=_encoder(schema),
        builder=str(network.get("structure", {}).get("builder", "dense")) if network else "",
        hidden_layer_sizes=tuple(spec.get("hidden_layer_sizes", ())),
        n_outputs=spec.get("n_outputs", 0),
        dtype=str(spec.get("dtype", "")),
        sources=tuple(f"{s[0]} {s[1]!r} of {s[2]} {s[3]}" for s in network.get("sources", ())),
        metrics=tuple(dict.fromkeys(str(m) for block in blocks for m in block["metrics"])),
        splits=tuple(dict.fromkeys(str(block["split"]) for block in blocks)),
        n_bytes=n_bytes,
    )


def _changed(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    try:
        defaults = parameter_defaults(required("estimator", name)[0])
    except (PluginError, ValueError):
        return parameters
    return {k: v for k, v in parameters.items() if k not in defaults or v != defaults[k]}


def _encoder(schema: Fields) -> str:
    encoder = schema.values.get("encoder")
    if encoder is None:
        return ""
    record = encoder["encoder"]
    return str(record.get("made_by", record)["name"])
