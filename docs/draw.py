"""Draw the picture of the page on metrics by group: ``python docs/draw.py``."""

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
DOCS = Path(__file__).parent
PAGE = DOCS / "user_guide" / "group_metrics.md"


def main() -> None:
    """Run the page up to the display, and save it."""
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S):
        exec(compile(block, str(PAGE), "exec"), namespace)
        if "display" in namespace:
            break
    namespace["display"].figure_.savefig(DOCS / "partitions.png", dpi=110)


if __name__ == "__main__":
    main()
