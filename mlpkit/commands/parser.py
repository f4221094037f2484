"""The parser of arguments, whose errors are one line."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from mlpkit.messages import did_you_mean, escaped


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong on one line, and leaves the usage to ``--help``."""

    def error(self, message: str) -> NoReturn:
        """Print a message and exit with code 2."""
        self.exit(2, f"{self.prog}: error: {_sentence(message)} See {self.prog} --help.\n")

    def reject(self, arguments: Sequence[str]) -> NoReturn:
        """Print that arguments are unknown, with the most similar option, and exit with code 2."""
        option = arguments[0].partition("=")[0]
        hint = did_you_mean(option, self._option_string_actions) if option[:1] == "-" else ""
        text = f"unknown argument {arguments[0]!r}"
        self.error(f"{text}. {hint}" if hint else text)


def _sentence(message: str) -> str:
    text = escaped(message)
    return text if text[-1:] in (".", "?") else f"{text}."
