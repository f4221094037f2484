"""
==========================================
Metrics by group with confidence intervals
==========================================

A model that is good on average can be bad for some groups. :func:`mlpkit.evaluate` measures any
fitted scikit-learn estimator over all rows and by group, and
:class:`mlpkit.PartitionReportDisplay` shows the result. This example looks at the errors of a
regressor on the diabetes data.

See :doc:`/user_guide/group_metrics` in the user guide for the details.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import (
    MLPRegressor,
    PartitionReportDisplay,
    by_quantile,
    cross,
    evaluate,
)

plt.style.use("tableau-colorblind10")
X, y = load_diabetes(as_frame=True, scaled=False, return_X_y=True)
model = make_pipeline(
    StandardScaler(),
    MLPRegressor(
        hidden_layer_sizes=(20,),
        alpha=10.0,
        learning_rate_init=0.05,
        max_iter=1000,
        tol=1e-3,
        random_state=0,
    ),
)

# %%
# Evaluate predictions by group
# -----------------------------
# The predictions come from cross-validation, so each row is predicted by a model that was not
# trained on it. Groups are the values of a column, quantiles of a column, or crossings of these.

predicted = cross_val_predict(model, X, y, cv=5)
report = evaluate(
    None,
    X,
    y,
    y_pred=predicted,
    metrics=["mae", "mean_bias"],
    partitions=[
        "sex",
        by_quantile("age", 3),
        cross("sex", by_quantile("bmi", 2)),
    ],
    confidence=0.95,
)
print(report)

# %%
# Plot the mean absolute error
# ----------------------------
# Each dot is a group with its 95 % interval; the dashed line is the error over all rows. The errors
# are larger for people with a high body mass index of either sex. The differences by age and by sex
# are small compared with their intervals.

display = PartitionReportDisplay(report).plot(metrics=["mae"])
display.ax_.set(
    xlabel="mean absolute error", title="Errors are larger for a high BMI"
)
plt.show()

# %%
# Show it in a notebook or on a page
# ----------------------------------
# A notebook shows a report like this. ``report.to_html("report.html")`` writes a page that also has
# the worst groups, calibration and training.

report

# %%
# Ask for the worst group
# -----------------------
# :class:`mlpkit.PartitionReport` also answers questions in code, for example in a test.

worst = report.worst("mae")
print(
    f"worst group: {worst.partition} by {worst.partitioner}, {worst.value:.1f}"
)
print(f"largest difference by age: {report.difference('mae', by='age'):.1f}")
