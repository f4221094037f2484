"""Partitioners for mlpkit. This module describes them and imports nothing heavy."""

from mlpkit.plugin import Component, hookimpl

mlpkit_api = (1, 1)  # the versions of the contract that it was made for
EXEMPT = {"test_groups_do_not_depend_on_other_rows": "rows are divided into folds in each call"}


@hookimpl
def mlpkit_partitioners() -> list[Component]:
    """The partitioners of this plugin."""

    def component(module: str, name: str, summary: str, *options: str) -> Component:
        factory, requires = f"mlpkit_partitions.{module}:{name}", ("pandas",)
        exempt = EXEMPT if module == "folds" else {}
        return Component(name, factory, summary, requires, (*options, "name"), exempt)

    seeded = ("n", "random_state")
    return [
        component("folds", "k_fold", "random folds of the rows", *seeded),
        component("folds", "stratified_k_fold", "folds with the classes of y", *seeded),
        component("hashes", "hashed", "by a hash of values, the same anywhere", "column", "n"),
        component("times", "calendar", "years to hours of a date column", "column", "unit"),
        component("times", "rolling", "overlapping windows of time", "column", "width", "step"),
        component("trees", "error_tree", "slices where the model errs", "max_leaves", "min_rows"),
        component("clusters", "clusters", "k-means of the numeric columns", *seeded),
    ]
