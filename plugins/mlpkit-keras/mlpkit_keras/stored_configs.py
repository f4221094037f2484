"""The config of a model in a ``.keras`` file of unknown origin, checked before Keras reads it."""

import io
import json
import zipfile
from typing import Any

from mlpkit.plugin import Arrays

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = {"metadata.json", CONFIG, WEIGHTS}
# what a model may consist of; Keras resolves no other names
MODULES = {
    "keras",
    "keras.layers",
    "keras.initializers",
    "keras.regularizers",
    "keras.constraints",
}
MODELS = {
    ("keras", "Sequential"): True,
    ("keras.src.models.functional", "Functional"): False,
    ("keras", "Functional"): False,
}
# layers that contain code, or read files
UNSUPPORTED = {
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "Model"),
    *("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing"),
    *("FeatureSpace", "Pipeline", "MelSpectrogram", "STFTSpectrogram"),
}
TENSOR = "__keras_tensor__"  # a reference to the output of a layer
SHORT = 1000  # larger integers must be lengths of weights
LONGEST = 10**7  # characters of a config
FREE = ("seed", "shared_object_id")  # integers that are not lengths


def config_in(data: bytes) -> bytes:
    """Return the config in the bytes of a ``.keras`` file; raise ValueError if it is invalid."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as members:
            entries = {entry.filename: entry for entry in members.infolist()}
            is_valid = entries.keys() == MEMBERS and len(members.infolist()) == len(MEMBERS)
            if not is_valid or any(
                e.compress_type != zipfile.ZIP_STORED or e.flag_bits & 1 or e.file_size > len(data)
                for e in entries.values()
            ):
                raise ValueError("its Keras model has unexpected members")
            return members.read(CONFIG)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ValueError(f"its Keras model is damaged: {error}") from error


def checked_config(text: bytes, arrays: Arrays) -> tuple[dict[str, Any], bool]:
    """Return the config of a model, and whether it is Sequential; raise ValueError for others.

    It may contain layers, initializers, regularizers and constraints of Keras, and no sizes that
    the arrays do not have.

    >>> config = {"module": "keras", "class_name": "Sequential", "config": {"layers": []}}
    >>> checked_config(json.dumps(config).encode(), {})
    ({'layers': []}, True)
    """
    if len(text) > LONGEST:
        raise ValueError("the config of its Keras model is too long")
    model = json.loads(text, parse_constant=_reject_constant)
    lengths = {n for array in arrays.values() for n in array.shape}
    match model:
        case {"module": str(module), "class_name": str(name), "config": dict(config)} if (
            module,
            name,
        ) in MODELS:
            _check(config, lengths)
            return config, MODELS[module, name]
    raise ValueError("its Keras model is neither Sequential nor functional")


def _reject_constant(constant: str) -> None:
    raise ValueError(f"the config of its Keras model contains {constant}")


def _check(value: Any, lengths: set[int], key: str = "") -> None:
    if isinstance(value, dict):
        if "class_name" in value:
            _check_class(value)
        for name, item in value.items():
            _check(item, lengths, name)
    elif isinstance(value, list):
        for item in value:
            _check(item, lengths, key)
    elif isinstance(value, str):
        if key in ("vocabulary", "filepath", "url", "path"):
            raise ValueError(f"its Keras model refers to a file, {key}={value!r:.100}")
    elif isinstance(value, int) and abs(value) > SHORT and key not in FREE and value not in lengths:
        raise ValueError(f"its Keras model has {key}={value}, which its weights do not have")


def _check_class(entry: dict[str, Any]) -> None:
    name, module = entry["class_name"], entry.get("module")
    registered = entry.get("registered_name")
    is_nested = (module, name) in MODELS
    is_known = module in MODULES and name not in UNSUPPORTED and registered in (None, name)
    if not (is_known or is_nested or (name == TENSOR and module is None)):
        raise ValueError(f"its Keras model contains {module!r:.100}, {name!r:.100}")
