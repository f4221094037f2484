"""Checkpoints of ranks: private files on their workers, any of which continues the fit."""

from collections.abc import Sequence
from pathlib import Path

from distributed import get_worker

_files: dict[str, Path] = {}  # of the ranks in this process, by the name of their mailbox


def begin(name: str, content: bytes | None) -> Path:
    """Return the path of the checkpoint of a rank, which has the given content."""
    path = Path(get_worker().local_directory) / f"{name}.ckpt"
    if content is not None:
        path.write_bytes(content)
    _files[name] = path
    return path


def read(name: str, seen: int = 0) -> tuple[int, bytes] | None:
    """Return the time of the last change of a checkpoint and its content.

    None if there is none, or if it was not changed after the time ``seen``. The client calls it by
    ``Client.run``.
    """
    path = _files.get(name)
    if path is None:
        return None
    try:
        changed = path.stat().st_mtime_ns
        return None if changed <= seen else (changed, path.read_bytes())
    except OSError:
        return None


def discard(fits: Sequence[str]) -> None:
    """Delete the checkpoints of the ranks of fits in this process."""
    for name in [name for name in list(_files) if name.rpartition("-")[0] in fits]:
        _files.pop(name).unlink(missing_ok=True)
