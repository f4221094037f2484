"""
==========================================
The same loss curves as scikit-learn's MLP
==========================================

:class:`mlpkit.MLPClassifier` has the parameters of
:class:`sklearn.neural_network.MLPClassifier` and gives the same results. This example trains both
on the handwritten digits and compares the training loss of each epoch.

See :doc:`/user_guide/drop_in` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
import sklearn.neural_network
from sklearn.datasets import load_digits

import mlpkit

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X = X / 16.0

# %%
# Train both classes
# ------------------
# The data are in double precision, so both classes compute in double precision. The same
# ``random_state`` gives the same initial weights, the same order of the rows, and the same split
# for early stopping.

settings = {
    "adam": {"learning_rate_init": 0.003},
    "adam, early stopping": {
        "learning_rate_init": 0.003,
        "early_stopping": True,
    },
    "sgd, invscaling": {
        "solver": "sgd",
        "learning_rate": "invscaling",
        "learning_rate_init": 0.5,
        "power_t": 0.25,
    },
}


def fit(module, parameters):
    model = module.MLPClassifier(
        hidden_layer_sizes=(32,), tol=1e-3, random_state=0, **parameters
    )
    return model.fit(X, y)


models = {
    name: (fit(sklearn.neural_network, parameters), fit(mlpkit, parameters))
    for name, parameters in settings.items()
}

# %%
# Compare the loss curves
# -----------------------
# Both stop in the same epoch. The differences are rounding errors: the two programs add the same
# numbers in another order, and in double precision one unit in the last place of 1.0 is
# :math:`2 \cdot 10^{-16}`.

figure, (top, bottom) = plt.subplots(
    2, figsize=(5, 6), sharex=True, layout="constrained"
)
for i, (name, (theirs, ours)) in enumerate(models.items()):
    epochs = np.arange(1, ours.n_iter_ + 1)
    difference = np.abs(np.subtract(ours.loss_curve_, theirs.loss_curve_))
    top.plot(epochs, ours.loss_curve_, color=f"C{i}", label=name)
    top.plot(epochs[::4], theirs.loss_curve_[::4], ".", color=f"C{i}")
    bottom.plot(epochs, np.maximum(difference, 1e-17), ".", color=f"C{i}")
    print(
        f"{name}: {ours.n_iter_} and {theirs.n_iter_} epochs, largest {difference.max():.1e}"
    )

top.set(
    ylabel="training loss",
    yscale="log",
    title="mlpkit (lines) follows scikit-learn (dots)",
)
top.legend()
bottom.axhline(1e-12, color="0.4", linestyle="--")
bottom.annotate("1e-12", (1, 1e-12), va="bottom", color="0.4")
bottom.set(
    xlabel="epoch",
    ylabel="absolute difference of the losses",
    yscale="log",
    ylim=(5e-18, 1e-10),
    title="Differences are rounding errors",
)
plt.show()

# %%
# The predicted probabilities agree in the same way, so a program can change the import and keep
# its results.

for name, (theirs, ours) in models.items():
    difference = np.abs(ours.predict_proba(X) - theirs.predict_proba(X)).max()
    print(f"{name}: predicted probabilities differ by at most {difference:.1e}")
