"""The built site: its pages, its links and the links of the HTML representation into it.

``python -m sphinx docs docs/_build/html`` builds it first.
"""

import re
from functools import cache
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

import mlpkit
from mlpkit import MLPClassifier, MLPRegressor

SITE = Path(__file__).parent / "_build" / "html"
MODULES = [
    *("mlpkit", "mlpkit.plugin", "mlpkit.backend_kit", "mlpkit.distributed"),
    *("mlpkit.schedules", "mlpkit.testing"),
    *("mlpkit_tabular", "mlpkit_tabular.datasets"),
]
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src")}


class Page(HTMLParser):
    """What a page links to, what it loads, its anchors and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect links and anchors."""
        for name, value in attrs:
            if (tag, name) in LOADED:
                self.loaded.add(value or "")
            if name in ("href", "src"):
                self.links.add(value or "")
            if name == "id":
                self.anchors.add(value or "")

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self.words += data.split()


@cache
def page(path: Path) -> Page:
    """A page of the site."""
    return Page(path.read_text(encoding="utf-8"))


def pages() -> list[Path]:
    """All pages; the search page has no content of its own."""
    found = sorted(SITE.rglob("*.html"))
    assert found, "the site is not built: python -m sphinx docs docs/_build/html"
    return [path for path in found if "_static" not in path.parts]


def test_nothing_comes_from_other_hosts() -> None:
    """Scripts, styles and pictures are files of the site."""
    for path in pages():
        assert not [link for link in page(path).loaded if urlsplit(link).netloc], path


def test_every_internal_link_leads_somewhere() -> None:
    """The file exists, and so does the anchor in it."""
    dead = []
    for path in pages():
        for link in sorted(page(path).links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            fragment, _, directive = unquote(parts.fragment).partition(":~:")
            anchored = target.suffix == ".html" and target.is_file() and not directive
            if not target.exists() or (
                fragment and anchored and fragment not in page(target).anchors
            ):
                dead.append(f"{path.relative_to(SITE)}: {link}")
    assert dead == []


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_page(module: str) -> None:
    """The API reference is complete."""
    names = set(import_module(module).__all__)
    if module != "mlpkit":  # what it exports too is documented there
        names -= {*mlpkit.__all__}
    anchors = set().union(*(page(path).anchors for path in SITE.glob("api/**/*.html")))
    full = {f"{module}.{name}" for name in names}
    assert sorted(name for name in full if not {name, f"module-{name}"} & anchors) == []


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_links_of_the_html_representation(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page exists, and has the text that the link selects: a name, followed by its type."""
    monkeypatch.setenv("MLPKIT_DOCUMENTATION", SITE.as_uri())
    X = np.arange(40.0).reshape(20, 2)
    fitted = cls(hidden_layer_sizes=(2,), tol=1e9, random_state=0)
    fitted.fit(X, np.arange(20) % 2)
    links = re.findall(r'href="([^"]*)"', fitted._repr_html_())
    names = set()
    for link in links:
        parts = urlsplit(link)
        path = Path(unquote(parts.path))
        assert path == SITE / "api" / "generated" / f"mlpkit.{cls.__name__}.html"
        if parts.fragment:
            start, suffix = re.fullmatch(r":~:text=([^,]*),-(.*)", parts.fragment).groups()
            text = " ".join(page(path).words)
            assert f"{unquote(start)} {' '.join(unquote(suffix).split())}" in text, start
            names.add(start)
    assert names >= {*fitted.get_params(), "coefs_", "loss_curve_", "n_features_in_"}
