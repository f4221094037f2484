"""
===========================
Compare two models by group
===========================

Is a network better than a linear model for every group? The difference of two reports has an
interval for each group. If both models predict the same rows, the rows are compared in pairs, which
gives narrower intervals than comparing two separate scores.

See :doc:`/user_guide/group_metrics` in the user guide for the details.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from mlpkit import MLPClassifier, by_target, evaluate

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16.0, y, test_size=0.5, stratify=y, random_state=0
)

# %%
# Train and evaluate both models
# ------------------------------
# Each digit is a group: ``by_target`` makes a group for each class.

models = {
    "network": MLPClassifier(
        hidden_layer_sizes=(64,),
        learning_rate_init=0.01,
        max_iter=500,
        tol=1e-3,
        random_state=0,
    ),
    "linear": LogisticRegression(max_iter=1000),
}
reports = {}
for name, model in models.items():
    model.fit(X_train, y_train)
    reports[name] = evaluate(
        model,
        X_test,
        y_test,
        metrics=["accuracy", "log_loss"],
        partitions=by_target(),
        confidence=0.95,
    )

# %%
# Subtract the reports
# --------------------

comparison = reports["network"] - reports["linear"]
print(comparison)

# %%
# Plot the differences
# --------------------
# Below zero, the network has the lower log loss. Where the interval contains zero, these rows do
# not show which model is better for that digit.

changes = [change for change in comparison if change.metric == "log_loss"]
names = [change.partition for change in changes]
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for place, change in enumerate(changes):
    clear = change.high < 0 or change.low > 0
    ax.plot(
        [change.low, change.high], [place, place], color="C0" if clear else "C2"
    )
    ax.plot(change.difference, place, "o", color="C0" if clear else "C2")
ax.axvline(0, color="0.4", linestyle="--")
ax.set_yticks(range(len(names)), names)
ax.invert_yaxis()
better = sum(change.high < 0 for change in changes[1:])
ax.set(
    xlabel="log loss of the network minus log loss of the linear model",
    ylabel="digit",
    title=f"The network is clearly better for {better} of 10 digits",
)
plt.show()
