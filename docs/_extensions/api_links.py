"""Names in the text lead to their pages, ours here and scikit-learn's on its site.

A name of the public API that stands between backquotes, such as `MLPClassifier` or
`mlpkit.plugin.Solver`, becomes a link in docstrings and pages alike. References of docstrings
that are inherited from scikit-learn lead to the site of scikit-learn.
"""

import inspect
import re
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from pydoc import locate
from typing import Any

from docutils import nodes
from numpydoc.docscrape_sphinx import SphinxDocString
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

MODULES = [
    *("mlpkit", "mlpkit.plugin", "mlpkit.backend_kit", "mlpkit.schedules", "mlpkit.testing"),
    *("mlpkit_tabular", "mlpkit_tabular.datasets"),
]
RETURNED = [  # classes with a page, which users do not import
    "mlpkit.reports.entries.Entry",
    "mlpkit.reports.entries.Change",
    "mlpkit.reports.comparison.Comparison",
    "mlpkit.monitoring.history.MetricHistory",
    "mlpkit_tabular.networks.embeddings.PiecewiseLinear",
    "mlpkit_tabular.networks.embeddings.Periodic",
]
SKLEARN = "https://scikit-learn.org/stable/"


@cache
def full_names() -> dict[str, str]:
    """The full name of each public name, by all the ways to write it."""
    full = {module: module for module in MODULES if module != "mlpkit"}
    full |= {name.rpartition(".")[2]: name for name in RETURNED}
    documented: dict[tuple[str, int], str] = {}
    for module in MODULES:
        for name in public_names(module):
            item = getattr(import_module(module), name)
            address = documented.setdefault((name, id(item)), f"{module}.{name}")
            full[f"{module}.{name}"] = address
            if name[0].isupper() or (module == "mlpkit" and "_" in name):
                full.setdefault(name, address)
    return full


def public_names(module: str) -> list[str]:
    """What a module exports."""
    imported = import_module(module)
    return list(getattr(imported, "__all__", ()))


def link_literals(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make a link of each literal that is a public name."""
    for literal in list(doctree.findall(nodes.literal)):
        text = literal.astext().removesuffix("()")
        address = internal(app, text, page) or scikit_learn(text)
        if address and not inside_link(literal):
            inside = not address.startswith(SKLEARN)
            link = nodes.reference("", "", internal=inside, refuri=address)
            literal.replace_self(link)
            link += literal


def internal(app: Sphinx, text: str, page: str) -> str:
    """The address of a name of ours, or of its class; empty on the page of the name itself."""
    objects, names = app.env.domaindata["py"]["objects"], full_names()
    owner, _, member = text.rpartition(".")
    candidates = [names.get(text, "")]
    if owner in names and member:
        candidates += [f"{names[owner]}.{member}", names[owner]]
    for name in candidates:
        if name in objects:
            entry = objects[name]
            if entry.docname == page:
                break
            return f"{app.builder.get_relative_uri(page, entry.docname)}#{entry.node_id}"
    return ""


@cache
def scikit_learn(text: str) -> str:
    """The address of a class or function of scikit-learn, by its full name."""
    if not re.fullmatch(r"sklearn(\.\w+)+", text):
        return ""
    item = locate(text)
    public = inspect.isclass(item) or inspect.isroutine(item)
    return f"{SKLEARN}modules/generated/{text}.html" if public else ""


def inside_link(node: Any) -> bool:
    """Whether a node is part of a link or of a title."""
    while node is not None:
        if isinstance(node, nodes.reference | nodes.title | pending_xref):
            return True
        node = node.parent
    return False


def elsewhere(app: Sphinx, env: Any, node: pending_xref, content: nodes.Node) -> Any:
    """Resolve references of inherited docstrings to the site of scikit-learn."""
    target = node["reftarget"]
    if target.startswith("sklearn."):
        address = f"{SKLEARN}modules/generated/{target}.html"
    elif node.get("reftype") == "ref" and node.get("refdoc", "").startswith("api/generated/"):
        page = "metadata_routing" if "metadata" in target else "glossary"
        address = f"{SKLEARN}{page}.html#{target.replace('_', '-')}"
    elif node.get("reftype") == "term":
        address = f"{SKLEARN}glossary.html#term-{target.replace(' ', '-')}"
    else:
        return None
    return nodes.reference("", "", content, internal=False, refuri=address)


def comment_as_docstring(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    """Constants and types have the comment ``#:`` of the module that defines them."""
    package, _, short = name.rpartition(".")
    if package not in MODULES:
        return
    if what == "data":
        lines[:] = []  # the docstring of the type
    folder = getattr(import_module(package), "__path__", ())
    for module in iter_modules(folder, f"{package}."):
        comments = ModuleAnalyzer.for_module(module.name).find_attr_docs()
        lines[:] = comments.get(("", short), lines)


def skip_fields(
    app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Fields of named tuples are described in the docstring of the class."""
    return True if type(member).__name__ == "_tuplegetter" else None


def without_summaries(
    docstring: Any, param: str, desc: list[str], fake_autosummary: bool
) -> tuple[str, list[str]]:
    """Attributes are shown as they are described, also where they are properties."""
    return process_param(docstring, param, desc, fake_autosummary=False)


process_param = SphinxDocString._process_param


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the handlers."""
    SphinxDocString._process_param = without_summaries
    app.connect("doctree-resolved", link_literals)
    app.connect("missing-reference", elsewhere)
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("autodoc-process-docstring", comment_as_docstring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
