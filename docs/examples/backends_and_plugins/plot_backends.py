"""
================================
The same fit on several backends
================================

A ``random_state`` determines the initial weights, the order of the rows and dropout, and every
backend gets the same ones. This example trains a network with dropout on NumPy and on JAX, in
double and in single precision, and compares the training losses.

See :doc:`/user_guide/backends` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from mlpkit import MLPClassifier

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X = X / 16.0

# %%
# Train on each backend
# ---------------------
# Only the name of the backend changes. ``dtype=None`` follows the data, which are in double
# precision.

models = {}
for backend in ("numpy", "jax"):
    for dtype in ("float64", "float32"):
        model = MLPClassifier(
            hidden_layer_sizes=(64, 32),
            dropout=0.1,
            learning_rate_init=0.003,
            max_iter=500,
            tol=1e-2,
            backend=backend,
            dtype=dtype,
            random_state=0,
        )
        models[backend, dtype] = model.fit(X, y)

# %%
# Compare with NumPy in double precision
# --------------------------------------
# In double precision the losses differ by rounding errors. In single precision both backends differ
# from NumPy in double precision by about 1e-7, which is the precision of single floats.

reference = np.array(models["numpy", "float64"].loss_curve_)
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
lines = {
    ("numpy", "float32"): "-",
    ("jax", "float32"): "--",
    ("jax", "float64"): "-.",
}
for (backend, dtype), line in lines.items():
    losses = np.array(models[backend, dtype].loss_curve_)
    n = min(len(losses), len(reference))
    difference = np.abs(losses[:n] - reference[:n])
    ax.plot(
        np.arange(1, n + 1),
        np.maximum(difference, 1e-17),
        line,
        label=f"{backend}, {dtype}",
    )
ax.set(
    xlabel="epoch",
    ylabel="difference of the training loss",
    yscale="log",
    title="JAX and NumPy agree up to rounding",
)
ax.legend()
plt.show()

# %%
# The fitted attributes are NumPy arrays on every backend, and the accuracies agree.

for (backend, dtype), model in models.items():
    weights = model.coefs_[0]
    print(
        f"{backend}, {dtype}: {type(weights).__name__} of {weights.dtype},",
        end=" ",
    )
    print(f"{model.n_iter_} epochs, training accuracy {model.score(X, y):.4f}")
