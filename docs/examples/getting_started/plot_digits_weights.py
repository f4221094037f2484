"""
===========================================
What the first layer learns from the digits
===========================================

Each hidden unit of the first layer has one weight for each pixel, so its weights can be shown as
an image. This example shows how the L2 penalty ``alpha`` changes these images.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mlpkit import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16.0, y, test_size=0.5, stratify=y, random_state=0
)

# %%
# Train with a weak and a strong penalty
# --------------------------------------

models = {}
for alpha in (1e-4, 1.0):
    model = MLPClassifier(
        hidden_layer_sizes=(16,),
        alpha=alpha,
        learning_rate_init=0.01,
        max_iter=500,
        tol=1e-3,
        random_state=0,
    )
    models[alpha] = model.fit(X_train, y_train)
    print(
        f"alpha={alpha:g}: accuracy on test rows {model.score(X_test, y_test):.3f}"
    )

# %%
# Show the weights
# ----------------
# ``coefs_[0]`` has one row for each pixel and one column for each hidden unit. Blue pixels raise
# the activation of a unit, red pixels lower it. All images have the same colour scale.
#
# The accuracy is nearly the same. With the strong penalty the weights are smaller and smoother, and
# the weights of a few units vanish: the network does not need them.

figure = plt.figure(figsize=(5, 3.9), layout="constrained")
limit = max(np.abs(model.coefs_[0]).max() for model in models.values())
for part, (alpha, model) in zip(
    figure.subfigures(2), models.items(), strict=True
):
    score = model.score(X_test, y_test)
    part.suptitle(f"alpha={alpha:g}: accuracy on test rows {score:.3f}")
    for ax, weights in zip(
        part.subplots(2, 8).flat, model.coefs_[0].T, strict=True
    ):
        ax.imshow(weights.reshape(8, 8), cmap="RdBu", vmin=-limit, vmax=limit)
        ax.set_axis_off()
plt.show()
