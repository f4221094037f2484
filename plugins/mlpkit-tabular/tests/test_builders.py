"""The options of the builders and of the encoder: lists, descriptions, messages."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mlpkit_tabular
from mlpkit.plugin import Component
from mlpkit.testing import spec
from mlpkit_tabular import TabularEncoder
from mlpkit_tabular.networks.realmlp import realmlp
from mlpkit_tabular.networks.resnet import resnet
from mlpkit_tabular.networks.tabm import tabm

BUILDERS: dict[str, Callable[..., Any]] = {"tabm": tabm, "realmlp": realmlp, "resnet": resnet}


def options_of(function: Any) -> list[str]:
    """The names of the keyword-only parameters."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


def descriptions(function: Any) -> dict[str, str]:
    """The description of each documented parameter."""
    doc = inspect.getdoc(function)
    assert doc is not None
    entries = re.findall(r"^(\w[\w, ]*) : .+\n((?: {4}.+\n)+)", doc, re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in entries for name in names.split(", ")}


@pytest.mark.parametrize(
    "component", [*mlpkit_tabular.mlpkit_builders(), *mlpkit_tabular.mlpkit_encoders()]
)
def test_components_list_their_options(component: Component) -> None:
    """Those of the signature, all of which are documented."""
    factory = {**BUILDERS, "tabular": TabularEncoder}[component.name]
    assert sorted(component.options) == sorted(options_of(factory))
    assert descriptions(factory).keys() >= set(component.options)


@pytest.mark.parametrize("name", ["realmlp", "resnet"])
def test_equal_options_have_equal_descriptions(name: str) -> None:
    """All builders say the same about embeddings, categories and the factors of inputs."""
    shared = set(options_of(tabm)) & set(options_of(BUILDERS[name])) - {"front_scale_rate"}
    assert shared >= {"embedding", "embedding_options", "category_size"}
    expected, actual = descriptions(tabm), descriptions(BUILDERS[name])
    assert {n: actual[n] for n in shared} == {n: expected[n] for n in shared}


@pytest.mark.parametrize(
    ("builder", "options", "message"),
    [
        (tabm, {"n_members": 0}, "n_members must be a positive integer, got 0"),
        (tabm, {"form": "maxi"}, "form must be one of 'full', 'mini', 'packed', got 'maxi'"),
        (tabm, {"adapters": None}, "adapters must be one of 'signs', 'normal', got None"),
        (tabm, {"member_biases": 1}, "member_biases must be True or False, got 1"),
        (tabm, {"bias_scale": "1"}, "bias_scale must be a number, at least 0, got '1'"),
        (tabm, {"front_scale_rate": -1}, "front_scale_rate must be a number, at least 0, got -1"),
        (tabm, {"embedding": "fourier"}, "embedding must be one of 'piecewise_linear', 'periodic'"),
        (tabm, {"embedding_options": {"bins": 3}}, "has no option 'bins'; its options are: size"),
        (tabm, {"embedding_options": {"n_bins": 2.5}}, r"\['n_bins'\] must be a positive integer"),
        (tabm, {"embedding_options": {"edges": "k"}}, r"\['edges'\] must be one of 'tree'"),
        (tabm, {"embedding_options": {"append": "x"}}, r"\['append'\] must be True or False"),
        (tabm, {"embedding": "none", "embedding_options": {"size": 3}}, "its options are: none"),
        (realmlp, {"activation": "swoosh"}, "activation must be one of 'identity'"),
        (realmlp, {"embedding_options": {"frequency_scale": "a"}}, "must be a number, at least 0"),
        (realmlp, {"bias_rate": None}, "bias_rate must be a number"),
        (resnet, {"width": True}, "width must be a positive integer, got True"),
        (resnet, {"normalization": "group"}, "normalization must be one of 'batch', 'layer'"),
        (resnet, {"residual_dropout": 1.0}, "must be a number, at least 0 and below 1, got 1.0"),
        (resnet, {"category_size": "8"}, "category_size must be a positive integer, got '8'"),
    ],
)
def test_invalid_options(builder: Any, options: Any, message: str) -> None:
    """Errors name the option, its value, and what is accepted."""
    with pytest.raises(ValueError, match=message):
        builder(spec(), np.random.RandomState(0), **options)
