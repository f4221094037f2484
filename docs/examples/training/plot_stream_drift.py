"""
===========================
A stream with concept drift
===========================

``partial_fit`` trains on chunks of any size. Before each chunk is used for training, the model
predicts it, so the metrics of a stream are measured on rows that the model has not seen
(*prequential* evaluation). This example simulates a camera that is mounted upside down in the
middle of a stream of digits: the data change, and the model must adapt.

See :doc:`/user_guide/streams` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import shuffle

from mlpkit import MLPClassifier

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X, y = shuffle(X / 16.0, y, random_state=0)
turned = len(X) // 2
X[turned:] = X[turned:, ::-1]  # the images are rotated by 180 degrees

# %%
# Train on the stream
# -------------------
# The chunks have between 1 and 20 rows. ``metrics_window`` is the number of rows of the sliding
# window.

rng = np.random.default_rng(0)
cuts = np.cumsum(rng.integers(1, 21, size=len(X)))
starts = [0, *cuts[cuts < len(X)]]
stream = MLPClassifier(
    hidden_layer_sizes=(100,),
    learning_rate_init=0.02,
    metrics="accuracy",
    metrics_window=200,
    random_state=0,
)
for start, stop in zip(starts, [*starts[1:], len(X)], strict=True):
    stream.partial_fit(X[start:stop], y[start:stop], classes=np.arange(10))

# %%
# Plot the accuracy
# -----------------
# The accuracy over the whole stream hides the drift; the accuracy over the last 200 rows shows when
# it happens and how fast the model recovers.

stops = np.array([*starts[1:], len(X)])
figure, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
labels = {"window": "last 200 rows", "prequential": "whole stream"}
for (split, label), line in zip(labels.items(), ("-", "--"), strict=True):
    entries = stream.metric_history_.select("accuracy", split=split)
    ax.plot(
        stops[-len(entries) :],
        [entry.value for entry in entries],
        line,
        label=label,
    )
ax.axvline(turned, color="0.4", linestyle=":")
ax.annotate("camera turned ", (turned, 0.05), ha="right", color="0.3")
ax.set(
    xlabel="rows of the stream",
    ylabel="accuracy before training on a row",
    ylim=(0, 1),
    title="The sliding window shows the drift",
)
ax.legend(loc="lower right")
plt.show()
