"""What the core brings, through the same hooks as everybody else."""

from mlpkit.plugin import Component, hookimpl


@hookimpl
def mlpkit_backends() -> list[Component]:
    return [Component("numpy", "mlpkit.numpy_backend:backend", "NumPy on the CPU: the reference")]


@hookimpl
def mlpkit_builders() -> list[Component]:
    return [Component("dense", "mlpkit.dense:build", "scikit-learn's chain of dense layers")]


@hookimpl
def mlpkit_solvers() -> list[Component]:
    moments = ("beta_1", "beta_2", "epsilon")
    momentum = ("momentum", "nesterovs_momentum")
    return [
        Component("adam", "mlpkit.solvers:adam", "adaptive moments", options=moments),
        Component("sgd", "mlpkit.solvers:sgd", "gradient descent, momentum", options=momentum),
        Component("lbfgs", "mlpkit.solvers:lbfgs", "quasi-Newton over the whole data"),
    ]


@hookimpl
def mlpkit_trainers() -> list[Component]:
    return [
        Component("epochs", "mlpkit.trainer:train", "minibatches, epoch by epoch"),
        Component("lbfgs", "mlpkit.lbfgs:train", "SciPy's L-BFGS-B"),
    ]


@hookimpl
def mlpkit_callbacks() -> list[Component]:
    return [Component("print", "mlpkit.callbacks:printer", "a line an epoch, as verbose=True")]
