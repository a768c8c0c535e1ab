"""Asks the owner of a lease before it ends: in the card's thread, and by name, so that their phone rings."""

from collections.abc import Mapping

from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.mitigation import Lease
from bot.slack import blocks
from bot.slack.chat import SlackChat
from bot.slack.limits import person, say


class OwnerAsker:
    """Posts one message for each end of a lease."""

    def __init__(self, chat: SlackChat, integrations: Mapping[str, Integration]) -> None:
        self._chat = chat
        self._integrations = integrations

    async def ask(self, incident: Incident, lease: Lease, says: str) -> None:
        """Post it where the card is; an incident without a channel has nowhere to ask. Raises SlackError."""
        found = self._integrations.get(incident.integration)
        channel = incident.card.channel if incident.card else (found.channel if found else incident.channel)
        if channel is None:
            return
        message = blocks.message(say("{} {}", person(lease.owner), says))
        if incident.card is not None:
            message["thread_ts"] = incident.card.message
        await self._chat.post(channel, message)
