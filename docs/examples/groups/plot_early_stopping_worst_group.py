"""
=================================
Early stopping on the worst group
=================================

Early stopping usually looks at a score over all validation rows. ``early_stopping_on`` can look at
the worst group instead. This example trains on 300 digits, where each digit is a group, and
compares the two choices.

See :doc:`/user_guide/validation` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mlpkit import MLPClassifier, by_target, evaluate

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X_train, X_rest, y_train, y_rest = train_test_split(
    X / 16.0, y, train_size=300, stratify=y, random_state=0
)
X_val, X_test, y_val, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)

# %%
# Train with both goals
# ---------------------

goals = {"all rows": "log_loss", "worst digit": "worst(log_loss, by='target')"}
models = {}
for name, goal in goals.items():
    clf = MLPClassifier(
        hidden_layer_sizes=(64,),
        learning_rate_init=0.005,
        metrics="log_loss",
        partitions=by_target(),
        early_stopping_on=goal,
        n_iter_no_change=40,
        random_state=0,
    )
    models[name] = clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)

# %%
# Plot what early stopping looks at
# ---------------------------------
# ``validation_scores_`` has the value of the goal in each epoch, negated where lower is better. The
# worst digit improves for a shorter time than the average.

figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
best = {}
for (name, clf), line in zip(models.items(), ("-", "--"), strict=True):
    losses = -np.array(clf.validation_scores_)
    best[name] = losses.argmin() + 1
    (curve,) = ax.plot(np.arange(1, len(losses) + 1), losses, line, label=name)
    ax.plot(best[name], losses.min(), "o", color=curve.get_color())
ax.set(
    xlabel="epoch",
    ylabel="log loss on validation rows",
    ylim=(0, 1),
    title="The worst digit has its minimum earlier",
)
ax.legend(title="early stopping on")
plt.show()

# %%
# Compare on test rows
# --------------------
# The worst digit gains a little, and the average loses a little. Both differences are small here;
# which one matters is a question of the application.

for name, clf in models.items():
    report = evaluate(
        clf, X_test, y_test, metrics="log_loss", partitions=by_target()
    )
    worst = report.worst("log_loss")
    print(
        f"stopped on {name}: log loss {report['log_loss']:.3f},"
        f" of the worst digit ({worst.partition}) {worst.value:.3f}"
    )
