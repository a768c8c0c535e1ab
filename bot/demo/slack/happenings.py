"""What happens to messages, as the workspace tells it to whoever makes events of it."""

from dataclasses import dataclass
from typing import Literal

from bot.demo.slack.records import Message, Version


@dataclass(frozen=True, slots=True)
class Happening:
    """One change of one message that everybody in the channel can see."""

    kind: Literal["posted", "edited", "deleted", "reacted", "unreacted"]
    message: Message
    user: str
    """Who did it: a person, or the app."""
    before: Version | None = None
    """What the message showed before an edit."""
    reaction: str = ""
    """The emoji's name, where it is about one."""
