"""What encoded rows depend on besides the rows, as plain values for caches."""

from typing import Any

from mlpkit.estimators.encoder_interface import is_encoder
from mlpkit.estimators.records import encoder_record, plain
from mlpkit.files.errors import NotStorable
from mlpkit.files.values import Writer
from mlpkit.registry.distributions import CORE, UNKNOWN
from mlpkit.registry.lookup import installed

Key = dict[str, Any]


def encoder_key(encoder: Any, options: Any = None) -> Key | None:
    """Return the name, the options and the version of an encoder; None without a version.

    ``encoder`` is a name, whose options are given, or an object.
    """
    if isinstance(encoder, str):
        name = encoder
    else:
        record = encoder_record(encoder) if is_encoder(encoder) else None
        if record is None:
            return None
        name, options = record["name"], record["options"]
    plugin, component = installed().find("encoder", name)
    if plugin.version == UNKNOWN and plugin.distribution != CORE:
        return None
    made = plain(dict(options or {}))
    try:
        Writer().json_of(made)
    except NotStorable:
        return None
    return {
        "name": component.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "options": made,
    }


def learned_key(encoder: Any, origin: tuple[str, dict[str, Any]] | None) -> Key | None:
    """Return the key of a fitted encoder, with what it has learned; None without a version.

    ``origin`` are the name and the options that it was created with; None for an object.
    """
    key = encoder_key(encoder) if origin is None else encoder_key(*origin)
    if key is None:
        return None
    arrays, settings = encoder.get_state()
    return {**key, "arrays": arrays, "settings": settings}
