"""The machine and the package versions of a benchmark."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("numpy", "scikit-learn", "numba", "jax", "tensorflow", "torch"),
    *("keras", "scikeras", "skorch", "pandas"),
)


def about(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The processor, its cores and the versions of Python and packages."""
    versions = {"processor": _processor(), "cores": str(os.cpu_count())}
    versions["python"] = platform.python_version()
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    if known.exists():
        for line in known.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
