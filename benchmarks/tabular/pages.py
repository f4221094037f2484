"""The tables in a page of the documentation."""

import re
from pathlib import Path

BEGIN, END = "<!-- benchmarks.tabular -->", "<!-- end -->"


def write(path: Path, text: str) -> None:
    """Replace what stands between the two lines of a page."""
    page = path.read_text()
    between = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
    if not between.search(page):
        raise ValueError(f"{path} has no lines {BEGIN} and {END}.")
    path.write_text(between.sub(lambda _: f"\n{text}\n\n", page, count=1))
