"""Clean virtual environments: mlpkit with what it needs, and wheels that pip installs there."""

import os
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import distribution
from pathlib import Path
from typing import Self

from distributions import wheel
from packaging.requirements import Requirement

import mlpkit

NEEDED = ("mlpkit", "pytest", "hypothesis")  # the latter two for `mlpkit check`


class Environment:
    """A virtual environment in a folder, without any plugin to begin with.

    What mlpkit needs is linked from where the tests run, so that no index is asked; mlpkit
    itself too, unless it is to be installed (``linked=False``).
    """

    def __init__(self, folder: Path, linked: bool = True) -> None:
        venv.create(folder, symlinks=os.name != "nt")
        paths = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
        self.python = Path(paths["scripts"], "python")
        self.site = Path(paths["purelib"])
        for name in sorted(closure(*NEEDED) - ({"mlpkit"} if not linked else set())):
            self._link(name)

    def _link(self, name: str) -> None:
        """Link a distribution: its packages, and its metadata."""
        installed = distribution(name)
        tops = {path.parts[0] for path in installed.files or ()} - {"..", "__pycache__"}
        if name == "mlpkit":  # which may be installed in place
            tops = {top for top in tops if top.endswith(".dist-info")}
            (self.site / "mlpkit").symlink_to(Path(mlpkit.__file__).parent)
        for top in tops:
            (self.site / top).symlink_to(installed.locate_file(top))

    def install(self, *sources: Path) -> Self:
        """Build the wheels of source trees, each once, and have pip install them."""
        built = []
        for tree in sources:
            wheels = tree.parent / f"wheels-of-{tree.name}"
            built.append(str(next(iter(wheels.glob("*.whl")), None) or wheel(tree, wheels)))
        return self.install_wheel(*map(Path, built))

    def install_wheel(self, *built: Path) -> Self:
        """Have pip install wheels, without what they need."""
        options = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", *options]
        subprocess.run([*command, *map(str, built)], check=True, env=plain())
        return self

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run its Python."""
        return subprocess.run(
            [str(self.python), *arguments],
            env={**plain(), **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def plain() -> dict[str, str]:
    """The environment variables without what would choose modules, plugins or backends."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MLPKIT_", "PYTHON", "PIP_"))}


def closure(*names: str) -> set[str]:
    """The distributions, and all that they need, by name."""
    needed: set[str] = set()
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name not in needed:
            needed.add(name)
            own = map(Requirement, distribution(name).requires or ())
            ahead += [r.name for r in own if not r.marker or r.marker.evaluate({"extra": ""})]
    return needed


def source(folder: Path, name: str, version: str, code: str, entry: str = "") -> Path:
    """Write a source tree of one module, ``mlpkit-fast`` being ``mlpkit_fast.py``."""
    tree, module = folder / name, name.replace("-", "_")
    tree.mkdir(parents=True)
    (tree / f"{module}.py").write_text(code)
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = ["mlpkit"]\n'
        f'entry-points.mlpkit.{entry or name.removeprefix("mlpkit-")} = "{module}"\n'
    )
    return tree
