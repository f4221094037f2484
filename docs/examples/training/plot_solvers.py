"""
====================================
Loss curves of solvers and schedules
====================================

Which solver trains fastest depends on the data and on the learning rate. This example compares
"adam", "adamw", "sgd" with its schedules of the learning rate, and "lbfgs" on the handwritten
digits.

See :doc:`/user_guide/losses_and_solvers` in the user guide for the details.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mlpkit import MLPClassifier

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16.0, y, test_size=0.5, stratify=y, random_state=0
)

# %%
# Train with each solver
# ----------------------
# A callback that returns True stops the training, here after 60 epochs. The learning rates are
# reasonable values for each solver and not the result of a search.


def after_60_epochs(report):
    return report.epoch == 60


solvers = {
    "adam": {"solver": "adam", "learning_rate_init": 0.005},
    "adamw": {
        "solver": "adamw",
        "learning_rate_init": 0.005,
        "solver_options": {"weight_decay": 0.1},
        "alpha": 0.0,
    },
    "sgd, constant": {"solver": "sgd", "learning_rate_init": 0.3},
    "sgd, invscaling": {
        "solver": "sgd",
        "learning_rate_init": 0.3,
        "learning_rate": "invscaling",
        "power_t": 0.1,
    },
    "sgd, adaptive": {
        "solver": "sgd",
        "learning_rate_init": 0.3,
        "learning_rate": "adaptive",
        "tol": 1e-3,
        "n_iter_no_change": 3,
    },
    "lbfgs": {"solver": "lbfgs"},
}
models = {}
for name, parameters in solvers.items():
    model = MLPClassifier(
        hidden_layer_sizes=(64,),
        callbacks=after_60_epochs,
        random_state=0,
        **parameters,
    )
    models[name] = model.fit(X_train, y_train)

# %%
# Plot the training losses
# ------------------------
# One epoch of the stochastic solvers makes five steps of 200 rows each; one iteration of "lbfgs"
# uses all rows. "lbfgs" reaches the lowest training loss by far, and the lowest accuracy on test
# rows: a lower training loss does not mean a better model. "adaptive" divides the learning rate by
# 5 when the loss stops improving by ``tol``, so its curve becomes flat.

lines = ["-", "--", "-", "--", ":", "-."]
figure, ax = plt.subplots(figsize=(5, 4.2), layout="constrained")
for line, (name, model) in zip(lines, models.items(), strict=True):
    score = model.score(X_test, y_test)
    ax.plot(
        range(1, model.n_iter_ + 1),
        model.loss_curve_,
        linestyle=line,
        label=f"{name}: {score:.3f}",
    )
ax.set(
    xlabel="epoch (iteration of lbfgs)",
    ylabel="training loss",
    yscale="log",
    ylim=(1e-5, 4),
    title="lbfgs has the lowest training loss",
)
ax.legend(title="solver: accuracy on test rows", fontsize="small")
plt.show()
