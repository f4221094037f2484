"""``python -m mlpkit_tabular``: compare networks with boosted trees on a raw table."""

import argparse

from mlpkit_tabular.demo import N_ROWS, demo


def main(arguments: list[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(
        prog="python -m mlpkit_tabular",
        description="Compare TabularClassifier with gradient boosting on a table of raw columns.",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the split and of the models")
    parser.add_argument(
        "--rows", type=int, default=N_ROWS, help=f"number of rows, 12000 at most (default {N_ROWS})"
    )
    options = parser.parse_args(arguments)
    demo(options.seed, options.rows)


if __name__ == "__main__":
    main()
