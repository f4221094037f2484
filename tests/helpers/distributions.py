"""Tiny distributions, written to a folder as an installer would leave them."""

import importlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions, entry_points
from pathlib import Path
from unittest.mock import patch

PREAMBLE = "from mlpkit.plugin import Component, hookimpl\n"


def offering(hook: str = "mlpkit_backends", *components: str) -> str:
    """The source of a plugin whose hook returns components, given as their arguments."""
    offered = ", ".join(f"Component({arguments})" for arguments in components)
    return f"{PREAMBLE}@hookimpl\ndef {hook}():\n    return [{offered}]\n"


def install(
    folder: Path,
    distribution: str,
    entries: dict[str, str],
    version: str = "1.0",
    modules: dict[str, str] | None = None,
) -> None:
    """Write a distribution with entry points ``{name: source of its module}``.

    The module of the entry point ``fast`` of ``mlpkit-a`` is ``mlpkit_a_fast``; ``modules``
    are others that it brings.
    """
    package = distribution.replace("-", "_")
    sources = {f"{package}_{name}": source for name, source in entries.items()}
    for module, source in {**sources, **(modules or {})}.items():
        (folder / f"{module}.py").write_text(source)
    info = folder / f"{package}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    )
    lines = [f"{name} = {package}_{name}" for name in entries]
    (info / "entry_points.txt").write_text("\n".join(["[mlpkit]", *lines, ""]))
    importlib.invalidate_caches()


def wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a source tree."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def build(source: Path, folder: Path) -> None:
    """Build the wheel of a source tree, and unpack it into a folder, as an installer does."""
    with tempfile.TemporaryDirectory() as wheels:
        built = wheel(source, Path(wheels))
        with zipfile.ZipFile(built) as archive:
            archive.extractall(folder)
    importlib.invalidate_caches()


@contextmanager
def only(folder: Path, **environment: str) -> Iterator[None]:
    """Inside, the plugins in the folder are the only ones installed, with a clean environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MLPKIT_")}
    others = [path for path in sys.path if not _has_plugins(path)]
    with (
        patch.dict(os.environ, {**kept, **environment}, clear=True),
        patch.object(sys, "path", [str(folder), *others]),
        patch.dict(sys.modules),  # forgets what the plugins import
    ):
        yield


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the folder's plugins, and all others left out."""
    ambient = ",".join(e.dist.name for e in entry_points(group="mlpkit") if e.dist)
    off = ",".join([ambient, environment.pop("MLPKIT_DISABLE_PLUGINS", "")])
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MLPKIT_")}
    return subprocess.run(
        [sys.executable, *arguments],
        env={
            **kept,
            "PYTHONPATH": str(folder),
            "MLPKIT_DISABLE_PLUGINS": off,
            "PYTHONWARNINGS": "error",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _has_plugins(path: str) -> bool:
    return any(
        entry.group == "mlpkit" for d in distributions(path=[path]) for entry in d.entry_points
    )
