"""
===================================
Prediction intervals from quantiles
===================================

``MLPRegressor(loss="quantiles")`` predicts several quantiles of the target instead of its mean.
They never cross. This example predicts the progression of diabetes from the body mass index, and
calibrates the interval between two quantiles on rows that the model was not trained on.

See :doc:`/user_guide/uncertainty` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPRegressor, evaluate

plt.style.use("tableau-colorblind10")
X, y = load_diabetes(as_frame=True, scaled=False, return_X_y=True)
X = X[["bmi"]]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.4, random_state=0
)
scaler = StandardScaler().set_output(transform="pandas").fit(X_train)

# %%
# Train one model for all quantiles
# ---------------------------------
# The targets are standardized for the training, which leaves the meaning of a quantile unchanged.
# Early stopping holds out 30 % of the training rows, and keeps the epoch with their lowest loss.

model = MLPRegressor(
    loss="quantiles",
    loss_options={"quantiles": (0.05, 0.5, 0.95)},
    standardize_targets=True,
    hidden_layer_sizes=(20,),
    activation="tanh",
    learning_rate_init=0.01,
    max_iter=1000,
    batch_size=32,
    early_stopping_on="loss",
    n_iter_no_change=30,
    validation_fraction=0.3,
    random_state=0,
)
model.fit(scaler.transform(X_train), y_train)

# %%
# Measure the coverage
# --------------------
# The coverage is the fraction of targets inside the interval. ``predict_interval`` moves the bounds
# so that the held-out rows are inside as often as requested; on other rows it is then about the
# same, up to chance.

rows = scaler.transform(X_test)
low, median, high = model.predict(rows, quantiles=(0.05, 0.5, 0.95)).T
inside = ((low <= y_test) & (y_test <= high)).mean()
print(f"between the predicted quantiles: {inside:.2f} of the test rows")
report = evaluate(
    model,
    rows,
    y_test,
    metrics=["interval_coverage", "interval_width", "mae"],
    coverage=0.9,
    confidence=0.95,
)
print(report)

# %%
# Plot the interval
# -----------------
# The interval is wider where the targets vary more.

bmi = np.linspace(X["bmi"].min(), X["bmi"].max(), 200)
grid = scaler.transform(pd.DataFrame({"bmi": bmi}))
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ax.plot(X_test["bmi"], y_test, ".", color="0.35", label="test rows")
ax.plot(bmi, model.predict(grid), color="C1", label="median")
ax.fill_between(
    bmi,
    *model.predict_interval(grid, coverage=0.9).T,
    color="C0",
    alpha=0.3,
    label="calibrated interval",
)
for bound in model.predict(grid, quantiles=(0.05, 0.95)).T:
    ax.plot(bmi, bound, color="C0", linestyle="--", linewidth=1)
ax.set(
    xlabel="body mass index",
    ylabel="progression after one year",
    ylim=(-20, 420),
    title=f"The interval contains {report['interval_coverage']:.0%} of the test rows",
)
ax.legend(loc="upper left", fontsize="small")
plt.show()
