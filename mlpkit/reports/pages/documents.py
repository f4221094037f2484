"""Whole documents, and parts of documents for notebooks, with their style sheet."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from os import PathLike
from typing import IO

from mlpkit.files.atomic_file import write_atomically
from mlpkit.reports.pages import markup


@cache
def style_sheet() -> str:
    """The style of documents and of parts."""
    text = files(__package__).joinpath("page.css").read_text("utf-8")
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def document(title: str, facts: str, sections: str) -> str:
    """A document that loads nothing; ``facts`` and ``sections`` are markup.

    Its policy forbids scripts and everything external, and allows its one style sheet alone.
    """
    style = style_sheet()
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        '<meta name="color-scheme" content="light dark"/>'
        '<meta name="referrer" content="no-referrer"/>'
        f"<title>{markup.text(title)}</title><style>{style}</style></head>"
        f'<body class="mlpkit page"><header><h1>{markup.name(title)}</h1>{facts}</header>'
        f"<main>{sections}</main></body></html>\n"
    )


def part(content: str) -> str:
    """A part of a document, such as the output of a cell of a notebook."""
    return f'<div class="mlpkit part"><style>{style_sheet()}</style>{content}</div>'


def written(page: str, path: str | PathLike[str] | IO[str] | None) -> str | None:
    """Write a document to a file as a whole or not at all; return it if `path` is None."""
    if path is None:
        return page
    if isinstance(path, str | PathLike):
        write_atomically(path, lambda file: file.write(page.encode()))
    else:
        path.write(page)
    return None
