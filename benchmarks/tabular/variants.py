"""Variants of mlpkit for the ablation: a name, and the parameters that switch a part off."""

from typing import Any

VARIANTS: dict[str, dict[str, Any]] = {}
