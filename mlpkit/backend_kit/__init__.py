"""What backends and exporters share beyond the plugin contract.

===================  ==============================================================================
file                 contents
===================  ==============================================================================
result_checks.py     checks of what solvers and losses return; every backend applies them
members.py           losses and predictions over the members of a network
models.py            steps and outputs of several models that are trained as one
products.py          matrix products with few large matrices
weights.py           initial optimizer state; all trained weights in one array
joining.py           arrays in one, for programs that take time for each argument
parts.py             the weights of a dense network in parts that threads share
clipping.py          the largest norm of a gradient
factors.py           factors of the learning rate and of the weight decay by array
devices.py           the option ``device``; the warning about float64 on an accelerator
blas_threads.py      BLAS on one thread while networks are trained and evaluated
usefulness.py        whether other threads make a computation faster
subnormals.py        zero in place of subnormal numbers while networks are trained
processes.py         an error in place of a deadlock in forked processes
program_folders.py   the folder of compiled programs
program_store.py     compiled programs on disk
private_folders.py   folders to which only this user has access
training_rows.py     training data in the precision of the network, and its rows by index
fixed_shapes.py      steps in blocks of a few fixed shapes, for backends that compile
quantiles.py         several quantiles from the outputs of a network
predictions.py       the predictions of a fitted model, for exporters
tracing/             solvers and losses as small programs, for backends that compile them
folding.py           networks whose outputs are predictions, for exporters of a network alone
===================  ==============================================================================
"""

from mlpkit.backend_kit.blas_threads import OneThread, allowed_threads
from mlpkit.backend_kit.clipping import clipped
from mlpkit.backend_kit.devices import Device, device_name, gpu_index, warn_about_float64
from mlpkit.backend_kit.factors import (
    learning_rate_factors,
    weight_decay_factors,
    with_weight_decays,
)
from mlpkit.backend_kit.fixed_shapes import (
    BLOCK_ROWS,
    Block,
    IndexBlock,
    blocks,
    index_blocks,
    padded_size,
)
from mlpkit.backend_kit.folding import predicting_network
from mlpkit.backend_kit.joining import (
    Joined,
    JoinedLayout,
    JoinedPart,
    flat_layout,
    slices,
    small_layout,
)
from mlpkit.backend_kit.members import deltas, mean_of_members, row_losses
from mlpkit.backend_kit.models import (
    by_model,
    checked_outputs,
    expanded_like,
    outputs_of_models,
    unpadded_rows,
)
from mlpkit.backend_kit.parts import WeightPart, n_parts, weight_parts
from mlpkit.backend_kit.predictions import ModelOutputs, predictions
from mlpkit.backend_kit.processes import ForkGuard
from mlpkit.backend_kit.products import large_matmul
from mlpkit.backend_kit.program_folders import program_folder
from mlpkit.backend_kit.program_store import ProgramStore
from mlpkit.backend_kit.quantiles import ascending, central, softplus
from mlpkit.backend_kit.result_checks import (
    check_deltas,
    check_joint_update,
    check_row_losses,
    check_update,
)
from mlpkit.backend_kit.subnormals import FlushToZero, flushed, flushes_to_zero
from mlpkit.backend_kit.tracing.expansion import expanded
from mlpkit.backend_kit.tracing.losses import LossTrace, trace_loss
from mlpkit.backend_kit.tracing.programs import Operation, Program, evaluate
from mlpkit.backend_kit.tracing.updates import UpdateTrace, trace_update
from mlpkit.backend_kit.training_rows import (
    ALIGNMENT,
    BLOCK_BYTES,
    KEPT_BYTES,
    aligned,
    can_be_kept,
    gather_rows,
    has_rows,
    needs_ids,
    row_ids,
    row_width,
    rows_within,
    training_dataset,
)
from mlpkit.backend_kit.usefulness import Usefulness, n_processors
from mlpkit.backend_kit.weights import Segment, WeightLayout, initial_optimizer_state
from mlpkit.files.atomic_file import write_atomically

__all__ = [
    "ALIGNMENT",
    "BLOCK_BYTES",
    "BLOCK_ROWS",
    "KEPT_BYTES",
    "Block",
    "Device",
    "FlushToZero",
    "ForkGuard",
    "IndexBlock",
    "Joined",
    "JoinedLayout",
    "JoinedPart",
    "LossTrace",
    "ModelOutputs",
    "OneThread",
    "Operation",
    "Program",
    "ProgramStore",
    "Segment",
    "UpdateTrace",
    "Usefulness",
    "WeightLayout",
    "WeightPart",
    "aligned",
    "allowed_threads",
    "ascending",
    "blocks",
    "by_model",
    "can_be_kept",
    "central",
    "check_deltas",
    "check_joint_update",
    "check_row_losses",
    "check_update",
    "checked_outputs",
    "clipped",
    "deltas",
    "device_name",
    "evaluate",
    "expanded",
    "expanded_like",
    "flat_layout",
    "flushed",
    "flushes_to_zero",
    "gather_rows",
    "gpu_index",
    "has_rows",
    "index_blocks",
    "initial_optimizer_state",
    "large_matmul",
    "learning_rate_factors",
    "mean_of_members",
    "n_parts",
    "n_processors",
    "needs_ids",
    "outputs_of_models",
    "padded_size",
    "predicting_network",
    "predictions",
    "program_folder",
    "row_ids",
    "row_losses",
    "row_width",
    "rows_within",
    "slices",
    "small_layout",
    "softplus",
    "trace_loss",
    "trace_update",
    "training_dataset",
    "unpadded_rows",
    "warn_about_float64",
    "weight_decay_factors",
    "weight_parts",
    "with_weight_decays",
    "write_atomically",
]
