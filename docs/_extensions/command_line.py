"""The directive ``command-line``: the help of each command, as the program prints it."""

import io
import os
from contextlib import redirect_stdout, suppress
from unittest.mock import patch

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mlpkit.__main__ import main
from mlpkit.commands.program import COMMANDS


class CommandLine(SphinxDirective):
    """A section with the help of each command."""

    def run(self) -> list[nodes.Node]:
        """Print the help of all commands into sections."""
        sections = []
        for command in COMMANDS:
            title = f"mlpkit {command}"
            section = nodes.section(ids=[nodes.make_id(title)], names=[title])
            section += nodes.title("", "", nodes.literal(text=title))
            section += nodes.literal_block(text=help_of(command), language="text")
            sections.append(section)
        return sections


def help_of(command: str) -> str:
    """What ``mlpkit command --help`` prints."""
    printed = io.StringIO()
    program = patch("sys.argv", ["mlpkit"])
    width = patch.dict(os.environ, {"COLUMNS": "88", "NO_COLOR": "1"})
    with program, width, redirect_stdout(printed), suppress(SystemExit):
        main([command, "--help"])
    return printed.getvalue()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
