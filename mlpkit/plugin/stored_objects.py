"""Objects of frameworks that files contain in a format of their own."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class StoredObject(NamedTuple):
    """An object in the format of a framework, which an adapter returns and reads.

    Reading must execute no code, since files may come from unknown sources.

    Parameters
    ----------
    suffix : str
        The end of the name of the member of the file, such as "model".
    data : bytes
        The object in the format of the framework.
    settings : dict, default={}
        What else restoring it requires: dicts, lists, strings, numbers and arrays.
    """

    suffix: str
    data: bytes
    settings: Mapping[str, Any] = {}
