"""The examples in README and on the pages run, and installation is described in one way only."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from sklearn.exceptions import ConvergenceWarning

from mlpkit.registry.distributions import KNOWN_DISTRIBUTIONS, install_hint
from mlpkit.registry.lookup import installed

# a process has one Keras backend, and importing TensorFlow first would choose another one
os.environ["KERAS_BACKEND"] = "jax"
os.environ["KERAS_HOME"] = tempfile.mkdtemp()
os.environ["MPLBACKEND"] = "Agg"

DOCS = Path(__file__).parent
REPOSITORY = DOCS.parent
README = REPOSITORY / "README.md"
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
BUILT = {"_build", "auto_examples", "generated"}


def examples(page: Path) -> list[tuple[str, str]]:
    """The Python blocks of a page, also those that are indented, and the output that follows."""
    text = page.read_text()
    fences = re.finditer(
        r"^( *)```python\n(.*?)^\1```\n(?:\n```text\n(.*?)^```)?", text, re.MULTILINE | re.DOTALL
    )
    # with the lines of the text before it, so that tracebacks have the line of the page
    return [
        ("\n" * text.count("\n", 0, f.start(2)) + textwrap.dedent(f[2]), f[3] or "") for f in fences
    ]


def texts(*patterns: str) -> list[Path]:
    """The files of the documentation that are written by hand."""
    found = [path for pattern in patterns for path in DOCS.rglob(pattern)]
    return sorted(path for path in found if not BUILT & set(path.parts))


# pages with commands are executed by test_command_line.py
PAGES = [page for page in texts("*.md") if examples(page) and "```console" not in page.read_text()]
TEXTS = [
    README,
    REPOSITORY / "CHANGELOG.md",
    *texts("*.md", "*.rst", "plot_*.py"),
    *REPOSITORY.glob("plugins/*/README.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_examples_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order and in one module, whose functions pickle finds by name."""
    module = ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.chdir(tmp_path)
    # a store of files, since creating a data base takes seconds
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path}/mlruns")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Keras asks its own variables for NumPy arrays in an old way
        warnings.filterwarnings("ignore", ".*copy keyword", DeprecationWarning)
        # MLflow reads the type hints of `predict`, where X may be any table
        warnings.filterwarnings("ignore", ".*Any type hint is inferred")
        for code, output in examples(page):
            with redirect_stdout(StringIO()) as printed:
                exec(compile(code, str(page), "exec"), vars(module))
            if output:
                assert (
                    NUMBER.sub("#", output).split() == NUMBER.sub("#", printed.getvalue()).split()
                )
                shown, computed = (
                    [float(number) for number in NUMBER.findall(text)]
                    for text in (output, printed.getvalue())
                )
                # another processor multiplies with other last bits
                assert computed == pytest.approx(shown, rel=0.05, abs=0.05)


ONLY_WHAT_README_INSTALLS = """
import os, sys, warnings
from importlib.metadata import packages_distributions, requires
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

wanted, waiting = set(), ["mlpkit", "mlpkit-jax", "mlpkit-tabular", "pandas"]
while waiting:
    name = canonicalize_name(waiting.pop())
    if name not in wanted:
        wanted.add(name)
        needed = map(Requirement, requires(name) or ())
        waiting += [r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
absent = {
    module
    for module, distributions in packages_distributions().items()
    if not wanted & {canonicalize_name(name) for name in distributions}
} - {"packaging"}
absent |= {name.replace("-", "_") for name in os.environ["MLPKIT_DISABLE_PLUGINS"].split(",")}
for name in [name for name in sys.modules if name.partition(".")[0] in absent]:
    del sys.modules[name]


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
"""


def test_the_examples_of_readme_run_in_the_environment_of_its_first_command(
    tmp_path: Path,
) -> None:
    """There is nothing but mlpkit, mlpkit-jax, mlpkit-tabular, pandas and what these require."""
    blocks = [code for code, _ in examples(README)]
    assert blocks
    installed_ones = ("mlpkit-jax", "mlpkit-tabular")
    others = [known.name for known in KNOWN_DISTRIBUTIONS if known.name not in installed_ones]
    check = "assert {'tensorflow', 'keras', 'matplotlib', 'mlpkit_keras'} <= absent\n"
    ignore = (
        "import sklearn.exceptions as e; warnings.simplefilter('ignore', e.ConvergenceWarning)\n"
    )
    program = "\n".join([ONLY_WHAT_README_INSTALLS, check, ignore, *map(str.strip, blocks)])
    environment = {**os.environ, "MLPKIT_DISABLE_PLUGINS": ",".join(others)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, cwd=tmp_path)


def shown_installations(text: str) -> Iterator[str]:
    """What the pip commands of a text install, argument by argument."""
    for line in re.findall(r"pip install ([^`\n#]*)", text):
        for argument in shlex.split(line.partition("&&")[0]):
            if re.match(r"\.|.*mlpkit", argument):
                yield argument


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_installation_is_shown_as_in_messages(text: Path) -> None:
    """Our distributions are installed by what `install_hint` gives, and by nothing else."""
    lines = [
        install_hint(name) for name in ("mlpkit", *(known.name for known in KNOWN_DISTRIBUTIONS))
    ]
    allowed = {name for line in lines for name in shlex.split(line.partition(",")[0])[2:]}
    for argument in shown_installations(text.read_text()):
        assert argument.partition("[")[0] in allowed


def test_the_defaults_of_tables_are_true() -> None:
    """The page shows what "auto" means."""
    from mlpkit_tabular.estimators.defaults import FEW_ROWS, MANY_ROWS, preset

    page = (DOCS / "user_guide" / "tables.md").read_text()
    assert f"| below {FEW_ROWS:,} rows | below {MANY_ROWS:,} rows | more rows |" in page
    for task, is_classifier in (("classifier", True), ("regressor", False)):
        presets = [preset(n, is_classifier) for n in (FEW_ROWS - 1, MANY_ROWS - 1, MANY_ROWS)]
        for name, values in zip(presets[0]._fields, zip(*presets, strict=True), strict=True):
            cells = " | ".join(map(str, values))
            lines = (f"| `{name}` | {cells} |", f"| `{name}` of a {task} | {cells} |")
            assert set(values) == {None} or any(line in page for line in lines), name


def test_readme_is_short() -> None:
    """The rest belongs to the pages."""
    assert len(README.read_text().splitlines()) <= 150


def test_the_test_command_is_what_ci_runs() -> None:
    """.ci/run calls the command that README gives, word for word."""
    commands = re.findall(r"^    (python3 -m venv .*)$", README.read_text(), re.MULTILINE)
    assert len(commands) == 2
    assert commands[1] in (REPOSITORY / ".ci" / "run").read_text().splitlines()


def test_components_of_the_known_distributions() -> None:
    """Each component of the list is registered by the plugin of its distribution."""
    for known in KNOWN_DISTRIBUTIONS:
        for kind, names in known.components.items():
            for name in names:
                plugin, _ = installed().find(kind, name)
                assert plugin.distribution == known.name, name
