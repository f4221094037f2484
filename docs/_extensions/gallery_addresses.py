"""Estimators that an example shows link to the pages of this site, from the example's page."""

import os
from pathlib import Path
from typing import Any


def set_address(gallery_conf: dict[str, Any], script: str) -> None:
    """Set the address of the site before a script runs, as seen from its page."""
    examples = Path(gallery_conf["src_dir"], "examples")
    path = next(examples.rglob(script)).relative_to(examples)
    os.environ["MLPKIT_DOCUMENTATION"] = "../" * len(path.parts)
