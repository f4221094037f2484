"""The HTML representation: parameters and attributes with their descriptions and links."""

import inspect
import re
from typing import Any

DOCUMENTATION = ""  # address of the pages of the API, ending in "/"; none is published yet
_PLACEHOLDER = "about:blank"  # scikit-learn shows no description without an address
_LINK = re.compile(rf'\s*rel="noreferrer"\s+target="_blank"\s+href="{_PLACEHOLDER}[^"]*"')


class Documented:
    """For estimators: the tables in notebooks describe each name, as scikit-learn's do.

    Names are links as soon as `DOCUMENTATION` is the address of a site.
    """

    _doc_link_module = "mlpkit"
    _doc_link_template = "{address}"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        page = f"{DOCUMENTATION}mlpkit.{type(self).__name__}.html" if DOCUMENTATION else ""
        return {"address": page}

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        return _described(super()._get_params_html, *args, **kwargs)  # type: ignore[misc]

    def _get_fitted_attr_html(self, *args: Any, **kwargs: Any) -> Any:
        return _described(super()._get_fitted_attr_html, *args, **kwargs)  # type: ignore[misc]


def _described(table_of: Any, *args: Any, **kwargs: Any) -> Any:
    """A table of scikit-learn's with descriptions; without an address, names are no links."""
    signature = inspect.signature(table_of)
    given = signature.bind(*args, **kwargs).arguments
    if "deep" in signature.parameters:
        given["deep"] = False  # entries of `builder_options` are not escaped in every version
    if "doc_link" not in signature.parameters or given.get("doc_link"):
        return table_of(**given)  # before scikit-learn 1.8 there are no descriptions
    table = table_of(**given | {"doc_link": _PLACEHOLDER})
    html = table._html_repr
    table._html_repr = lambda: _LINK.sub("", html())
    return table
