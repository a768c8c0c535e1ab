"""What commands and buttons work with, and who asked what from where."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.domain.authority import Role
from bot.domain.fact import Address
from bot.domain.integration import Integration
from bot.errors import Refused
from bot.gateway_watch import Watch
from bot.handover import Handover
from bot.incidents import Incidents
from bot.ordering import Ordering
from bot.playbook import Playbook
from bot.slack import blocks
from bot.slack.api import SlackApi
from bot.slack.later import Later
from bot.slack.members import Members
from bot.slack.planner import Planner
from bot.slack.replies import Replies
from bot.steering import Steering
from bot.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Asked:
    """One command or click: who, in which channel, which delivery, and where a later answer goes."""

    user: str
    channel: str
    key: str | None
    """Names the delivery, so that a repeat of it does nothing twice."""
    response_url: str | None
    trigger: str | None = None
    """Opens one dialog, within three seconds."""

    @property
    def actor(self) -> str:
        """The person's name on the timeline."""
        return f"slack:{self.user}"


@dataclass(frozen=True, slots=True)
class Edge:
    """The Slack edge's way to everything else."""

    timeline: Timeline
    incidents: Incidents
    ordering: Ordering
    steering: Steering
    handover: Handover
    learn: Callable[[str | None], None]
    """Have the scrubber hide this secret from here."""
    watch: Watch
    integrations: Mapping[str, Integration]
    playbooks: Mapping[str, Playbook]
    planner: Planner
    replies: Replies
    later: Later
    api: SlackApi
    members: Members
    zone: ZoneInfo
    refresh: Callable[[str], None]
    """Have this incident's card drawn again."""

    async def integration(self, asked: Asked) -> Integration:
        """The integration that is meant: the channel's own, the only one, the one in trouble, or ``default``.

        Raises Refused where that leaves a choice.
        """
        of_channel = [found for found in self.integrations.values() if found.channel == asked.channel]
        if of_channel:
            return of_channel[0]
        if len(self.integrations) == 1:
            return next(iter(self.integrations.values()))
        in_trouble = [one.integration for one in (await self.timeline.book()).open_incidents()]
        known = [name for name in in_trouble if name in self.integrations]
        if len(known) == 1:
            return self.integrations[known[0]]
        if "default" in self.integrations:
            return self.integrations["default"]
        names = ", ".join(sorted(self.integrations))
        raise Refused(
            f"Which integration? There are {names}. Type it in its own channel, or /mx triage NAME."
        )

    async def may(
        self, asked: Asked, role: Role | None, *, integration: str | None = None, playbook: str = ""
    ) -> None:
        """Raises Refused where the asker may not act in this role (None: anybody may), with who can.

        A playbook that is for approvers asks for that role.
        """
        found = self.playbooks.get(playbook)
        if found is not None and found.who == "approvers":
            role = "approver"
        if role is None:
            self.later.put(lambda: self._get_to_know(asked, integration))
            return
        channel = await self._home(asked, integration)
        await self.members.check(asked.user, role, channel=channel)

    async def _get_to_know(self, asked: Asked, integration: str | None) -> None:
        """Whoever looks will act soon; Slack may be away by then."""
        with contextlib.suppress(Refused):
            await self.members.warm(asked.user, channel=await self._home(asked, integration))

    async def _home(self, asked: Asked, integration: str | None) -> str:
        """The channel whose members count. Raises Refused where it is not clear whose incident is meant."""
        known = self.integrations.get(integration or "") or await self.integration(asked)
        incident = (await self.timeline.book()).open_incident(known.name)
        return known.channel or (incident.channel if incident else None) or asked.channel

    def address(self, asked: Asked) -> Address:
        """Where a later answer to this goes. Its URL is written down off the asker's path, beside the timeline."""
        reply = None
        if asked.response_url:
            key = reply = self.replies.remember(asked.response_url)
            self.later.put(lambda: self.replies.keep(key))
        return Address(channel=asked.channel, reply=reply)

    def answer_later(self, asked: Asked, message: blocks.Message) -> None:
        """Answer privately through the response URL."""
        url = asked.response_url
        if url:
            self.later.put(lambda: self.api.respond(url, message))
