"""
======================================
A solver of your own, on every backend
======================================

A solver is a function that returns new weights. It is written once, in operations that all
backends have. This example writes Lion (Chen et al., 2023), which steps by the sign of a moving
average of the gradients, and trains with it on NumPy and on JAX.

See :doc:`/user_guide/plugins/solver` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from mlpkit import MLPClassifier
from mlpkit.plugin import Solver

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X = X / 16.0

# %%
# Write the solver
# ----------------
# ``xp`` has the array functions of the backend. ``p`` are weights and ``g`` their gradient, which
# includes the L2 penalty. The optimizer state "m" is an array of the same shape, which is zero
# before the first step.


def lion_update(xp, p, g, optimizer_state, learning_rate, options):
    """Return the new weights and the new optimizer state."""
    (m,) = optimizer_state
    direction = xp.sign(options["beta_1"] * m + (1 - options["beta_1"]) * g)
    m = options["beta_2"] * m + (1 - options["beta_2"]) * g
    return p - learning_rate * direction, (m,)


lion = Solver(
    update=lion_update,
    optimizer_state=("m",),
    options={"beta_1": 0.9, "beta_2": 0.99},
)

# %%
# Train with it
# -------------
# ``solver`` accepts the object. As part of a plugin, the solver can be selected by its name in
# every program; ``mlpkit new-plugin`` creates the files of a plugin.

models = {}
for name, solver, learning_rate, backend in [
    ("adam, NumPy", "adam", 0.003, "numpy"),
    ("lion, NumPy", lion, 0.001, "numpy"),
    ("lion, JAX", lion, 0.001, "jax"),
]:
    model = MLPClassifier(
        hidden_layer_sizes=(64,),
        solver=solver,
        learning_rate_init=learning_rate,
        batch_size=100,
        backend=backend,
        n_iter_no_change=np.inf,
        callbacks=lambda report: report.epoch == 40,
        random_state=0,
    )
    models[name] = model.fit(X, y)

# %%
# Plot the loss curves
# --------------------
# The two backends give the same curve. With these learning rates, Lion needs more epochs than Adam
# at first and reaches a lower loss in the end.

figure, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
for (name, model), style in zip(models.items(), ("--", "-", "o"), strict=True):
    ax.plot(
        np.arange(1, 41),
        model.loss_curve_,
        style,
        label=name,
        markerfacecolor="none",
    )
ax.set(
    xlabel="epoch",
    ylabel="training loss",
    yscale="log",
    title="Lion trains on NumPy and on JAX alike",
)
ax.legend()
plt.show()

# %%
difference = np.subtract(
    models["lion, NumPy"].loss_curve_, models["lion, JAX"].loss_curve_
)
print(f"largest difference between the backends: {abs(difference).max():.1e}")
