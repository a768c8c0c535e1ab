"""People talking: messages, their edits and ends, reactions, files, and the app's shortcuts on them."""

from bot.demo.slack import payloads
from bot.demo.slack.composing import typed
from bot.demo.slack.deliver import Ack, Parcel
from bot.demo.slack.documents import File
from bot.demo.slack.manifest import Shortcut
from bot.demo.slack.modals import ModalDriver
from bot.demo.slack.records import Channel, Message, Version


class TalkingDriver(ModalDriver):
    """Acts for people among people. What the app hears of it depends on what it subscribed to.

    Methods that return acks say how the app took the first attempt of each event; () where it heard of nothing.
    """

    def say(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> Message:
        """Write a message; its events go out in the background (``settled`` waits for them)."""
        _, where = self._there(user, channel)
        self._thread(channel, thread_ts)
        return self.state.post(
            where.id, Version(text=typed(text, self.state)), user=user, thread_ts=thread_ts
        )

    async def edit(self, user: str, channel: str, ts: str, text: str) -> tuple[Ack, ...]:
        """Change one's own message."""
        message = self._own(user, channel, ts)
        self.state.edit(message, Version(text=typed(text, self.state)))
        return await self._events.acks()

    async def remove(self, user: str, channel: str, ts: str) -> tuple[Ack, ...]:
        """Delete one's own message."""
        self.state.delete(self._own(user, channel, ts), user=user)
        return await self._events.acks()

    async def react(self, user: str, channel: str, ts: str, name: str) -> tuple[Ack, ...]:
        """Put an emoji (its name without colons) on a message; nothing happens where one already did."""
        changed = self.state.react(self._seen(user, channel, ts), name.strip(":"), user=user)
        return await self._events.acks() if changed else ()

    async def unreact(self, user: str, channel: str, ts: str, name: str) -> tuple[Ack, ...]:
        """Take one's emoji away again."""
        changed = self.state.unreact(self._seen(user, channel, ts), name.strip(":"), user=user)
        return await self._events.acks() if changed else ()

    async def attach(
        self,
        user: str,
        channel: str,
        name: str,
        content: bytes,
        *,
        thread_ts: str | None = None,
        text: str = "",
    ) -> Message:
        """Upload a file into a channel or a thread, with words or without."""
        self._there(user, channel)
        self._thread(channel, thread_ts)
        file = File(id=self.state.new_id("F"), name=name, length=len(content), owner=user, content=content)
        self.state.files[file.id] = file
        message = self.state.post(
            channel,
            Version(text=typed(text, self.state)),
            user=user,
            thread_ts=thread_ts,
            files=(file.id,),
        )
        await self._events.acks()
        return message

    async def join(self, user: str, channel: str) -> tuple[Ack, ...]:
        """Come into a channel."""
        where = self.state.channels[channel]
        if user in where.members:
            return ()
        where.members.append(user)
        self.state.touch()
        self._events.of_member(where, user, joined=True)
        return await self._events.acks()

    async def leave(self, user: str, channel: str) -> tuple[Ack, ...]:
        """Go out of a channel."""
        _, where = self._there(user, channel)
        where.members.remove(user)
        self.state.touch()
        self._events.of_member(where, user, joined=False)
        return await self._events.acks()

    async def shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> Ack:
        """Take one of the app's shortcuts from a message's menu; it works in channels where the app is not, too."""
        known = self._shortcut(callback_id, "message")
        message = self._seen(user, channel, ts)
        person, where = self._there(user, channel)
        payload = payloads.message_shortcut(
            person,
            where,
            self.state.message_json(message),
            callback_id=known.callback_id,
            trigger_id=self._tickets.new_trigger(user),
            response_url=self._response_url(user, channel),
        )
        return await self._deliverer.deliver(Parcel("interaction", payload))

    async def global_shortcut(self, user: str, callback_id: str) -> Ack:
        """Take one of the app's shortcuts from the composer's menu."""
        known = self._shortcut(callback_id, "global")
        payload = payloads.global_shortcut(
            self.state.people[user],
            callback_id=known.callback_id,
            trigger_id=self._tickets.new_trigger(user),
        )
        return await self._deliverer.deliver(Parcel("interaction", payload))

    def _shortcut(self, callback_id: str, kind: str) -> Shortcut:
        for known in self.shortcuts:
            if known.kind == kind and callback_id in {known.callback_id, known.name}:
                return known
        there = ", ".join(f"{each.callback_id} ({each.kind})" for each in self.shortcuts) or "none"
        raise LookupError(f"the app has no {kind} shortcut {callback_id!r}; there is: {there}")

    def _own(self, user: str, channel: str, ts: str) -> Message:
        message = self._seen(user, channel, ts)
        if message.user != user:
            raise LookupError(f"message {ts} is not {self.state.people[user].name}'s to change")
        return message

    def _thread(self, channel: str, thread_ts: str | None) -> None:
        """The message that heads the thread knows from now on that it does."""
        parent = self.state.find(channel, thread_ts) if thread_ts else None
        if parent is not None:
            parent.thread_ts = parent.ts

    def direct(self, user: str) -> Channel:
        """The direct messages between this person and the app."""
        return self.state.direct(user)
