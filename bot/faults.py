"""An unexpected error, fit for the log: what kind it is and where it arose, never its words or anybody's values."""

import traceback


def where(error: BaseException) -> str:
    """``KeyError at bot/slack/card.py:120 in _show, …``: the innermost places, without messages and locals."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    places = ", ".join(
        f"{_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in reversed(frames)
    )
    return f"{type(error).__name__} at {places}" if places else type(error).__name__


def _short(path: str) -> str:
    return "/".join(path.replace("\\", "/").split("/")[-3:])
