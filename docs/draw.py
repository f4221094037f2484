"""Draw the README's picture anew: ``python docs/draw.py``."""

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
README = Path(__file__).parent.parent / "README.md"


def main() -> None:
    """Run the README up to the display, and save it."""
    namespace: dict[str, Any] = {"__name__": "readme"}
    for block in re.findall(r"^```python\n(.*?)^```", README.read_text(), re.M | re.S):
        exec(compile(block, str(README), "exec"), namespace)
        if "display" in namespace:
            break
    namespace["display"].figure_.savefig(Path(__file__).parent / "partitions.png", dpi=110)


if __name__ == "__main__":
    main()
