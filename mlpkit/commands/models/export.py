"""The command ``mlpkit export``."""

import argparse
import os
from typing import Any

import mlpkit
from mlpkit.commands.output_files import check_writable
from mlpkit.files.atomic_file import write_atomically
from mlpkit.messages import escaped
from mlpkit.registry.lookup import installed

EXPORTER = "onnx"


def main(options: argparse.Namespace) -> int:
    """Write the file; return the exit code."""
    installed().resolve("exporter", EXPORTER)  # an error says which plugin is missing
    check_writable(options.onnx, (options.model,))
    data = onnx_of(mlpkit.load(options.model))
    write_atomically(options.onnx, lambda file: file.write(data))
    if not options.quiet:
        size = os.path.getsize(options.onnx)
        print(f"Wrote {escaped(options.onnx)} ({size / 1e6:.2f} MB)")
    return 0


def onnx_of(estimator: Any) -> bytes:
    """Return a model in the format of ONNX."""
    return bytes(estimator.to_onnx().SerializeToString())
