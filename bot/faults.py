"""An unexpected error, fit for the log: what kind it is and where it arose, never its words or anybody's values."""

import logging
import traceback


def where(error: BaseException) -> str:
    """``KeyError at bot/slack/card.py:120 in _show, …``: the innermost places, without messages and locals."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    places = ", ".join(
        f"{_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in reversed(frames)
    )
    return f"{type(error).__name__} at {places}" if places else type(error).__name__


def wordless(name: str) -> logging.Logger:
    """A logger for a library that logs errors whole: aiohttp's quote the request's body, so theirs lose their words."""
    logger = logging.getLogger(name)
    logger.addFilter(_without_words)
    return logger


def _without_words(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[1] is not None:
        record.msg, record.args = f"{record.getMessage()}: {where(record.exc_info[1])}", ()
        record.exc_info = record.exc_text = None
    return True


def _short(path: str) -> str:
    return "/".join(path.replace("\\", "/").split("/")[-3:])
