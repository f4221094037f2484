"""The fitted encoder of an estimator as plain values, and back."""

from typing import Any

from mlpkit.estimators.encoder_interface import is_encoder
from mlpkit.estimators.encoding import Encoding
from mlpkit.estimators.records import encoder_of, plain, restored
from mlpkit.estimators.spec_state import columns_of, columns_state
from mlpkit.files.fields import Fields
from mlpkit.registry.labels import component_label


def encoding_state(encoding: Encoding) -> dict[str, Any]:
    """Return the state of an encoding; an encoder that is not a component stays an object."""
    return {
        "encoder": _encoder_state(encoding),
        "columns": columns_state(encoding.columns),
        "keeps_sparse": encoding.keeps_sparse,
    }


def _encoder_state(encoding: Encoding) -> Any:
    encoder = encoding.encoder
    if encoding.origin is None:
        return plain(encoder) if is_encoder(encoder) else encoder
    name, options = encoding.origin
    arrays, settings = encoder.get_state()
    state = {"name": name, "options": plain(options), "arrays": arrays, "settings": settings}
    return {"made_by": state}


def restored_encoding(state: Any, parameter: Any) -> Encoding:
    """Return the encoding of a state; ``parameter`` is the parameter `encoder`.

    Raises ValueError if the state is invalid, and PluginError if a plugin is not installed.
    """
    fields = Fields(state, "encoder")
    encoder, origin = fields.value("encoder"), None
    if isinstance(encoder, dict) and "made_by" in encoder:
        entries = fields.fields("encoder").fields("made_by")
        values = {**entries.values, "options": restored(entries.fields("options").values)}
        encoder = encoder_of(Fields(values, entries.path))
        origin = entries.text("name"), values["options"]
    else:
        encoder = restored(encoder)
    columns = columns_of(fields)
    if is_encoder(encoder) and encoder.columns != columns:
        raise fields.invalid("columns", columns, "those of the encoder")
    label = component_label("encoder", parameter if origin is None else origin[0])
    return Encoding(encoder, label, columns, fields.boolean("keeps_sparse"), origin)
