"""The pages on plugins are complete, and their code imports public names only."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from mlpkit import backend_kit, plugin
from mlpkit.commands.check import CONFORMANCE_TESTS
from mlpkit.plugin import Kind

PAGES = Path(__file__).parent / "user_guide" / "plugins"
INDEX = (PAGES / "index.md").read_text()
PUBLIC = {
    *("mlpkit", "mlpkit.plugin", "mlpkit.backend_kit", "mlpkit.distributed"),
    *("mlpkit.testing", "mlpkit.registry"),
}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_has_a_page(kind: str) -> None:
    """It shows the hook, and the table of hooks and the table of contents refer to it."""
    assert f"def mlpkit_{kind}s():" in (PAGES / f"{kind}.md").read_text()
    assert re.search(rf"^\| `mlpkit_{kind}s` \|.*\({kind}\.md\) \|$", INDEX, re.MULTILINE)
    assert re.search(rf"^{kind}$", INDEX, re.MULTILINE)


@pytest.mark.parametrize("kind", CONFORMANCE_TESTS)
def test_the_conformance_tests_of_a_kind_are_listed(kind: Kind) -> None:
    """The site lists the tests of the class that the page shows."""
    test_class, text = CONFORMANCE_TESTS[kind], (PAGES / f"{kind}.md").read_text()
    assert f"({test_class}):\n    {kind} = " in text
    assert f".. conformance-tests:: {test_class}\n" in text


def test_the_table_of_names_is_true() -> None:
    """Every name in it is a public one."""
    table = INDEX.partition("## Which names you need")[2].partition("## Rules")[0]
    names = set(re.findall(r"`([A-Za-z_]+)`", table)) - {"device"}
    assert len(names) > 20
    assert names <= {*plugin.__all__, *backend_kit.__all__}


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_code_imports_public_modules(page: Path) -> None:
    """Private ones only where a comment says so."""
    blocks = re.findall(
        r"^```(?:{code-block} )?python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
    )
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("mlpkit"):
                lines = block.splitlines()[node.lineno - 1 : node.end_lineno]
                assert node.module in PUBLIC or "# private" in " ".join(lines), lines
