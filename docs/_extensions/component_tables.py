"""A table of the components of one kind that the distributions of this repository offer.

.. components:: metric
   :distribution: mlpkit
"""

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mlpkit.plugin import NAMESPACE, Component
from mlpkit.plugin.capabilities import MEANING


def components(kind: str, distribution: str) -> list[Component]:
    """What the entry points of a distribution offer."""
    offered = []
    for entry in sorted(entry_points(group="mlpkit"), key=lambda entry: entry.name):
        if entry.dist is not None and entry.dist.name == distribution:
            hook = getattr(entry.load(), f"mlpkit_{kind}s", None)
            offered += hook() if hook else []
    return offered


def made(component: Component) -> Any:
    """What the factory of a component returns."""
    module, _, name = component.factory.partition(":")
    return getattr(import_module(module), name)()


def metric_row(component: Component) -> tuple[str, ...]:
    """The columns that only metrics have."""
    metric = made(component)
    better = {True: "higher", False: "lower", None: "neither"}[metric.higher_is_better]
    return ", ".join(metric.tasks), better


class Components(SphinxDirective):
    """The directive ``components``; its argument is the kind."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"distribution": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """A table with a row for each component."""
        kind = self.arguments[0]
        offered = components(kind, self.options["distribution"])
        if not offered:
            raise self.error(f"{self.options['distribution']} offers no {kind}; is it installed?")
        more = ("Tasks", "Better") if kind == "metric" else ()
        lines = [
            ".. list-table::",
            "   :class: components",
            "   :header-rows: 1",
            "   :widths: auto",
            "",
            *listed("Name", "Description", *more, "Options"),
        ]
        for component in offered:
            columns = metric_row(component) if more else ()
            options = ", ".join(f"``{option}``" for option in component.options)
            summary = component.summary[:1].upper() + component.summary[1:]
            lines += listed(f"``{component.name}``", summary, *columns, options)
        return self.parse_text_to_nodes("\n".join(lines))


class Capabilities(SphinxDirective):
    """The directive ``capabilities``: a table of what a backend may declare to support."""

    def run(self) -> list[nodes.Node]:
        """A table with a row for each capability."""
        lines = [".. list-table::", "   :class: components", "   :header-rows: 1", ""]
        lines += listed("Capability", "What the backend supports")
        for capability, meaning in MEANING.items():
            lines += listed(f"``{capability}``", meaning[:1].upper() + meaning[1:])
        return self.parse_text_to_nodes("\n".join(lines))


class NamespaceFunctions(SphinxDirective):
    """The directive ``namespace-functions``: a table of the functions that `xp` offers."""

    def run(self) -> list[nodes.Node]:
        """A table with a row for each function."""
        lines = [
            ".. list-table::",
            "   :class: components",
            "   :header-rows: 1",
            "   :widths: auto",
            "",
            *listed("Function", "Result"),
        ]
        for name, function in NAMESPACE.items():
            call = f"{name}({function.arguments})" if function.arguments else name
            summary = function.summary[:1].upper() + function.summary[1:]
            lines += listed(f"``{call}``", summary.replace("*", r"\*"))
        return self.parse_text_to_nodes("\n".join(lines))


def listed(*cells: str) -> list[str]:
    """A row of a list-table."""
    first, *others = (cell.replace("\n", " ") for cell in cells)
    return [f"   * - {first}", *(f"     - {cell}" for cell in others)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("components", Components)
    app.add_directive("capabilities", Capabilities)
    app.add_directive("namespace-functions", NamespaceFunctions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
