"""
====================
Calibration by group
====================

A classifier is calibrated if, of the rows that it predicts with a probability of 80 %, it predicts
80 % correctly. This example shows how the strength of the L2 penalty changes the calibration of a
digit classifier, for digits that are written with a thin, medium and thick stroke.

See :doc:`/user_guide/group_metrics` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict

from mlpkit import MLPClassifier, by_labels, evaluate

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X = X / 16.0
ink = X.mean(axis=1)
thirds = np.quantile(ink, [1 / 3, 2 / 3])
stroke = np.array(["thin", "medium", "thick"])[np.searchsorted(thirds, ink)]

# %%
# Predict in cross-validation
# ---------------------------
# The expected calibration error is the mean distance between the probability of the predicted class
# and the accuracy, over rows with similar probabilities. With ``calibration=True``, the report also
# contains these bins, for each group.

calibrations = []
for alpha in (1e-4, 1.0):
    model = MLPClassifier(
        hidden_layer_sizes=(64,),
        alpha=alpha,
        learning_rate_init=0.01,
        max_iter=500,
        tol=1e-3,
        random_state=0,
    )
    report = evaluate(
        None,
        X,
        y,
        y_proba=cross_val_predict(model, X, y, cv=3, method="predict_proba"),
        metrics=["accuracy", "log_loss", "expected_calibration_error"],
        partitions=by_labels(stroke, name="stroke"),
        calibration=True,
    )
    calibrations.append(report.calibration)
    print(f"alpha={alpha:g}\n{report}\n")

# %%
# Draw reliability diagrams
# -------------------------
# The rows of each group are sorted by the probability of the predicted class and split into ten
# parts. With the weak penalty the groups lie a little below the diagonal: the model is right less
# often than its probabilities say. With the strong penalty they lie above it, because the penalty
# shrinks the weights, and with them the differences between the outputs.

figure, axes = plt.subplots(
    2, figsize=(5, 7), sharex=True, layout="constrained"
)
for ax, calibration in zip(axes, calibrations, strict=True):
    for group, marker in zip(("thin", "medium", "thick"), "osD", strict=True):
        bins = [b for b in calibration if b.partition == group]
        ax.plot(
            [b.predicted for b in bins],
            [b.observed for b in bins],
            marker=marker,
            label=group,
        )
    ax.plot([0.5, 1], [0.5, 1], color="0.4", linestyle="--", label="calibrated")
    ax.set(ylabel="accuracy", ylim=(0.5, 1.02))
axes[0].set_title("alpha=0.0001: slightly too confident")
axes[1].set(
    xlabel="probability of the predicted class",
    title="alpha=1: not confident enough",
)
axes[0].legend(title="stroke")
plt.show()
