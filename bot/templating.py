"""Jinja for what people read: where the templates are, and escaping that no template can forget."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ALWAYS = re.compile(r"([\\`*\[\]<>|~])")
_AT_A_WORDS_EDGE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_THE_START = re.compile(r"^(\s*)([#+-]|\d+[.)])(?=\s)")


class Written(str):
    """Text that is Markdown already, such as a blank for a person."""

    __slots__ = ()


def markdown_text(value: Any) -> str:
    """A value as Markdown that shows exactly its text, in one line; ``Written`` stays as it is."""
    if isinstance(value, Written):
        return str(value)
    text = " ".join(str(value).split())
    text = _ALWAYS.sub(r"\\\1", text)
    text = _AT_A_WORDS_EDGE.sub(r"\\_", text)
    return _AT_THE_START.sub(r"\1\\\2", text)


def markdown_templates() -> Environment:
    """The environment of the Markdown templates: every expression is escaped, an unknown name is an error."""
    package = Path(__file__).parent
    return Environment(
        # In a wheel the templates lie inside the package, in a checkout beside it.
        loader=FileSystemLoader([package / "templates", package.parent / "templates"]),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - this is Markdown; ``finalize`` escapes it
        finalize=markdown_text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
