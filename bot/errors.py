"""The errors of mx: each one's text is fit to show a person.

A message says what was being done, what was found and what to do next:
``"reading mx.toml: line 4: port is 'abc'; write a number from 1 to 65535"``.

    MxError
    ├── ConfigError     the settings are wrong; every fault at once
    ├── Refused         the request is understood and may not be done, now or by this person
    ├── Conflict        somebody else was first; load again and look
    ├── StoreError      the database did not take it: locked, read-only, full, damaged
    └── OutsideError    an outside system (Slack, MaintainX, the gateway, a command) did not do it
"""


class MxError(Exception):
    """Anything mx tells a person; ``str(error)`` is the sentence to show."""


class ConfigError(MxError):
    """The settings are wrong. ``faults`` holds every fault, each with its place and what to write instead."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Refused(MxError):  # noqa: N818 - it is an answer, not a fault of ours
    """The request is understood and may not be done, now or by this person; the text says who can, or when."""


class Conflict(MxError):  # noqa: N818 - it is an answer, not a fault of ours
    """Another fact was first; the caller loads again and decides on what it sees then."""


class StoreError(MxError):
    """The database did not take it; nothing was half-written and the process stays up."""


class OutsideError(MxError):
    """An outside system did not do what was asked. ``permanent`` says that trying again is of no use."""

    def __init__(self, text: str, *, permanent: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent
