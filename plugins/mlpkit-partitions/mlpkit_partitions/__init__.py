"""Partitioners for mlpkit. This module lists them without importing their dependencies."""

from mlpkit.plugin import Component, hookimpl

mlpkit_api = (1, 1)  # the supported versions of the plugin contract
EXEMPT = {"test_groups_do_not_depend_on_other_rows": "each call divides its own rows into folds"}


@hookimpl
def mlpkit_partitioners() -> list[Component]:
    """The partitioners of this plugin."""

    def component(module: str, name: str, summary: str, *options: str) -> Component:
        factory, requires = f"mlpkit_partitions.{module}:{name}", ("pandas",)
        exempt = EXEMPT if module == "folds" else {}
        return Component(name, factory, summary, requires, (*options, "name"), exempt)

    seeded = ("n", "random_state")
    return [
        component("folds", "k_fold", "random folds", *seeded),
        component(
            "folds", "stratified_k_fold", "random folds that preserve class frequencies", *seeded
        ),
        component("hashes", "hashed", "hash of a column or of the row", "column", "n"),
        component("times", "calendar", "calendar units of a date column", "column", "unit"),
        component("times", "rolling", "overlapping time windows", "column", "width", "step"),
        component(
            "trees", "error_tree", "slices by the error of the model", "max_leaves", "min_rows"
        ),
        component("clusters", "clusters", "k-means clusters", *seeded),
    ]
