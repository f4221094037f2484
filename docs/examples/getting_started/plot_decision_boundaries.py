"""
===================================
Activations and decision boundaries
===================================

The activation of the hidden layers determines the shape of the decision boundary. This example
trains the same small network with four activations on two features of the wine data and shows
the regions of the three cultivars.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier

wine = load_wine(as_frame=True)
X, y = wine.data[["flavanoids", "color_intensity"]], wine.target

# %%
# Train one network for each activation
# -------------------------------------
# ``activation`` takes the names of scikit-learn and also "gelu", "silu", "selu", "mish" and
# "leaky_relu". A list has one activation for each hidden layer.

activations = ["identity", "relu", "tanh", ["gelu", "tanh"]]
models = {}
for activation in activations:
    model = make_pipeline(
        StandardScaler(),
        MLPClassifier(
            hidden_layer_sizes=(16, 16),
            activation=activation,
            learning_rate_init=0.01,
            max_iter=500,
            tol=1e-3,
            random_state=0,
        ),
    )
    scores = cross_val_score(model, X, y, cv=5)
    name = activation if isinstance(activation, str) else ", ".join(activation)
    models[name] = model.fit(X, y), scores.mean()
    print(f"{name}: accuracy in cross-validation {scores.mean():.3f}")

# %%
# Show the regions
# ----------------
# The boundaries of "identity" are straight lines, because a network without nonlinear activations
# is a linear model. "relu" gives piecewise linear boundaries and the others smooth curves.

figure, axes = plt.subplots(
    2, 2, figsize=(5.4, 5.4), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, (model, score)) in zip(axes.flat, models.items(), strict=True):
    DecisionBoundaryDisplay.from_estimator(
        model,
        X,
        ax=ax,
        response_method="predict",
        multiclass_colors="cividis",
        alpha=0.4,
        grid_resolution=200,
    )
    ax.scatter(
        *X.to_numpy().T, c=y, cmap="cividis", s=14, edgecolor="k", linewidth=0.4
    )
    ax.set(title=f"{name}: {score:.3f}", xlabel="", ylabel="")
figure.suptitle("Accuracy in cross-validation by activation")
figure.supxlabel("flavanoids")
figure.supylabel("color intensity")
plt.show()
