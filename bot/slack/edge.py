"""What commands and buttons work with, and who asked what from where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from bot.action_items import ActionItems
from bot.domain.authority import Role
from bot.domain.fact import Address
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.reminders import Duty
from bot.domain.telling import some
from bot.errors import Refused
from bot.gaps import Gaps
from bot.gateway_watch import Watch
from bot.handover import Handover
from bot.incidents import Incidents
from bot.keeping import Keeping
from bot.ordering import Ordering
from bot.page_links import PageLinks
from bot.playbook import Playbook
from bot.ports import Clock
from bot.scenario import Scenario
from bot.slack import blocks, modals
from bot.slack.api import SlackApi
from bot.slack.chat import SlackChat
from bot.slack.homes import Homes
from bot.slack.later import Later
from bot.slack.limits import Mrkdwn
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
    items: ActionItems
    ordering: Ordering
    steering: Steering
    gaps: Gaps
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
    duty: Duty
    pages: PageLinks
    """Fresh private links to the bot's own pages."""
    clock: Clock
    refresh: Callable[[str], None]
    """Have this incident's card drawn again."""
    homes: Homes
    """Who has App Home open."""
    chat: SlackChat
    keeping: Keeping
    drills: Mapping[str, Scenario]
    new_id: Callable[[], str]
    keep_emoji: str
    """The emoji that puts a message on the timeline, without colons."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of every time that people read."""
        return self.duty.zone

    async def integration(self, asked: Asked) -> Integration:
        """The integration that is meant: the channel's own, the only one, the one in trouble, or ``default``.

        Raises Refused where that leaves a choice.
        """
        of_channel = {n: one for n, one in self.integrations.items() if one.channel == asked.channel}
        likely = of_channel or self.integrations
        if len(likely) == 1:
            return next(iter(likely.values()))
        in_trouble = [one.integration for one in (await self.timeline.book()).open_incidents()]
        known = [name for name in in_trouble if name in likely]
        if len(known) == 1:
            return likely[known[0]]
        if "default" in likely and not of_channel:
            return likely["default"]
        names = some(known or likely)
        raise Refused(
            f"Which integration? There are {names}. Type it in its own channel, or /mx triage NAME."
        )

    async def may(
        self,
        asked: Asked,
        role: Role | None,
        *,
        integration: str | None,
        playbook: str = "",
        doing: str = "do this",
    ) -> None:
        """Let the asker act, or raise Refused with a sentence that says who can.

        Args:
            asked: who, from where.
            role: what the act needs; None: anybody may.
            integration: whose incident it is about; None where it is about every run there is.
            playbook: the playbook that would be started; one that is for approvers asks for that role.
            doing: the act, as it stands behind "may".
        """
        found = self.playbooks.get(playbook)
        if found is not None and found.who == "approvers":
            role, doing = "approver", f"start {playbook}"
        if role is not None:
            channels = await self._channels(asked, integration)
            await self.members.check(asked.user, role, channels=channels, doing=doing)

    async def _channels(self, asked: Asked, integration: str | None) -> tuple[str, ...]:
        """The channels whose members may act where nobody is named: where the incident's card is, or will be.

        Where somebody types is no channel of an incident: anybody can make one and invite the bot.
        """
        book = await self.timeline.book()
        about: tuple[Incident, ...]
        if integration is None:
            about = tuple(book.running()) or tuple(book.open_incidents())
            configured = [one.channel for one in self.integrations.values()]
        else:
            found = book.open_incident(integration) or book.latest(integration)
            about = (found,) if found else ()
            known = self.integrations.get(integration)
            configured = [known.channel if known else None]
        homes = [self.home(one) for one in about] or configured
        return tuple(dict.fromkeys(home for home in homes if home)) or (asked.channel,)

    async def unfit(self, asked: Asked, user: str, *, integration: str) -> str:
        """Why this person cannot be given the incident, in a sentence for who chose them; empty where they can."""
        return await self.members.unfit(user, channels=await self._channels(asked, integration))

    def home(self, incident: Incident) -> str | None:
        """The incident's channel; None where nobody has said which that is."""
        known = self.integrations.get(incident.integration)
        return incident.card.channel if incident.card else (known and known.channel) or incident.channel

    def address(self, asked: Asked) -> Address:
        """Where a later answer to this goes. Its URL is written down off the asker's path, beside the timeline."""
        reply = None
        if asked.response_url:
            key = reply = self.replies.remember(asked.response_url)
            self.later.put(lambda: self.replies.keep(key))
        return Address(channel=asked.channel, reply=reply)

    def answer_later(self, asked: Asked, message: blocks.Message) -> None:
        """Answer privately: through the response URL, else (in App Home there is none) in a dialog."""
        url = asked.response_url
        if url:
            self.later.put(lambda: self.api.respond(url, message))
        elif asked.trigger:
            view = modals.told("mx", Mrkdwn(str(message["text"])))
            arguments: dict[str, JsonValue] = {"trigger_id": asked.trigger, "view": view}
            self.later.put(lambda: self._show(arguments))

    async def _show(self, arguments: Mapping[str, JsonValue]) -> None:
        await self.api.call("views.open", arguments, doing="answering privately", again=False)
