"""How a plugin describes what it offers: components, and the hooks that return them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import pluggy

from mlpkit.plugin.capabilities import Capability

#: Version of the contract. A plugin declares the range of versions that it supports:
#: ``mlpkit_api = (1, 1)``.
API = 1

#: Decorator of the hooks that a plugin implements.
hookimpl = pluggy.HookimplMarker("mlpkit")
#: Decorator of the hooks that `Hooks` specifies.
hookspec = pluggy.HookspecMarker("mlpkit")

#: The kind of a component.
Kind = Literal[
    "backend",
    "builder",
    "solver",
    "trainer",
    "callback",
    "metric",
    "partitioner",
    "encoder",
    "adapter",
    "exporter",
    "estimator",
    "communicator",
]


@dataclass(frozen=True)
class Component:
    """The description of a component, which a hook returns.

    The factory is imported when a user requests the name, so listing components costs nothing.

    Parameters
    ----------
    name : str
        The name by which users select the component.
    factory : str
        ``"package.module:function"``. The signature depends on the kind:

        - backend: ``(network, spec, recipe, **options) -> Steps``
        - builder: ``(spec, rng, **options) -> Network``
        - solver: ``(**options) -> Solver``
        - trainer: a `Trainer` itself
        - callback: ``(**options) -> Callback``
        - metric: ``(**options) -> Metric``
        - partitioner: ``(**options) -> Partitioner``
        - encoder: ``(**options) -> Encoder``
        - adapter and exporter: see `Hooks`.
        - estimator: the class, whose name is that of the component
        - communicator: ``(**options) -> Communicator``
    summary : str, default=""
        One line for ``mlpkit plugins``.
    requires : tuple of str, default=()
        Top-level modules that must be installed.
    options : tuple of str, default=()
        Names of the options that the factory accepts.
    exempt : dict of str, default={}
        Tests of `mlpkit.testing` that the component cannot pass, with the reason for each:
        ``{"test_...": "why"}``.
    device : str, default=""
        For a backend: the default device. Either "cpu" or ``"package.module:function"`` of a
        function without arguments that returns its name, such as "gpu 0 (NVIDIA H100)".
        ``mlpkit plugins`` calls the function in a separate process, since it may import a
        framework.
    supports : tuple of str, default=("dense_networks",)
        For a backend: the capabilities that it declares, see `CAPABILITIES`. The conformance
        tests compare each of them with NumPy. A fit that needs another capability raises
        PluginError before training. A backend that is passed as an object declares them in its
        own attribute ``supports``; without this attribute all are assumed.
    methods : dict of str, default={}
        For an exporter: methods that estimators have while the plugin is installed, for other
        libraries that look for them: ``{"x_method": "package.module:function"}``, where "x" is
        both the name of the exporter and the name of the plugin's entry point. The function
        receives the estimator, as a method does. If its module cannot be imported, for example
        because the other library is not installed, estimators do not have the method.
    """

    name: str
    factory: str
    summary: str = ""
    requires: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    exempt: Mapping[str, str] = field(default_factory=dict, hash=False)
    device: str = ""
    supports: tuple[Capability, ...] = ("dense_networks",)
    methods: Mapping[str, str] = field(default_factory=dict, hash=False)


class Hooks(Protocol):
    """The hooks. Each takes no argument and returns an iterable of `Component`."""

    @hookspec
    def mlpkit_backends(self) -> Iterable[Component]:
        """Functions that train and evaluate networks: ``(network, spec, recipe) -> Steps``."""

    @hookspec
    def mlpkit_builders(self) -> Iterable[Component]:
        """Functions that build networks: ``(spec, rng) -> Network``."""

    @hookspec
    def mlpkit_solvers(self) -> Iterable[Component]:
        """Optimizers: ``(**options) -> Solver``."""

    @hookspec
    def mlpkit_trainers(self) -> Iterable[Component]:
        """Training loops: a `Trainer`."""

    @hookspec
    def mlpkit_callbacks(self) -> Iterable[Component]:
        """Functions that are called after each epoch: ``(**options) -> Callback``."""

    @hookspec
    def mlpkit_metrics(self) -> Iterable[Component]:
        """Metrics: ``(**options) -> Metric``."""

    @hookspec
    def mlpkit_partitioners(self) -> Iterable[Component]:
        """Rules that assign rows to groups: ``(**options) -> Partitioner``."""

    @hookspec
    def mlpkit_encoders(self) -> Iterable[Component]:
        """Encoders of tables: ``(**options) -> Encoder``."""

    @hookspec
    def mlpkit_adapters(self) -> Iterable[Component]:
        """Adapters for objects of a framework: ``(kind, obj, **context) -> component``.

        The name of the component is the top-level module of the classes that it adapts.
        ``kind`` and its ``context`` are:

        - "solver": no context.
        - "loss": ``spec``.
        - "metric": ``task``, or None if it is not known.
        - "callback": ``network``, ``spec``, ``recipe`` and ``metrics``, the `Metric` records
          that are computed after every epoch.
        - "builder", for the object that a user's function returned: ``spec``, ``builder`` and
          ``options``.
        - "stored", for a builder, or the `Network.apply` of a network, that ``estimator.save``
          writes: ``arrays`` and ``spec``, the weights of the network for its `apply`, else None. It
          returns a `StoredObject`.
        - "restored", for a `StoredObject` from a file: ``arrays`` as for "stored". It returns the
          object. It raises ValueError if the content is invalid, and executes no code from it.

        The adapter returns None for an object that it does not adapt to this kind.
        """

    @hookspec
    def mlpkit_exporters(self) -> Iterable[Component]:
        """Conversions of a fitted model: ``(model, *args, **options) -> object``.

        ``model`` is a `FittedModel`. An exporter named "x" is available as ``estimator.to_x(...)``.
        """

    @hookspec
    def mlpkit_estimators(self) -> Iterable[Component]:
        """Subclasses of `mlpkit.MLPClassifier` and `mlpkit.MLPRegressor` that files may contain.

        ``estimator.save`` accepts these classes, and `mlpkit.load` creates no others. The name of
        the component is that of the class.
        """

    @hookspec
    def mlpkit_communicators(self) -> Iterable[Component]:
        """How processes that train together communicate: ``(**options) -> Communicator``."""
