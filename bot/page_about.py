"""The page that a pager is sent about an incident, and the link in it: the same for the follower and for playbooks."""

from dataclasses import dataclass

from bot.domain.incident import Incident
from bot.domain.page_words import SEVERITIES, details, summary
from bot.domain.paged import dedup_of
from bot.ports import Page


@dataclass(slots=True)
class Links:
    """Where people find an incident: its card, once the workspace's address is known, else the bot's own page."""

    public_url: str | None = None
    workspace_url: str | None = None

    def __call__(self, incident: Incident) -> str | None:
        """The address; None where there is none to give."""
        if incident.card is not None and self.workspace_url:
            message = incident.card.message.replace(".", "")
            return f"{self.workspace_url.rstrip('/')}/archives/{incident.card.channel}/p{message}"
        return f"{self.public_url.rstrip('/')}/incidents/{incident.id}" if self.public_url else None


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
