"""
===================================================
Class imbalance: class weights or another threshold
===================================================

When one class is rare, a classifier that predicts the more probable class misses many of its rows.
There are two simple remedies: weighting the classes in training (``class_weight="balanced"``), or
predicting the rare class at a lower probability than 0.5. This example compares them on tumors of
which 14 % are malignant.

See :doc:`/user_guide/class_imbalance` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import PrecisionRecallDisplay
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, evaluate

plt.style.use("tableau-colorblind10")

# %%
# Make the data imbalanced
# ------------------------
# All benign tumors and 60 of the malignant ones are kept. Three features make the task hard enough
# to show a difference.

data = load_breast_cancer(as_frame=True)
malignant = (data.target == 0).to_numpy()
kept = np.concatenate(
    [np.flatnonzero(~malignant), np.flatnonzero(malignant)[:60]]
)
X = data.data[["mean texture", "mean smoothness", "mean compactness"]].iloc[
    kept
]
y = malignant[kept].astype(int)

# %%
# Predict in cross-validation
# ---------------------------

probabilities = {}
for class_weight in (None, "balanced"):
    model = make_pipeline(
        StandardScaler(),
        MLPClassifier(
            hidden_layer_sizes=(16,),
            class_weight=class_weight,
            alpha=1.0,
            learning_rate_init=0.01,
            max_iter=500,
            tol=1e-3,
            random_state=0,
        ),
    )
    p = cross_val_predict(model, X, y, cv=5, method="predict_proba")
    probabilities[class_weight] = p[:, 1]

# %%
# Measure the three choices
# -------------------------
# :func:`mlpkit.evaluate` also measures predictions that were made elsewhere. Without weights, the
# threshold that corresponds to balanced classes is the fraction of the rare class.

choices = {
    "threshold 0.5": (None, 0.5),
    f"threshold {y.mean():.2f}": (None, y.mean()),
    "class weights": ("balanced", 0.5),
}
reports = {}
for name, (class_weight, threshold) in choices.items():
    predicted = (probabilities[class_weight] > threshold).astype(int)
    reports[name] = evaluate(
        None,
        None,
        y,
        y_pred=predicted,
        metrics=["accuracy", "balanced_accuracy", "precision", "recall"],
        confidence=0.95,
    )
    print(f"{name}\n{reports[name]}\n")

# %%
# Plot precision and recall
# -------------------------
# Each curve shows all thresholds of one model. The two curves are close to each other: the class
# weights move the model to another point of nearly the same curve, and a lower threshold does so
# without training again. Which point is best depends on the cost of a missed tumor.

figure, ax = plt.subplots(figsize=(5, 4.4), layout="constrained")
lines = {None: ("-", "no weights"), "balanced": ("--", "balanced weights")}
for class_weight, (line, name) in lines.items():
    PrecisionRecallDisplay.from_predictions(
        y,
        probabilities[class_weight],
        ax=ax,
        name=name,
        curve_kwargs={"linestyle": line, "drawstyle": "default"},
    )
for (name, report), marker in zip(reports.items(), "osD", strict=True):
    ax.plot(
        report["recall"],
        report["precision"],
        marker,
        color="k",
        label=name,
        markersize=8,
    )
ax.set(
    xlabel="recall: malignant tumors that are found",
    ylabel="precision",
    title="Weights and thresholds trade\nprecision for recall alike",
)
ax.legend()
plt.show()
