"""Layout of the package: order of imports, size of files, and a light import."""

import ast
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import mlpkit
from mlpkit.plugin import Hooks
from mlpkit.registry.lookup import installed

pytestmark = pytest.mark.once

ROOT = Path(mlpkit.__file__).parent
REPOSITORY = Path(__file__).parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py")
)
# a folder may import from the folders of earlier lines only; a name without a folder is a module
ORDER = [
    {"durations", "messages", "pickling"},
    {"plugin"},
    {"files"},
    {"backend_kit"},
    {"registry"},
    {"calibration", "objectives"},
    {"data", "numpy_backend", "schedules"},
    {"distributed", "sources"},
    {"encoders", "metrics"},
    {"partitions"},
    {"reports"},
    {"monitoring"},
    {"training"},
    {"estimators"},
    {"__init__"},
    {"commands", "testing"},
    {"__main__"},
]
LEVEL = {folder: level for level, folders in enumerate(ORDER) for folder in folders}
PACKAGES = {name for name in MODULES if name.endswith(".__init__")}
PUBLIC = {
    *("plugin.__init__", "backend_kit.__init__", "distributed.__init__"),
    *("testing.__init__", "registry.__init__"),
}


def path_of(module: str) -> Path:
    """The file of a module."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def imports(module: str) -> set[str]:
    """The modules of mlpkit that a module imports, also inside functions."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path_of(module).read_text())):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("mlpkit."):
            inside = str(node.module).removeprefix("mlpkit").removeprefix(".")
            for name in (f"{inside}.{alias.name}".removeprefix(".") for alias in node.names):
                whole = name if name in MODULES else inside
                modules.add(whole if whole in MODULES else f"{whole}.__init__".removeprefix("."))
    return modules


def folder_of(module: str) -> str:
    """The folder of a module; for a module of the root, the module itself."""
    return module.split(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module: str) -> None:
    """A module imports from its own folder and from folders before it."""
    folder = folder_of(module)
    assert folder in LEVEL, f"add {folder} to ORDER in {__file__}"
    for other in imports(module):
        if folder_of(other) != folder:
            assert LEVEL[folder_of(other)] < LEVEL[folder], f"{module} imports {other}"


def test_no_module_imports_itself_through_others() -> None:
    """There is no cycle of imports, function-level imports included."""
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for other in sorted(imports(module) - {module}):
                visit(other, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("package", sorted(PACKAGES - PUBLIC))
def test_only_public_packages_re_export(package: str) -> None:
    """The modules of any other folder are imported by their own names."""
    assert not imports(package)


def foreign_imports(path: Path) -> set[str]:
    """The packages of mlpkit that a file imports from, as ``mlpkit.plugin``."""
    packages: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        packages |= {name for name in names if f"{name}.".startswith("mlpkit.")}
    return packages


@pytest.mark.parametrize(
    "path",
    sorted(REPOSITORY.glob("plugins/*/mlpkit_*/**/*.py")),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_plugins_import_the_public_packages_alone(path: Path) -> None:
    """Plugins import only from the packages whose names are stable."""
    names = ("plugin", "backend_kit", "distributed", "registry")
    assert foreign_imports(path) <= {"mlpkit", *(f"mlpkit.{name}" for name in names)}


def code_lines(text: str) -> int:
    """Lines of a module that are neither blank, nor a comment, nor part of a docstring."""
    lines = {
        i for i, line in enumerate(text.splitlines(), 1) if line.strip() and line.strip()[0] != "#"
    }
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            lines -= set(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return len(lines)


@pytest.mark.parametrize("module", MODULES)
def test_files_stay_small(module: str) -> None:
    """A file of the core has at most 250 lines of code; docstrings may be as long as they need."""
    assert code_lines(path_of(module).read_text()) <= 250


@pytest.mark.parametrize("folder", ["benchmarks", "docs", "plugins", "tests"])
def test_other_files_stay_small(folder: str) -> None:
    """The same limit applies to plugins, tests, benchmarks and examples."""
    paths = REPOSITORY.joinpath(folder).rglob("*.py")
    lines = {str(path.relative_to(REPOSITORY)): code_lines(path.read_text()) for path in paths}
    assert {path: n for path, n in lines.items() if n > 250} == {}


def test_public_names_are_sorted_and_exist() -> None:
    """All names in `__all__` are attributes of the package."""
    assert sorted(mlpkit.__all__) == mlpkit.__all__
    assert all(hasattr(mlpkit, name) for name in mlpkit.__all__)


def test_the_version_is_the_distributions() -> None:
    """`__version__` equals the version of the installed distribution."""
    assert mlpkit.__version__ == version("mlpkit")


def test_the_core_mentions_no_framework() -> None:
    """Only the conformance tests and the lists of known names mention frameworks."""
    for module in MODULES:
        if module not in (
            "testing.processes",
            "registry.distributions",
            "registry.spellings",
        ):
            text = path_of(module).read_text().lower()
            assert not any(name in text for name in ("tensorflow", "pytorch", "keras", "jax")), (
                module
            )


def test_the_core_is_an_entry_point_like_any_other() -> None:
    """The registry first loads the entry point that the distribution declares."""
    (declared,) = (e for e in entry_points(group="mlpkit") if e.dist and e.dist.name == "mlpkit")
    first = installed().plugins[0].entry
    assert (declared.name, declared.value) == (first.name, first.value)


@pytest.mark.parametrize("hook", [name for name in vars(Hooks) if name.startswith("mlpkit_")])
def test_every_hook_is_in_the_table_of_the_page_on_plugins(hook: str) -> None:
    """The page documents every hook."""
    page = REPOSITORY / "docs" / "user_guide" / "plugins" / "index.md"
    assert f"| `{hook}` |" in page.read_text()
