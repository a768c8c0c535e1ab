"""Jinja for what people read: where the templates are, escaping that none can forget, and a team's own before ours."""

import re
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

_ALWAYS = re.compile(r"([\\`*\[\]<>|~]|&(?=#?\w{1,40};))")
_AT_A_WORDS_EDGE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_THE_START = re.compile(r"^(\s*)([#+-]|\d+[.)])(?=\s)")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that no XML may hold, and those that show as nothing."""
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction of all that stands behind them, other people's words too."""
_LONGEST_FAULT = 300


class Written(str):
    """Text that is Markdown already, such as a blank for a person."""

    __slots__ = ()


class Rendered(NamedTuple):
    """What a template made; ``fault`` says why the team's own one was passed over, and is empty where it was not."""

    text: str
    fault: str = ""


def markdown_text(value: Any) -> str:
    """A value as Markdown that shows exactly its text, in one line; ``Written`` stays as it is."""
    if isinstance(value, Written):
        return str(value)
    text = " ".join(_TURNS.sub(" ", str(value)).split())
    text = _ALWAYS.sub(r"\\\1", text)
    text = _AT_A_WORDS_EDGE.sub(r"\\_", text)
    return _AT_THE_START.sub(r"\1\\\2", text)


class Templates:
    """Every template by its name: that of the team's own folder, where it is there and sound, else the shipped one.

    What ends in ``.html.j2`` or ``.svg.j2`` is escaped as XML, all else as Markdown; an unknown name is an error.
    """

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        package = Path(__file__).parent
        # In a wheel the templates lie inside the package, in a checkout beside it.
        self._folders = [package / "templates", package.parent / "templates"]
        self._made: dict[tuple[bool, bool], Environment] = {}

    def render(self, name: str, **values: object) -> Rendered:
        """Fill in a template; where the team's own one cannot be, the shipped one, with the fault beside it."""
        if self._own is None:
            return Rendered(self._filled(name, values, ours=True))
        try:
            return Rendered(self._filled(name, values, ours=False))
        except Exception as error:  # noqa: BLE001 - what a team writes into its template may raise anything
            # A fault in a shipped template comes again here, and is raised.
            return Rendered(self._filled(name, values, ours=True), _fault(error, self._own, name))

    def own(self) -> tuple[str, ...]:
        """The names of the templates that the team's own folder has, in order."""
        if self._own is None or not self._own.is_dir():
            return ()
        return tuple(sorted(file.name for file in self._own.glob("*.j2")))

    def fonts(self) -> tuple[Path, ...]:
        """The font files that ship with the project."""
        return tuple(sorted(file for folder in self._folders for file in (folder / "fonts").glob("*.ttf")))

    def _filled(self, name: str, values: dict[str, object], *, ours: bool) -> str:
        return (
            self._environment(xml=name.endswith((".html.j2", ".svg.j2")), ours=ours)
            .get_template(name)
            .render(values)
        )

    def _environment(self, *, xml: bool, ours: bool) -> Environment:
        if (xml, ours) not in self._made:
            own = [] if ours or self._own is None else [self._own]
            # An own template may do what one that makes text needs, and no more.
            kind = Environment if ours else SandboxedEnvironment
            self._made[xml, ours] = kind(
                loader=FileSystemLoader([*own, *self._folders]),
                undefined=StrictUndefined,
                autoescape=xml,  # of Markdown ``finalize`` escapes everything
                finalize=_xml_text if xml else markdown_text,
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=True,
                cache_size=20,
            )
        return self._made[xml, ours]


def _xml_text(value: Any) -> Any:
    """A value without what XML cannot hold; markup, such as the picture inside the page, stays as it is."""
    if hasattr(value, "__html__"):
        return value
    return _NOT_IN_XML.sub(" ", _TURNS.sub(" ", str(value)))


def _fault(error: Exception, own: Path, name: str) -> str:
    """Which file and line, what is wrong, and what is shown instead."""
    file, line = name, 0
    if isinstance(error, TemplateSyntaxError):
        file, line = Path(error.filename or name).name, error.lineno
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if Path(frame.filename).parent == own:
                file, line = Path(frame.filename).name, frame.lineno or 0
    what = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
    what = " ".join(what.split())[:_LONGEST_FAULT]
    where = f"{own.name}/{file}" + (f", line {line}" if line else "")
    return f"{where}: {what}; the shipped template is used until it is mended"
