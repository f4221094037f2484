"""The folder of the helpers, and quick compilation."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# most of the time of the tests of tables is compilation
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
)
