"""
==========================================
Metrics by group in each epoch of training
==========================================

``metrics`` and ``partitions`` of an estimator measure the training and validation rows after each
epoch, by group. :class:`mlpkit.MetricHistoryDisplay` shows the result. This example trains on
images of cell nuclei and groups them by size.

See :doc:`/user_guide/group_metrics` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from mlpkit import MetricHistoryDisplay, MLPClassifier, by_labels

plt.style.use("tableau-colorblind10")
X, y = load_breast_cancer(return_X_y=True)
radius = X[:, 0]
size = np.select([radius < 12, radius < 15], ["small", "medium"], "large")
X_train, X_val, y_train, y_val, size_train, size_val = train_test_split(
    X, y, size, test_size=0.5, stratify=y, random_state=0
)
scaler = StandardScaler().fit(X_train)
X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)

# %%
# Measure by group during training
# --------------------------------
# The groups are names that are not a column of ``X``, so they are passed to ``fit`` as ``labels``
# and ``labels_val``. The callback stops the training after 60 epochs.

clf = MLPClassifier(
    hidden_layer_sizes=(16,),
    learning_rate_init=0.01,
    metrics=["accuracy", "log_loss"],
    partitions=by_labels("size"),
    n_iter_no_change=np.inf,
    callbacks=lambda report: report.epoch == 60,
    random_state=0,
)
clf.fit(
    X_train,
    y_train,
    labels={"size": size_train},
    X_val=X_val,
    y_val=y_val,
    labels_val={"size": size_val},
)

# %%
# The history is a table with one row for each epoch, set of rows, metric and group.

print(clf.metric_history_.to_frame().tail(4).to_string())

# %%
# Plot the log loss by group
# --------------------------
# Nuclei of medium size are the hardest. After epoch 20 the loss over all validation rows is nearly
# constant, and only the groups show why: it still falls for large nuclei and rises for small ones.

figure, axes = plt.subplots(
    2, figsize=(5, 6), sharex=True, layout="constrained"
)
MetricHistoryDisplay(clf.metric_history_).plot("log_loss", "size", ax=axes)
for ax in axes:
    ax.set_yscale("log")
figure.suptitle("Nuclei of medium size are the hardest")
plt.show()
