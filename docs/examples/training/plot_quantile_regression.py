"""
=========================================
Prediction intervals from quantile losses
=========================================

``MLPRegressor(loss="quantile")`` predicts a quantile of the target instead of its mean. Two models,
for the quantiles 0.05 and 0.95, give an interval that should contain 90 % of the targets. This
example predicts the progression of diabetes from the body mass index.

See :doc:`/user_guide/losses_and_solvers` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPRegressor

plt.style.use("tableau-colorblind10")
X, y = load_diabetes(as_frame=True, scaled=False, return_X_y=True)
X = X[["bmi"]]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.4, random_state=0
)

# %%
# Train one model for each quantile
# ---------------------------------
# The targets are scaled too, which makes the training faster and leaves the meaning of a quantile
# unchanged.

models = {}
for quantile in (0.05, 0.5, 0.95):
    regressor = MLPRegressor(
        loss="quantile",
        loss_options={"quantile": quantile},
        hidden_layer_sizes=(20,),
        activation="tanh",
        learning_rate_init=0.01,
        max_iter=1000,
        random_state=0,
    )
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), regressor), transformer=StandardScaler()
    )
    models[quantile] = model.fit(X_train, y_train)

# %%
# Measure the coverage
# --------------------
# The coverage is the fraction of targets inside the interval. It is measured on rows that were not
# used for training.

low, high = models[0.05].predict(X_test), models[0.95].predict(X_test)
coverage = ((low <= y_test) & (y_test <= high)).mean()
for quantile, model in models.items():
    below = (y_test <= model.predict(X_test)).mean()
    print(
        f"quantile {quantile}: {below:.2f} of the test targets are not above the prediction"
    )

# %%
# Plot the interval
# -----------------
# The quantiles are estimated from 265 training rows, so the coverage on other rows is not exactly
# 90 %. The models are trained independently of each other; nothing prevents their curves from
# crossing.

grid = pd.DataFrame({"bmi": np.linspace(X["bmi"].min(), X["bmi"].max(), 200)})
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ax.plot(X_test["bmi"], y_test, ".", color="0.35", label="test rows")
ax.plot(grid["bmi"], models[0.5].predict(grid), color="C1", label="median")
ax.fill_between(
    grid["bmi"],
    models[0.05].predict(grid),
    models[0.95].predict(grid),
    color="C0",
    alpha=0.3,
    label="quantiles 0.05 to 0.95",
)
ax.set(
    xlabel="body mass index",
    ylabel="progression after one year",
    ylim=(-20, 420),
    title=f"The interval contains {coverage:.0%} of the test rows",
)
ax.legend(loc="upper left", fontsize="small")
plt.show()
