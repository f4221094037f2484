"""The command ``mlpkit inspect``: the description in a file, without its weights."""

import argparse
import json
import math
import os
from collections.abc import Mapping
from typing import Any

from mlpkit import durations
from mlpkit.commands.models.names import KINDS, TARGET
from mlpkit.data.column_kinds import column_kinds
from mlpkit.files.archive import VERSION, read_schema, read_shapes
from mlpkit.files.values import TYPE
from mlpkit.messages import comma_separated, counted, escaped
from mlpkit.plugin import Column

KIND = "estimator"  # kind of the file
MAX_NAMES = 50  # number of names of features or classes in the text
MAX_UNNAMED = 100_000  # number of features without names
TASKS = {"binary": "classification", "multiclass": "classification", "multilabel": "labels"}


def main(options: argparse.Namespace) -> int:
    """Print the description; return the exit code."""
    content = description(options.model)
    print(json.dumps(content, indent=1) if options.json else text_of(content))
    return 0


def description(path: str) -> dict[str, Any]:
    """Return what a file contains, as values of JSON.

    Raises ValueError if it is not a file of an estimator. The weights are not read, and no plugin
    is imported.
    """
    schema = read_schema(path, KIND)
    attributes, network = _dict(schema, "attributes"), _dict(schema, "network")
    spec, targets = _dict(network, "spec"), _dict(schema, "targets")
    shapes = read_shapes(path, KIND)
    weights = [shape for name, shape in shapes.items() if name.startswith("weights/")]
    report = _dict(schema, "report")
    return {
        "file": str(path),
        "bytes": os.path.getsize(path),
        "format_version": VERSION,
        "class": schema.get("class"),
        "versions": _dict(schema, "versions"),
        "task": targets.get("task"),
        "target": plain(attributes.get(TARGET)),
        "classes": plain(attributes.get("classes_")),
        "features": features(schema),
        "network": {
            "builder": _builder(schema),
            "hidden_layer_sizes": plain(spec.get("hidden_layer_sizes")),
            "activation": plain(spec.get("activation")),
            "inputs": spec.get("n_features"),
            "outputs": spec.get("n_outputs"),
            "models": spec.get("n_models") or 1,
            "weights": sum(map(math.prod, weights)),
            "dtype": spec.get("dtype"),
        },
        "encoder": _encoder(schema),
        "training": {
            **{name: plain(report.get(name)) for name in ("epochs", "seconds", "note", "backend")},
            "rows": spec.get("n_rows"),
            "loss": plain(report.get("loss")),
            "best_validation_score": plain(attributes.get("best_validation_score_")),
            "monitored": _dict(schema, "parameters").get("early_stopping_on"),
        },
        "parameters": plain(_dict(schema, "parameters")),
    }


def features(schema: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the name and the kind of each column that the model needs."""
    attributes = _dict(schema, "attributes")
    n = attributes.get("n_features_in_")
    names = plain(attributes.get("feature_names_in_"))
    if not isinstance(names, list):
        names = [f"x{i}" for i in range(min(n, MAX_UNNAMED) if isinstance(n, int) else 0)]
    stored = plain(attributes.get(KINDS))
    if isinstance(stored, list) and len(stored) == len(names):
        return [{"name": str(n), "kind": str(k)} for n, k in zip(names, stored, strict=True)]
    columns = _dict(_dict(schema, "encoder"), "columns")
    if not columns:
        return [{"name": str(name), "kind": "number"} for name in names]
    made = zip(
        *(plain(columns.get(field)) or [] for field in ("name", "source", "kind")), strict=False
    )
    kinds = column_kinds(list(map(str, names)), [Column(*fields) for fields in made])
    return [{"name": name, "kind": kind} for name, kind in kinds.items()]


def text_of(content: Mapping[str, Any]) -> str:
    """Return the description as lines of text."""
    versions = comma_separated(f"{name} {v}" for name, v in content["versions"].items())
    name = str(content["class"]).rpartition("/")[2]
    lines = [f"{escaped(name)} ({versions})"]
    entries = {
        "file": f"{escaped(content['file'])}, {content['bytes'] / 1e6:.2f} MB",
        "task": _task_text(content),
        "features": _features_text(content["features"]),
        "network": _network_text(content),
        "training": _training_text(content["training"]),
    }
    lines += [f"  {name:10}{text}" for name, text in entries.items() if text]
    return "\n".join(lines)


def plain(value: Any) -> Any:
    """Return a value of a schema as plain JSON: tuples and arrays as lists."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$": "tuple" | "items", "items": list(items)}:
            return [plain(item) for item in items]
        case {"$": "float", "value": str(text)}:
            return text
        case {"$": "scalar", "array": {"items": [item]}}:
            return plain(item)
        case {"$": "array"}:
            return None
    return {name: plain(item) for name, item in value.items() if name != TYPE or len(value) > 1}


def _dict(of: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _encoder(schema: Mapping[str, Any]) -> Any:
    encoder = _dict(_dict(schema, "encoder"), "encoder")
    made = _dict(encoder, "made_by") or encoder
    return made.get("name")


def _builder(schema: Mapping[str, Any]) -> str:
    """The name of the builder, also of one that a plugin stores as an object."""
    fitted = _dict(_dict(schema, "network"), "structure").get("builder")
    name = fitted or _dict(schema, "parameters").get("builder")
    return name if isinstance(name, str) and name else "dense"


def _task_text(content: Mapping[str, Any]) -> str:
    target, classes = content["target"], content["classes"]
    of = f" of {comma_separated(target)}" if isinstance(target, list) else ""
    task = content["task"]
    if task is None:
        return "none: the model is not fitted"
    if task not in TASKS:
        return f"{escaped(task)}{of}"
    names = _limited(classes) if isinstance(classes, list) and task != "multilabel" else ""
    return f"{task} classification{of}" + (f": {names}" if names else "")


def _features_text(columns: list[dict[str, str]]) -> str:
    named = [f"{column['name']} ({column['kind']})" for column in columns]
    return f"{len(columns)}: {_limited(named)}"


def _network_text(content: Mapping[str, Any]) -> str:
    network = content["network"]
    if network["inputs"] is None:
        return ""
    sizes = network["hidden_layer_sizes"]
    hidden = comma_separated(sizes if isinstance(sizes, list) else [sizes])
    models = "" if network["models"] == 1 else f"{network['models']} models, "
    encoder = "" if content["encoder"] is None else f"encoder {escaped(content['encoder'])}, "
    inputs, outputs = (counted(network[f"{noun}s"], noun) for noun in ("input", "output"))
    return (
        f"{escaped(network['builder'])}, {models}{encoder}{inputs}, hidden layers {hidden},"
        f" {outputs}, {network['weights']:,} weights of {escaped(network['dtype'])}"
    )


def _training_text(training: Mapping[str, Any]) -> str:
    if training["epochs"] is None:
        return ""
    if training["epochs"] == 0:
        return "none"
    seconds = training["seconds"]
    time = f" in {durations.shown(seconds)}" if isinstance(seconds, int | float) else ""
    score, monitored = training["best_validation_score"], training["monitored"]
    best = ""
    if isinstance(score, int | float):  # a score that is not finite is text
        name, value = "best validation score", score
        if monitored == "loss":
            name, value = "lowest validation loss", -score
        best = f", {name} {value:.4g}"
    loss = "" if training["loss"] is None else f", loss {_rounded(training['loss'])}"
    note = "" if not training["note"] else f". {escaped(training['note'])}"
    epochs = counted(training["epochs"], "epoch")
    return (
        f"{epochs}{time} on {escaped(training['backend'])}, {training['rows']:,} rows{loss}{best}"
        f"{note}"
    )


def _rounded(value: Any) -> str:
    """A number with four digits; NaN and infinity are text in the description."""
    return f"{value:.4g}" if isinstance(value, int | float) else escaped(value)


def _limited(values: list[Any]) -> str:
    more = f" and {len(values) - MAX_NAMES} more" if len(values) > MAX_NAMES else ""
    return comma_separated(values[:MAX_NAMES]) + more
