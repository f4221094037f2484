"""
====================================
A raw table beside gradient boosting
====================================

``TabularClassifier`` accepts a table as it is. This example trains it on the Adult data set, with
columns of numbers and of text, some of them with missing values. Its probabilities are compared
with those of gradient boosting, for several numbers of training rows.

See :doc:`/user_guide/tables` in the user guide for the details.
"""

import matplotlib.pyplot as plt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

from mlpkit import Cycles, evaluate
from mlpkit_tabular import TabularClassifier
from mlpkit_tabular.datasets import load_adult

plt.style.use("tableau-colorblind10")
X, y = load_adult(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=3000, random_state=0
)
X_train.head()

# %%
# Train both
# ----------
# The trees need the dtype "category" for text. Both hold out a part of the training rows, and stop
# early by their loss. The network here is smaller than the default one, and trained for a shorter
# time.

text = X.select_dtypes(exclude="number").columns
network = TabularClassifier(
    hidden_layer_sizes=(64,),
    n_members=4,
    n_folds=None,
    trainer=Cycles(max_cycles=4),
    random_state=0,
)
trees = HistGradientBoostingClassifier(
    categorical_features="from_dtype", early_stopping=True, random_state=0
)
levels = X[text].astype("category").dtypes

sizes = [500, 1500, 4500]
curves = {"network": [], "trees": [], "mean of both": []}
for n in sizes:
    network.fit(X_train[:n], y_train[:n])
    trees.fit(X_train[:n].astype(levels), y_train[:n])
    probabilities = {
        "network": network.predict_proba(X_test),
        "trees": trees.predict_proba(X_test.astype(levels)),
    }
    probabilities["mean of both"] = sum(probabilities.values()) / 2
    for name, p in probabilities.items():
        report = evaluate(
            None,
            X_test,
            y_test,
            y_proba=p,
            classes=network.classes_,
            metrics=["log_loss"],
            confidence=0.95,
        )
        curves[name] += report.select("log_loss", "all")

# %%
# Compare the log-loss
# --------------------
# The bars are confidence intervals. The two models err on different rows, so that the mean of their
# probabilities has a lower log-loss than either of them.

figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for i, (name, entries) in enumerate(curves.items()):
    values = [entry.value for entry in entries]
    ax.errorbar(
        [n * 1.04 ** (i - 1) for n in sizes],
        values,
        yerr=[
            [e.value - e.low for e in entries],
            [e.high - e.value for e in entries],
        ],
        marker="osD"[i],
        capsize=3,
        label=name,
    )
ax.set(
    xscale="log",
    xlabel="training rows",
    ylabel="log-loss on the test rows",
    xticks=sizes,
    xticklabels=sizes,
    title="Income in the Adult data set",
)
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# Measure groups
# --------------
# Groups of rows are columns of the raw table.

print(
    evaluate(
        network,
        X_test,
        y_test,
        metrics=["accuracy", "log_loss"],
        partitions=["sex"],
    )
)
