"""The machine and the package versions of a benchmark."""

import os
import platform
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from threadpoolctl import threadpool_info

PACKAGES = (
    *("numpy", "scikit-learn", "numba", "jax", "tensorflow", "torch"),
    *("keras", "scikeras", "skorch", "pandas"),
)


def about(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The processor, its cores, the instructions of BLAS, and versions of Python and packages."""
    versions = {"processor": _processor(), "cores": str(os.cpu_count()), "blas": _blas()}
    versions["python"] = platform.python_version()
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _blas() -> str:
    """NumPy's and SciPy's BLAS, and the processors whose instructions they use.

    The variable ``OPENBLAS_CORETYPE`` may name an older processor than this one.
    """
    for module in ("numpy", "scipy.linalg"):
        import_module(module)  # loads its BLAS
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return " and ".join(
        sorted({f"{x['internal_api']} for {x.get('architecture', '?')}" for x in libraries})
    )


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    if known.exists():
        for line in known.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
