"""The operator's log on standard error: for eyes in a terminal, else one JSON object a line; mx's events and libraries' alike."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.faults import where
from bot.scrub import Scrubber
from bot.team import LogFormat


class _StandardError(logging.Handler):
    """Standard error as it is when something is logged, which need not be what it was at the start."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # nobody reads it any more, and that must not stop the work


def start(
    *, form: LogFormat = "auto", scrub: Callable[[str], str] | None = None, level: int = logging.INFO
) -> None:
    """Send mx's events from ``level`` on and the libraries' warnings to standard error.

    No line holds a traceback, anybody's variables or an exception's words: where it fell is told instead. Every text
    goes through ``scrub``. ``auto`` is for eyes where standard error is a terminal, else JSON. May be called again.
    """
    eyes = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if eyes
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    shared: list[Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _wordless,
        _scrubbed(scrub or Scrubber()),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler = _StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    for known in [one for one in root.handlers if isinstance(one, _StandardError)]:
        root.removeHandler(known)
    root.addHandler(handler)
    logging.getLogger("mx").setLevel(level)


def _wordless(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """An exception as its kind and places: its words may quote a request, and its frames hold variables."""
    found = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["fault"] = where(error)
    return event


def _scrubbed(scrub: Callable[[str], str]) -> Processor:
    def clean(value: Any) -> Any:
        match value:
            case str():
                return scrub(value)
            case list() | tuple():
                return [clean(one) for one in value]
            case dict():
                return {name: clean(one) for name, one in value.items()}
            case _:
                return value

    def process(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        return {name: value if name.startswith("_") else clean(value) for name, value in event.items()}

    return process
