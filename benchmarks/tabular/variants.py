"""The variants of ``--ablation``: mlpkit with a part switched off, by its parameters."""

from typing import Any

VARIANTS: dict[str, dict[str, Any]] = {
    "no folds": {"n_folds": None},
    "one member": {"n_members": 1},
    "no embedding of numbers": {"builder_options": {"embedding": "none"}},
    "periodic embedding": {"builder_options": {"embedding": "periodic"}},
    "edges at quantiles": {"builder_options": {"embedding_options": {"edges": "quantile"}}},
    "no tied values": {"encoder_options": {"tied_values": False}},
    "no front scale": {"builder_options": {"front_scale": False}},
    "no dropout": {"dropout": 0.0},
    "no weight decay": {"weight_decay": 0.0},
    "beta_2 of 0.999": {"beta_2": 0.999},
}
