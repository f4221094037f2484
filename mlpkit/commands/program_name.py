"""The name of the program in help texts and messages."""

import sys
from pathlib import Path


def program_name() -> str:
    """Return "python -m mlpkit" if the program was started that way, else "mlpkit"."""
    started_as_module = Path(sys.argv[0]).parts[-2:] == ("mlpkit", "__main__.py")
    return "python -m mlpkit" if started_as_module else "mlpkit"
