"""The page that a pager is sent about an incident, and the link in it: the same for the follower and for playbooks."""

import re
from dataclasses import dataclass

from bot.domain.incident import Incident
from bot.domain.page_words import SEVERITIES, details, summary
from bot.domain.paged import dedup_of
from bot.page_links import PageLinks
from bot.ports import Page

_CHANNEL = re.compile(r"[A-Z0-9]{2,30}")
_MESSAGE = re.compile(r"[0-9]{1,20}\.[0-9]{1,10}")


@dataclass(slots=True)
class Links:
    """Where people find an incident: its card, once the workspace's address is known, else the bot's own page."""

    pages: PageLinks
    workspace_url: str | None = None

    def __call__(self, incident: Incident) -> str | None:
        """The address; None where there is none to give."""
        card = self.message(incident.card.channel, incident.card.message) if incident.card else None
        return card or self.pages.incident(incident.id)

    def message(self, channel: str, message: str) -> str | None:
        """The address of a message in Slack; None until Slack has said which workspace it is."""
        if not self.workspace_url or not _CHANNEL.fullmatch(channel) or not _MESSAGE.fullmatch(message):
            return None
        return f"{self.workspace_url.rstrip('/')}/archives/{channel}/p{message.replace('.', '')}"


def page_about(incident: Incident, *, by: str, link: str | None, says: str | None = None) -> Page:
    """What whoever is woken gets to read; ``by``: who asked for it, ``says``: another first line."""
    return Page(
        dedup=dedup_of(incident),
        summary=says or summary(incident),
        severity=SEVERITIES[incident.severity] if incident.severity else "error",
        source=f"mx, integration {incident.integration}",
        details=details(incident, by=by),
        link=link,
    )
