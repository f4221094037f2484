"""Partitioners for mlpkit. This module describes them and imports nothing heavy."""

from mlpkit.plugin import Component, hookimpl

mlpkit_api = (1, 1)  # the versions of the contract that it was made for
DEALT = {"test_groups_do_not_depend_on_other_rows": "rows are dealt out within each call"}


@hookimpl
def mlpkit_partitioners() -> list[Component]:
    """Name them all."""

    def component(module: str, name: str, summary: str, *options: str) -> Component:
        factory, requires = f"mlpkit_partitions.{module}:{name}", ("pandas",)
        exempt = DEALT if module == "folds" else {}
        return Component(name, factory, summary, requires, (*options, "name"), exempt)

    seeded = ("n", "random_state")
    return [
        component("folds", "k_fold", "rows dealt into folds", *seeded),
        component("folds", "stratified_k_fold", "folds with the classes of y", *seeded),
        component("hashes", "hashed", "by a hash of values, the same anywhere", "column", "n"),
        component("times", "calendar", "years to hours of a date column", "column", "unit"),
        component("times", "rolling", "overlapping windows of time", "column", "width", "step"),
        component("trees", "error_tree", "slices where the model errs", "max_leaves", "min_rows"),
        component("clusters", "clusters", "k-means of the numeric columns", *seeded),
    ]
