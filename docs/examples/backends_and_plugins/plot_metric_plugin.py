"""
========================================
A metric of your own: the cost of errors
========================================

A metric is defined by what each row adds to a sum. It can then be measured by group, during
training and on data in chunks, with confidence intervals. This example defines the cost of wrong
diagnoses, where a missed malignant tumor costs five times as much as a false alarm, and looks for
the threshold with the lowest cost.

See :doc:`/user_guide/plugins/metric` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, by_quantile, evaluate
from mlpkit.plugin import Metric

plt.style.use("tableau-colorblind10")

# %%
# Define the metric
# -----------------
# ``cost_of_rows`` returns the cost of each row. The sums begin with the sum of the weights of the
# rows, followed by the sum of the costs. The metric is their ratio.


def cost_of_rows(predictions):
    """Return 5 for a miss, 1 for a false alarm and 0 for a correct prediction."""
    misses = predictions.y_true > predictions.y_pred
    false_alarms = predictions.y_true < predictions.y_pred
    return 5.0 * misses + 1.0 * false_alarms


def mean_cost(sums):
    """Return the numerator and the denominator."""
    return sums[..., 1], sums[..., 0]


cost = Metric(
    "cost",
    tasks=("binary",),
    higher_is_better=False,
    row_statistics=cost_of_rows,
    ratio=mean_cost,
    interval="normal",
)

# %%
# Predict probabilities in cross-validation
# -----------------------------------------

data = load_breast_cancer(as_frame=True)
X = data.data[
    ["mean texture", "mean smoothness", "mean compactness", "mean area"]
]
y = (data.target == 0).astype(int)  # 1 is malignant
model = make_pipeline(
    StandardScaler(),
    MLPClassifier(
        hidden_layer_sizes=(16,),
        alpha=1.0,
        learning_rate_init=0.01,
        max_iter=500,
        tol=1e-3,
        random_state=0,
    ),
)
p = cross_val_predict(model, X, y, cv=5, method="predict_proba")[:, 1]

# %%
# Measure the cost by threshold
# -----------------------------

thresholds = np.arange(0.02, 0.7, 0.02)
totals = []
for threshold in thresholds:
    report = evaluate(
        None,
        None,
        y,
        y_pred=(p > threshold).astype(int),
        metrics=[cost],
        confidence=0.95,
    )
    totals += report.select("cost", by="all")

# %%
# Plot the cost
# -------------
# If the probabilities are right, the cost is lowest at the threshold 1 / (1 + 5), where the
# expected cost of a miss equals that of a false alarm. The band is the 95 % interval.

figure, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
low, high = [total.low for total in totals], [total.high for total in totals]
ax.plot(thresholds, [total.value for total in totals])
ax.fill_between(thresholds, low, high, alpha=0.3)
ax.axvline(1 / 6, color="0.4", linestyle="--")
ax.annotate(" 1/6", (1 / 6, max(high)), color="0.3", va="top")
ax.set(
    xlabel="threshold of the predicted probability",
    ylabel="mean cost per tumor",
    title="The cost is lowest near the threshold 1/6",
)
plt.show()

# %%
# Measure the cost by group
# -------------------------

report = evaluate(
    None,
    X,
    y,
    y_pred=(p > 1 / 6).astype(int),
    metrics=[cost, "recall"],
    partitions=by_quantile("mean area", 3),
    confidence=0.95,
)
print(report)
