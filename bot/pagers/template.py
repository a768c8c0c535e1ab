"""What a pager of the team's own is sent: the shipped JSON, or a Jinja template that makes JSON."""

import json
import traceback
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import JsonValue

from bot.ports import Page

Action = Literal["page", "acknowledge", "end"]
ACTIONS: tuple[Action, ...] = ("page", "acknowledge", "end")
MOST_BYTES = 512 * 1024

_SAMPLE = Page(
    dedup="maintainx:default:mx-20261123-7f3a",
    summary='a "quoted" line,\nwith \\ in it',
    severity="critical",
    source="mx",
    details={"verdict": 'MaintainX\'s "side"'},
    link=None,
)
_FILE = "<template>"


def shipped(action: Action, page: Page) -> bytes:
    """The form of mx: all of a page, and of its end the action and the dedup key alone."""
    body: dict[str, JsonValue] = {"action": action, "dedup": page.dedup}
    if action == "page":
        body |= {
            "summary": page.summary,
            "severity": page.severity,
            "source": page.source,
            "details": dict(page.details),
            "link": page.link,
        }
    return json.dumps(body).encode()


class PageTemplate:
    """A template that was tried out: ``render`` makes the body of one request."""

    def __init__(self, template: Template) -> None:
        self._template = template

    @classmethod
    def read(cls, path: Path) -> "PageTemplate":
        """The template in this file. Raises ValueError with its line and what to write instead."""
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ValueError(f"reading page_template {path}: {why}; name a file that is there") from None
        environment = SandboxedEnvironment(
            undefined=StrictUndefined,
            autoescape=False,  # it makes JSON, and ``tojson`` escapes it
        )
        # An unknown name is no value of JSON: as a text it says which name it is.
        environment.policies["json.dumps_function"] = partial(json.dumps, default=str)
        try:
            made = cls(environment.from_string(text))
        except TemplateSyntaxError as error:
            raise ValueError(f"page_template {path}, line {error.lineno}: {error.message}") from None
        for action in ACTIONS:
            try:
                made.render(action, _SAMPLE)
            except ValueError as error:
                raise ValueError(f"page_template {path}, {error} (for {action})") from None
        return made

    def render(self, action: Action, page: Page) -> bytes:
        """The body. Raises ValueError, which names the line, where it makes none or none that is JSON."""
        try:
            text = self._template.render(_names(action, page))
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise ValueError(f"line {_line(error)}: {type(error).__name__}: {error}") from None
        try:
            json.loads(text)
        except ValueError as error:
            line = getattr(error, "lineno", 1)
            raise ValueError(
                f"line {line} of what it makes is not JSON; write values as {{{{ summary | tojson }}}}"
            ) from None
        body = text.encode()
        if len(body) > MOST_BYTES:
            raise ValueError(f"line 1: it makes {len(body)} bytes; the most is {MOST_BYTES}")
        return body


def _names(action: Action, page: Page) -> Mapping[str, JsonValue]:
    """What a template may name; for the end of a page only ``action`` and ``dedup`` say something."""
    return {
        "action": action,
        "dedup": page.dedup,
        "summary": page.summary,
        "severity": page.severity,
        "source": page.source,
        "details": dict(page.details),
        "link": page.link,
    }


def _line(error: BaseException) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == _FILE), 1)
