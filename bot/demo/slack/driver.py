"""People in the workspace: what one can do in Slack's client, and what one sees of the app's answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.demo.slack import payloads
from bot.demo.slack.api.call import ApiError
from bot.demo.slack.controls import Control, chosen, complete, find_control, merged, silent
from bot.demo.slack.deliver import Ack, Deliverer, Parcel
from bot.demo.slack.documents import File
from bot.demo.slack.events import Events
from bot.demo.slack.manifest import Shortcut
from bot.demo.slack.outcomes import NOTHING_SENT, ClickOutcome, CommandOutcome
from bot.demo.slack.records import Channel, Message, Person, Role, Version
from bot.demo.slack.responses import said, version_of
from bot.demo.slack.state import State
from bot.demo.slack.tickets import Tickets

Json = Any
"""JSON of Slack's own shapes."""


class Driver:
    """Acts for people. Ids are strings as Slack's: users U…, channels C… or G…, messages by timestamp."""

    def __init__(
        self,
        state: State,
        *,
        tickets: Tickets,
        deliverer: Deliverer,
        events: Events,
        commands: frozenset[str],
        shortcuts: Sequence[Shortcut] = (),
    ) -> None:
        self.state = state
        self._events = events
        self.shortcuts = tuple(shortcuts)
        self._brought: dict[tuple[str, str, str], list[Json]] = {}
        self._tickets = tickets
        self._deliverer = deliverer
        self.commands = commands

    # -- who and where ----------------------------------------------------------------------------------

    def add_user(self, name: str, *, role: Role = "member") -> str:
        """Somebody new in the workspace; returns the user id."""
        return self.state.add_person(name, role=role).id

    def add_group(self, handle: str, users: Sequence[str]) -> str:
        """A user group; returns its id."""
        group = self.state.new_id("S")
        self.state.groups[group] = (handle, list(users))
        return group

    def create_channel(
        self, name: str, members: Sequence[str], *, private: bool = False, bot_member: bool = True
    ) -> str:
        """A channel with these people in it; returns its id."""
        channel = Channel(
            id=self.state.new_id("G" if private else "C"),
            name=name,
            private=private,
            members=[*members, *([self.state.bot.id] if bot_member else [])],
        )
        self.state.channels[channel.id] = channel
        return channel.id

    def invite_bot(self, channel: str) -> None:
        """``/invite @mx``."""
        members = self.state.channels[channel].members
        if self.state.bot.id not in members:
            members.append(self.state.bot.id)
            self.state.touch()
            self._events.of_member(self.state.channels[channel], self.state.bot.id, joined=True)

    def remove_bot(self, channel: str) -> None:
        """``/remove @mx``."""
        self.state.channels[channel].members.remove(self.state.bot.id)
        self.state.touch()

    def archive(self, channel: str) -> None:
        """``/archive``: nothing can be posted there any more."""
        self.state.channels[channel].archived = True
        self.state.touch()
        self._events.of_archive(self.state.channels[channel], self.state.channels[channel].members[0])

    def name_of(self, anything: str) -> str:
        """The name to show for an id of a person, a channel or a group; the id where it is none."""
        state = self.state
        if anything in state.people:
            return state.people[anything].name
        if anything in state.groups:
            return state.groups[anything][0]
        return state.channels[anything].name if anything in state.channels else anything

    # -- what is there to see ---------------------------------------------------------------------------

    def messages(self, channel: str, *, thread_ts: str | None = None) -> tuple[Message, ...]:
        """What everybody in the channel sees, oldest first; with ``thread_ts`` the answers in that thread."""
        return tuple(
            message
            for message in self.state.messages
            if message.channel == channel
            and not message.deleted
            and message.ephemeral_to is None
            and (
                message.thread_ts in {None, message.ts} or message.broadcast
                if thread_ts is None
                else message.thread_ts == thread_ts and message.ts != thread_ts
            )
        )

    def ephemerals(self, user: str, channel: str) -> tuple[Message, ...]:
        """What only this person sees in the channel, oldest first."""
        return tuple(
            message
            for message in self.state.messages
            if message.channel == channel and message.ephemeral_to == user and not message.deleted
        )

    def files(self, channel: str, *, thread_ts: str | None = None) -> tuple[File, ...]:
        """The files posted in the channel, or in that thread, with their bytes in ``content``."""
        return tuple(
            file
            for file in self.state.files.values()
            if any(share[0] == channel and share[2] == thread_ts for share in file.shares)
        )

    # -- what people do ---------------------------------------------------------------------------------

    async def command(self, user: str, channel: str, name: str, text: str = "") -> CommandOutcome:
        """Type a slash command into the channel's composer."""
        person, where = self._there(user, channel)
        if name not in self.commands:
            return CommandOutcome(None, None, f"{name} is not a valid command.", 0.0)
        payload = payloads.command(
            person,
            where,
            name=name,
            text=text,
            trigger_id=self._tickets.new_trigger(user),
            response_url=self._response_url(user, channel),
        )
        ack = await self._deliverer.deliver(Parcel("command", payload))
        return self._command_outcome(ack, user=user, channel=channel, name=name)

    async def click(
        self, user: str, channel: str, message_ts: str, button: str, *, confirm: bool = True
    ) -> ClickOutcome:
        """Press a button by action_id or label; ``confirm`` is the answer to its dialog, where it has one."""
        message = self._seen(user, channel, message_ts)
        return await self._act(user, message, message.now, button, confirm=confirm)

    async def click_stale(
        self,
        user: str,
        channel: str,
        message_ts: str,
        button: str,
        *,
        version: int | None = None,
        confirm: bool = True,
    ) -> ClickOutcome:
        """Press a button in a client that still shows an older version (default: the last that had it).

        It also works on a message that is deleted meanwhile.
        """
        message = self._seen(user, channel, message_ts, deleted=True)
        chosen_version = message.versions[version] if version is not None else _last_with(message, button)
        return await self._act(user, message, chosen_version, button, confirm=confirm)

    async def choose(
        self,
        user: str,
        channel: str,
        message_ts: str,
        control: str,
        value: str | Sequence[str],
        *,
        confirm: bool = True,
    ) -> ClickOutcome:
        """Choose in a menu, a date picker, checkboxes: an option's label or value, an id, a date."""
        message = self._seen(user, channel, message_ts)
        return await self._act(user, message, message.now, control, confirm=confirm, value=value)

    async def event(self, inner: dict[str, Json]) -> Ack:
        """Something that the app subscribed to happened; untaken deliveries are tried again, as Slack does."""
        payload = payloads.event(inner, event_id=self.state.new_id("Ev"), bot_user=self.state.bot.id)
        return await self._deliverer.deliver_event(Parcel("event", payload))

    # -- inside -----------------------------------------------------------------------------------------

    def _there(self, user: str, channel: str) -> tuple[Person, Channel]:
        where = self.state.channels[channel]
        if user not in where.members:
            raise LookupError(f"{self.state.people[user].name} is not in #{where.name} and cannot act there")
        return self.state.people[user], where

    def _control(self, user: str, blocks: Sequence[Json], name: str) -> Control:
        """The control of that name; a menu whose options the app brings has those that it brought last."""
        control = find_control(blocks, name)
        options = self._brought.get((user, control.block_id, control.action_id))
        return control if options is None else replace(control, element=merged(control.element, options))

    def _response_url(self, user: str, channel: str, *, source_ts: str | None = None) -> str:
        return f"{self.state.base}/response/{self._tickets.new_url(user, channel, source_ts=source_ts)}"

    def _seen(self, user: str, channel: str, ts: str, *, deleted: bool = False) -> Message:
        self._there(user, channel)
        for message in self.state.messages:
            if (
                message.channel == channel
                and message.ts == ts
                and message.ephemeral_to in {None, user}
                and (deleted or not message.deleted)
            ):
                return message
        raise LookupError(f"no message {ts} is to be seen in {channel}")

    async def _act(
        self,
        user: str,
        message: Message,
        version: Version,
        name: str,
        *,
        confirm: bool,
        value: str | Sequence[str] | None = None,
    ) -> ClickOutcome:
        control = self._control(user, version.blocks, name)
        if control.confirm is not None and not confirm:
            return ClickOutcome(control.confirm, delivered=False, status=None, error=None, seconds=0.0)
        person, where = self._there(user, message.channel)
        picked = {} if value is None else chosen(control.element, value)
        held = self.state.chosen.setdefault((user, message.ts), {})
        if picked:
            held.setdefault(control.block_id, {})[control.action_id] = picked
        if picked and silent(version.blocks, control):
            return NOTHING_SENT
        payload = payloads.message_action(
            person,
            where,
            message,
            shown=self.state.message_json(message, version=version),
            control=control,
            value=picked,
            state=complete(version.blocks, held),
            trigger_id=self._tickets.new_trigger(user),
            response_url=self._response_url(user, where.id, source_ts=message.ts),
        )
        ack = await self._deliverer.deliver(Parcel("interaction", payload))
        return ClickOutcome(control.confirm, True, ack.status, ack.error, ack.seconds)

    def _command_outcome(self, ack: Ack, *, user: str, channel: str, name: str) -> CommandOutcome:
        if ack.error:
            return CommandOutcome(
                ack.status, None, f'{name} failed with the error "{ack.error}"', ack.seconds
            )
        body = said(ack.body)
        if body is None or not (body.get("text") or body.get("blocks") or body.get("attachments")):
            return CommandOutcome(ack.status, None, None, ack.seconds)
        try:
            version = version_of(self.state, body)
        except ApiError as refusal:
            says = f'{name} failed with the error "invalid_command_response"'
            why = (refusal.code, *refusal.messages)
            return CommandOutcome(ack.status, None, says, ack.seconds, details=why)
        in_channel = body.get("response_type") == "in_channel"
        message = self.state.post(channel, version, ephemeral_to=None if in_channel else user)
        return CommandOutcome(ack.status, version.text, None, ack.seconds, message)


def _last_with(message: Message, name: str) -> Version:
    for version in reversed(message.versions):
        try:
            find_control(version.blocks, name)
        except LookupError:
            continue
        return version
    raise LookupError(f"no version of message {message.ts} has {name!r}")
