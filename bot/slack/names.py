"""People's names for what is read outside Slack: the report's file."""

from collections.abc import Iterable

from bot.slack.api import SlackError
from bot.slack.chat import SlackChat

_SLACK = "slack:"


class Names:
    """Slack's user ids as the names that people know; asked once each, and an id where Slack does not say."""

    def __init__(self, chat: SlackChat) -> None:
        self._chat = chat
        self._known: dict[str, str] = {}

    async def learn(self, actors: Iterable[str]) -> None:
        """Ask for the names of those actors of the timeline that are not known yet."""
        for actor in sorted(set(actors)):
            if actor.startswith(_SLACK) and actor not in self._known:
                try:
                    self._known[actor] = await self._chat.name_of(actor.removeprefix(_SLACK))
                except SlackError:
                    return  # the ids do; nobody waits for names

    def __call__(self, actor: str) -> str:
        """The name to print for an actor."""
        return self._known.get(actor, actor.removeprefix(_SLACK))
