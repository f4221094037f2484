"""The tables in a page of the documentation."""

import re
from pathlib import Path

END = "<!-- end -->"


def has(path: Path, name: str) -> bool:
    """Return whether a page has the line ``<!-- name -->``."""
    return f"<!-- {name} -->\n" in path.read_text()


def write(path: Path, name: str, text: str) -> None:
    """Replace the text between the lines ``<!-- name -->`` and ``<!-- end -->`` of a page.

    Raises ValueError if the page does not have these lines.
    """
    page, begin = path.read_text(), f"<!-- {name} -->"
    between = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(END)})", re.DOTALL)
    if not between.search(page):
        raise ValueError(f"{path} has no lines {begin} and {END}.")
    path.write_text(between.sub(lambda _: f"\n{text}\n\n", page, count=1))
