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

ROOT = Path(mlpkit.__file__).parent
REPOSITORY = Path(__file__).parent.parent
MODULES = sorted(path.stem for path in ROOT.glob("*.py"))
# what a module may import of us, level by level: only from levels above its own
LEVELS = [
    {"measures"},
    {"objectives", "entries"},
    {"plugin"},
    {"losses", "solvers", "batches", "blocks", "callbacks", "builtins", "threads", "discovery"},
    {"dense", "trainer", "registry", "targets"},
    {"scored", "sums", "columns", "text", "gate", "intervals"},
    {"provenance"},
    {"numpy_backend", "lbfgs", "recipes", "model", "constraints", "options", "listing"},
    {"building", "exporting", "layers", "listeners", "class_weights"},
    {"fitting"},
    {"base"},
    {"classifier", "regressor"},
    {"grouping", "label_metrics", "drawing", "partitions", "predictions"},
    {"probability_metrics", "value_metrics", "metrics", "partitioning", "kept"},
    {"accumulator"},
    {"resampling"},
    {"estimates", "comparison"},
    {"report"},
    {"evaluation"},
    {"scorer", "display"},
    {"__init__"},
    {"laws", "cases"},
    {"testing_metrics", "testing_networks", "testing_training"},
    {"testing", "demo", "checking", "template_backend", "template_trainer"},
    {"templates"},
    {"scaffold"},
    {"__main__"},
]
LEVEL = {module: i for i, level in enumerate(LEVELS) for module in level}


def imports(module: str) -> set[str]:
    """The modules of ours that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "mlpkit":
            names = [alias.name for alias in node.names]
            found |= {name if name in MODULES else "__init__" for name in names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mlpkit."):
            found.add(str(node.module).split(".")[1])
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module: str) -> None:
    """Each module imports only from levels before its own."""
    assert module in LEVEL, f"give {module}.py its level in {__file__}"
    for other in imports(module):
        assert LEVEL[other] < LEVEL[module], f"{module} imports {other}"


@pytest.mark.parametrize("module", MODULES)
def test_files_stay_small(module: str) -> None:
    """A file of the core is read once from top to bottom."""
    limit = 350 if module in ("plugin", "testing") else 250
    assert len((ROOT / f"{module}.py").read_text().splitlines()) <= limit


def test_public_names_are_sorted_and_there() -> None:
    """What `import *` gives."""
    assert sorted(mlpkit.__all__) == mlpkit.__all__
    assert all(hasattr(mlpkit, name) for name in mlpkit.__all__)


def test_the_version_is_the_distributions() -> None:
    """One number."""
    assert mlpkit.__version__ == version("mlpkit")


def test_the_core_knows_no_framework() -> None:
    """No code of the core names one; the laws' deny-list does."""
    for module in MODULES:
        if module != "testing":
            text = (ROOT / f"{module}.py").read_text().lower()
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
