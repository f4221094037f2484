"""The folder in which backends keep compiled programs for the next process."""

import logging
import os
import platform
import sys
from hashlib import sha256
from pathlib import Path

from mlpkit.backend_kit.private_folders import make_private

VARIABLE = "MLPKIT_CACHE_DIR"
LOG = logging.getLogger(__name__)


def program_folder(name: str) -> Path | None:
    """Return a folder for the compiled programs of this user and this kind of processor.

    The environment variable ``MLPKIT_CACHE_DIR`` names the folder above it, or is "off"; the
    default is the user's folder for caches. New folders are accessible to this user only.

    Parameters
    ----------
    name : str
        What the folder is for, such as the name of a framework.

    Returns
    -------
    Path or None
        None if the cache is off, or if the folder cannot be trusted or created. The reason is
        logged: as a warning if ``MLPKIT_CACHE_DIR`` names the folder, otherwise at level DEBUG.
        It is never a Python warning, which may be configured as an error.

    Examples
    --------
    >>> import os, tempfile
    >>> from unittest import mock
    >>> with (
    ...     tempfile.TemporaryDirectory() as folder,
    ...     mock.patch.dict(os.environ, MLPKIT_CACHE_DIR=folder),
    ... ):
    ...     program_folder("fast").name[:5]
    'fast-'
    >>> with mock.patch.dict(os.environ, MLPKIT_CACHE_DIR="off"):
    ...     print(program_folder("fast"))
    None
    """
    setting = os.environ.get(VARIABLE, "")
    if setting == "off":
        return None
    try:
        top = Path(setting).expanduser().absolute() if setting else _user_caches() / "mlpkit"
        make_private(top, at_home=not setting)
        folder = top / f"{name}-{_processor()}"
        make_private(folder)
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home folder
        if setting:
            LOG.warning(
                "Compiled programs are not stored in %s=%s: %s. Set %s to a folder of your own"
                " with mode 0700, or to 'off'.",
                *(VARIABLE, setting, error, VARIABLE),
            )
        else:
            LOG.debug("Compiled programs are not stored: %s.", error)
        return None
    return folder


def _user_caches() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _processor() -> str:
    """Return a digest of the processor's features.

    Machines that share a home folder may not be able to run each other's code.
    """
    features = [platform.machine(), platform.processor()]
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(errors="replace").splitlines()
        features += sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return sha256("\n".join(features).encode()).hexdigest()[:16]
