"""A list of the tests of a class in `mlpkit.testing`, with their descriptions.

.. conformance-tests:: SolverTests
"""

import inspect

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mlpkit import testing


class ConformanceTests(SphinxDirective):
    """The directive ``conformance-tests``; its argument is the name of the class."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A bullet list."""
        cls = getattr(testing, self.arguments[0])
        lines = []
        for name in (name for name in dir(cls) if name.startswith("test_")):
            description = inspect.getdoc(getattr(cls, name)) or ""
            lines.append(f"- ``{name}``: {' '.join(description.split())}")
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("conformance-tests", ConformanceTests)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
