"""The command line as the user typed it, for help and messages."""

import sys
from pathlib import Path


def program_name() -> str:
    """``python -m mlpkit`` where it was started that way, else ``mlpkit``."""
    started_as_module = Path(sys.argv[0]).parts[-2:] == ("mlpkit", "__main__.py")
    return "python -m mlpkit" if started_as_module else "mlpkit"
