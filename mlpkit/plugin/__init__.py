"""The plugin contract: everything that authors of plugins import.

A plugin is a distribution with one entry point in the group ``mlpkit``. The entry point names a
module that is cheap to import: neither the module nor its parent packages may import a
framework. A solver, for example, consists of a few lines in ``pyproject.toml`` and one module::

    [project.entry-points.mlpkit]
    lion = "mlpkit_lion"

    # mlpkit_lion.py
    from mlpkit.plugin import Component, Solver, hookimpl

    def update(xp, p, g, optimizer_state, learning_rate, options):
        (m,) = optimizer_state
        p = p - learning_rate * xp.sign(options["beta"] * m + (1 - options["beta"]) * g)
        return p, (0.99 * m + 0.01 * g,)

    def lion(beta=0.9):
        return Solver(update=update, optimizer_state=("m",), options={"beta": beta})

    @hookimpl
    def mlpkit_solvers():
        return [Component("lion", "mlpkit_lion:lion", "sign momentum", options=("beta",))]

After ``pip install``, ``mlpkit plugins`` lists it, ``MLPClassifier(solver="lion")`` uses it and
``mlpkit check lion`` runs the conformance tests of `mlpkit.testing`.

Every author needs `hookimpl`, `Component`, and the record of the kind of plugin:

============  ====================================================================================
kind          names, and the file that documents them
============  ====================================================================================
solver        `Solver` (`Joint` for an update of all weights at once): ``objectives.py``
loss          `Loss`: ``objectives.py``
metric        `Metric`, `Predictions` (`CellCounts` for histograms): ``metrics.py``
partitioner   `Partitioner`, `UnmergeableGroups`: ``partitioners.py``; `Dataset`, `Groups`:
              ``datasets.py``
encoder       `Encoder`, `Column` (`PortableEncoding`, `TableColumn` for exporters): ``encoders.py``
builder       `Spec`, `Network`, `PortableApply` (`Apply` for one framework): ``networks.py``;
              `NAMESPACE` lists the functions of `xp`: ``namespaces.py``
callback      `Report`: ``training.py``
trainer       `Job`, `Progress`, `Report`, `training_values`: ``training.py``
backend       `Steps`, `Batches`, `StepSums`, and those of a builder: ``backends.py``
exporter      `FittedModel`, and those of a builder: ``fitted_models.py``
communicator  `Communicator`, `Group`, `GroupError`: ``groups.py``
============  ====================================================================================

A hook takes no argument and returns components. A component is a description: its factory is
imported when a user requests the name. Plugins never receive the estimator, except in
`Component.methods`, and do not depend on each other's order. Besides this package they may import
`mlpkit.backend_kit`, which contains what backends share, and `mlpkit.testing` in their tests. The
built-in components are registered by the same hooks.
"""

from mlpkit.plugin.arrays import Array, Arrays, Namespace
from mlpkit.plugin.backends import (
    Backend,
    Batches,
    Rows,
    State,
    Steps,
    StepSums,
    optimizer_state_name,
)
from mlpkit.plugin.capabilities import CAPABILITIES, Capability
from mlpkit.plugin.components import API, Component, Hooks, Kind, hookimpl, hookspec
from mlpkit.plugin.datasets import Dataset, Groups
from mlpkit.plugin.dropout import dropout, dropout_mask
from mlpkit.plugin.encoders import (
    Column,
    ColumnKind,
    Encoder,
    PortableEncoding,
    TableColumn,
)
from mlpkit.plugin.errors import InvalidResult, PluginError, PluginWarning, Unsupported
from mlpkit.plugin.fitted_models import FittedModel
from mlpkit.plugin.groups import Communicator, Group, GroupError
from mlpkit.plugin.metrics import (
    CellCounts,
    Metric,
    MetricValue,
    PredictionKind,
    Predictions,
    Task,
)
from mlpkit.plugin.namespaces import NAMESPACE, NamespaceFunction
from mlpkit.plugin.networks import (
    PENALTY,
    Activation,
    Apply,
    Builder,
    Network,
    PortableApply,
    Spec,
    StepContext,
)
from mlpkit.plugin.objectives import Joint, Loss, OutActivation, Schedule, Solver
from mlpkit.plugin.partitioners import Partitioner, UnmergeableGroups
from mlpkit.plugin.recipe import Recipe
from mlpkit.plugin.stored_objects import StoredObject
from mlpkit.plugin.training import (
    Callback,
    Deadline,
    Job,
    Observer,
    Progress,
    Report,
    Trainer,
    resumed_training,
    training_values,
)

__all__ = [
    "API",
    "CAPABILITIES",
    "NAMESPACE",
    "PENALTY",
    "Activation",
    "Apply",
    "Array",
    "Arrays",
    "Backend",
    "Batches",
    "Builder",
    "Callback",
    "Capability",
    "CellCounts",
    "Column",
    "ColumnKind",
    "Communicator",
    "Component",
    "Dataset",
    "Deadline",
    "Encoder",
    "FittedModel",
    "Group",
    "GroupError",
    "Groups",
    "Hooks",
    "InvalidResult",
    "Job",
    "Joint",
    "Kind",
    "Loss",
    "Metric",
    "MetricValue",
    "Namespace",
    "NamespaceFunction",
    "Network",
    "Observer",
    "OutActivation",
    "Partitioner",
    "PluginError",
    "PluginWarning",
    "PortableApply",
    "PortableEncoding",
    "PredictionKind",
    "Predictions",
    "Progress",
    "Recipe",
    "Report",
    "Rows",
    "Schedule",
    "Solver",
    "Spec",
    "State",
    "StepContext",
    "StepSums",
    "Steps",
    "StoredObject",
    "TableColumn",
    "Task",
    "Trainer",
    "UnmergeableGroups",
    "Unsupported",
    "dropout",
    "dropout_mask",
    "hookimpl",
    "hookspec",
    "optimizer_state_name",
    "resumed_training",
    "training_values",
]
