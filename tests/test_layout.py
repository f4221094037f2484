"""The house: imports run one way, files stay small, nothing heavy is loaded."""

import ast
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import mlpkit
from mlpkit.plugin import Hooks
from mlpkit.registry import installed

pytestmark = pytest.mark.once

ROOT = Path(mlpkit.__file__).parent
REPOSITORY = Path(__file__).parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py")
)
# what a module may import of us, level by level: only from levels above its own
LEVELS = [
    {"capabilities", "escaping", "catalogue"},
    {"measures", "reports.entries"},
    {"objectives", "dropout", "reports.text", "results"},
    {"plugin"},
    {"reports.intervals", "metrics.sums"},
    {"solvers", "plain", "threads", "blocks", "devices", "builtins", "discovery", "documented"},
    {"training.bars"},
    {"atomic", "curves"},
    {"training.batches", "training.callbacks", "training.answers", "workers"},
    {"training.listeners"},
    {"activations", "losses", "registry", "targets"},
    {"dense", "chain", "chunks"},
    {"numpy_backend", "provenance", "recipes", "constraints", "options", "class_weights"},
    {"support"},
    {"monitoring.beside", "monitoring.drift"},
    {"training.trainer"},
    {"training.lbfgs", "training.tasks", "model"},
    {"advice"},
    {"building", "exporting", "layers", "pickling", "settings", "versions"},
    {"partitions.columns", "metrics.scored", "metrics.grouping", "metrics.labels"},
    {"metrics.probabilities", "metrics.values", "metrics.lookup", "metrics.kept"},
    {"metrics.accumulator"},
    {"partitions.simple"},
    {"partitions.lookup"},
    {"reports.predictions", "reports.resampling", "reports.gate", "reports.drawing"},
    {"reports.estimates", "reports.comparison", "monitoring.history"},
    {"reports.report"},
    {"monitoring.goals", "reports.evaluation"},
    {"monitoring.plan"},
    {"monitoring.monitor", "monitoring.stream"},
    {"reports.scorer", "reports.display"},
    {"training.fitting"},
    {"monitoring.asking", "starting", "hooks"},
    {"inputs"},
    {"base"},
    {"classifier", "regressor"},
    {"__init__"},
    {"testing.laws", "testing.cases", "testing.components"},
    {"testing.processes"},
    {"testing.capabilities"},
    {"testing.memory"},
    {"testing.metrics", "testing.partitioners", "testing.networks"},
    {"testing.training", "testing.callbacks"},
    {"testing.backends"},
    {"testing.__init__"},
    {"commands.program", "commands.progress", "commands.default_devices"},
    {"commands.demo", "commands.listing", "commands.checking"},
    {"commands.template_backend", "commands.template_trainer"},
    {"commands.templates"},
    {"commands.scaffold"},
    {"__main__"},
]
PACKAGES = {name for name in MODULES if name.endswith(".__init__")}  # a docstring, mostly
LEVEL = {module: i for i, level in enumerate(LEVELS) for module in level}


def path_of(module: str) -> Path:
    """Where its text is."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def imports(module: str) -> set[str]:
    """The modules of ours that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path_of(module).read_text())):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("mlpkit."):
            inside = str(node.module).removeprefix("mlpkit").removeprefix(".")
            for name in (f"{inside}.{alias.name}".removeprefix(".") for alias in node.names):
                whole = name if name in MODULES else inside
                found.add(whole if whole in MODULES else f"{whole}.__init__".removeprefix("."))
    return found


@pytest.mark.parametrize("module", sorted(set(MODULES) - PACKAGES | {"testing.__init__"}))
def test_imports_run_one_way(module: str) -> None:
    """Each module imports only from levels before its own."""
    assert module in LEVEL, f"give {module} its level in {__file__}"
    for other in imports(module):
        assert LEVEL[other] < LEVEL[module], f"{module} imports {other}"


@pytest.mark.parametrize("package", sorted(PACKAGES - {"testing.__init__"}))
def test_a_folder_is_no_second_door(package: str) -> None:
    """Its modules are imported by their own names."""
    assert not imports(package)


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


def test_public_names_are_sorted_and_there() -> None:
    """What `import *` gives."""
    assert sorted(mlpkit.__all__) == mlpkit.__all__
    assert all(hasattr(mlpkit, name) for name in mlpkit.__all__)


def test_the_version_is_the_distributions() -> None:
    """One number."""
    assert mlpkit.__version__ == version("mlpkit")


def test_the_core_knows_no_framework() -> None:
    """No code of the core names one; the laws' deny-list and the list of distributions do."""
    for module in MODULES:
        if module not in ("testing.processes", "catalogue"):
            text = path_of(module).read_text().lower()
            assert not any(name in text for name in ("tensorflow", "pytorch", "keras", "jax")), (
                module
            )


def test_the_core_is_an_entry_point_like_any_other() -> None:
    """What the distribution declares is what the registry loads first."""
    (declared,) = (e for e in entry_points(group="mlpkit") if e.dist and e.dist.name == "mlpkit")
    first = installed().plugins[0].entry
    assert (declared.name, declared.value) == (first.name, first.value)


@pytest.mark.parametrize("hook", [name for name in vars(Hooks) if name.startswith("mlpkit_")])
def test_every_hook_has_a_line_in_the_readme(hook: str) -> None:
    """An author finds it there."""
    assert hook in (REPOSITORY / "README.md").read_text()


def test_import_brings_nothing_heavy() -> None:
    """No framework, no plugin, no test tool; scikit-learn and what it brings."""
    code = (
        "import sys, sklearn.neural_network; before = set(sys.modules); import mlpkit\n"
        "new = {m.split('.')[0] for m in set(sys.modules) - before}\n"
        "print(sorted(new - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(ast.literal_eval(done.stdout)) <= {"mlpkit", "pluggy", "numpy"}
