"""What backends share beyond the plugin contract.

Blocks of fixed shapes for backends that compile, gathering of rows, devices, and checks of what
solvers and losses return.
"""

from mlpkit.backend_kit.blocks import (
    BLOCK_BYTES,
    BLOCK_ROWS,
    KEPT_BYTES,
    Block,
    HostRows,
    blocks,
    bucket,
    gathered,
    host_rows,
    plans,
    rows_within,
)
from mlpkit.backend_kit.devices import Device, described, gpu_index
from mlpkit.backend_kit.results import deltas, moved, row_losses, stepped

__all__ = [
    "BLOCK_BYTES",
    "BLOCK_ROWS",
    "KEPT_BYTES",
    "Block",
    "Device",
    "HostRows",
    "blocks",
    "bucket",
    "deltas",
    "described",
    "gathered",
    "gpu_index",
    "host_rows",
    "moved",
    "plans",
    "row_losses",
    "rows_within",
    "stepped",
]
