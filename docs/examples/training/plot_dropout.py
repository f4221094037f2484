"""
===========================
Dropout reduces overfitting
===========================

``dropout`` leaves out a random fraction of the hidden units in each training step. This example
trains on 200 digits and measures the log loss on the other rows after each epoch.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mlpkit import MLPClassifier

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16.0, y, train_size=200, stratify=y, random_state=0
)

# %%
# Measure the test rows during training
# -------------------------------------
# ``eval_sets`` names sets of rows on which the metrics are measured. They do not influence the
# training. The callback stops the training after 150 epochs.

histories = {}
for dropout in (0.0, 0.2, 0.5):
    model = MLPClassifier(
        hidden_layer_sizes=(128,),
        dropout=dropout,
        learning_rate_init=0.005,
        batch_size=50,
        metrics=["log_loss", "accuracy"],
        n_iter_no_change=np.inf,
        callbacks=lambda report: report.epoch == 150,
        random_state=0,
    )
    model.fit(X_train, y_train, eval_sets={"test": (X_test, y_test)})
    histories[dropout] = model.metric_history_

# %%
# Plot the log loss
# -----------------
# The training loss is measured with dropout, so it is higher with dropout than without. Without
# dropout the loss on the test rows rises after about 40 epochs; with dropout it rises less.


def values(history, metric, split):
    return [entry.value for entry in history.select(metric, split=split)]


figure, (top, bottom) = plt.subplots(
    2, figsize=(5, 5.6), sharex=True, layout="constrained"
)
for (dropout, history), line in zip(
    histories.items(), ("-", "--", "-."), strict=True
):
    final = values(history, "accuracy", "test")[-1]
    epochs = np.arange(1, 151)
    top.plot(epochs, values(history, "log_loss", "train"), line)
    bottom.plot(
        epochs,
        values(history, "log_loss", "test"),
        line,
        label=f"dropout={dropout}: accuracy {final:.3f}",
    )
top.set(ylabel="log loss", yscale="log", title="Training rows")
bottom.set(
    xlabel="epoch",
    ylabel="log loss",
    ylim=(0.15, 0.6),
    title="Test rows: the loss is lower with dropout",
)
bottom.legend()
plt.show()
