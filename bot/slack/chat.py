"""What mx does in Slack: post, edit, find its own message again, name people, share a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from bot.slack.api import SlackApi, SlackError


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to share."""

    name: str
    title: str
    data: bytes = field(repr=False)
    alt: str = ""
    """What a picture shows, in words."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot is in its workspace."""

    team: str
    user: str
    bot: str
    name: str
    url: str | None = None
    """The workspace's address."""


class SlackChat:
    """The port ``Chat``, and the few other things that the Slack edge asks of Slack. Every method raises SlackError."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    async def who_am_i(self) -> Identity:
        """``auth.test``."""
        answer = await self._api.call("auth.test", {}, doing="asking Slack who the bot is", again=True)
        return Identity(
            str(answer.get("team_id")),
            str(answer.get("user_id")),
            str(answer.get("bot_id")),
            str(answer.get("user")),
            str(answer["url"]) if answer.get("url") else None,
        )

    async def post(self, channel: str, message: Mapping[str, JsonValue]) -> str:
        answer = await self._api.call(
            "chat.postMessage", {"channel": channel, **message}, doing=f"posting to {channel}", again=False
        )
        return str(answer["ts"])

    async def whisper(
        self, channel: str, user: str, message: Mapping[str, Any], *, thread: str | None = None
    ) -> None:
        """Say something that one person alone sees; it does not outlast a reload of the client."""
        known = {name: message[name] for name in ("text", "blocks") if name in message}
        await self._api.call(
            "chat.postEphemeral",
            {"channel": channel, "user": user, **known} | ({"thread_ts": thread} if thread else {}),
            doing=f"answering privately in {channel}",
            again=False,
        )

    async def read(self, channel: str, ts: str) -> Mapping[str, Any] | None:
        """One message, also where it stands in a thread; None where it is gone."""
        try:
            answer = await self._api.call(
                "conversations.replies",
                {
                    "channel": channel,
                    "ts": ts,
                    "oldest": ts,
                    "latest": ts,
                    "inclusive": "true",
                    "limit": 2,  # a thread's first message comes along unasked
                },
                doing=f"reading a message in {channel}",
                again=True,
                read=True,
            )
        except SlackError as error:
            if error.code in {"thread_not_found", "message_not_found"}:
                return None
            raise
        found = [
            one for one in answer.get("messages", []) if isinstance(one, Mapping) and one.get("ts") == ts
        ]
        return found[0] if found else None

    async def update(self, channel: str, message_id: str, message: Mapping[str, JsonValue]) -> None:
        # chat.update knows fewer arguments than chat.postMessage.
        known = {
            k: v for k, v in message.items() if k in {"text", "blocks", "metadata", "parse", "link_names"}
        }
        await self._api.call(
            "chat.update",
            {"channel": channel, "ts": message_id, **known},
            doing=f"editing a message in {channel}",
            again=True,
        )

    async def find(self, channel: str, event: str, key: str, value: str) -> str | None:
        """The id of the bot's own latest message whose metadata is ``event`` with this payload; the last 200 are read."""
        answer = await self._api.call(
            "conversations.history",
            {"channel": channel, "limit": 200, "include_all_metadata": "true"},
            doing=f"looking for mx's own message in {channel}",
            again=True,
            read=True,
        )
        for message in answer.get("messages", []):
            match message:
                case {
                    "ts": str() as ts,
                    "metadata": {"event_type": kind, "event_payload": dict() as payload},
                } if kind == event and payload.get(key) == value:
                    return ts
                case _:
                    pass
        return None

    async def answered(
        self, channel: str, thread: str, event: str, *, request: str, since: str
    ) -> str | None:
        """The id of the bot's own answer in a thread whose metadata is ``event`` for this request."""
        for message in await self._answers(channel, thread, since=since):
            match message:
                case {
                    "ts": str() as ts,
                    "metadata": {"event_type": kind, "event_payload": {"request": str() as asked}},
                } if kind == event and asked == request:
                    return ts
                case _:
                    pass
        return None

    async def permalink(self, channel: str, message_id: str) -> str:
        """The address of a message."""
        answer = await self._api.call(
            "chat.getPermalink",
            {"channel": channel, "message_ts": message_id},
            doing=f"asking for the link of a message in {channel}",
            again=True,
            read=True,
        )
        return str(answer["permalink"])

    async def name_of(self, user: str) -> str:
        """A member's name as people call it."""
        answer = await self._api.call(
            "users.info", {"user": user}, doing=f"asking for the name of {user}", again=True, read=True
        )
        found = answer.get("user", {})
        profile = found.get("profile", {})
        return str(
            profile.get("display_name")
            or profile.get("real_name")
            or found.get("real_name")
            or found.get("name")
            or user
        )

    async def share(self, channel: str, *, thread: str | None, files: Sequence[Upload]) -> None:
        """Share files in a channel, or in a thread of it, as one message."""
        doing = f"uploading {', '.join(file.name for file in files)} to {channel}"
        shared: list[JsonValue] = []
        for file in files:
            ticket = await self._api.call(
                "files.getUploadURLExternal",
                {"filename": file.name, "length": len(file.data)}
                | ({"alt_txt": file.alt} if file.alt else {}),
                doing=doing,
                again=True,
                read=True,
            )
            await self._api.put(str(ticket["upload_url"]), file.data, doing=doing)
            shared.append({"id": str(ticket["file_id"]), "title": file.title})
        finish: dict[str, JsonValue] = {"files": shared, "channel_id": channel}
        if thread:
            finish["thread_ts"] = thread
        await self._api.call("files.completeUploadExternal", finish, doing=doing, again=False)

    async def shared(self, channel: str, thread: str, *, name: str, since: str) -> bool:
        """Whether a file of this name was shared in the thread since that message."""
        answers = await self._answers(channel, thread, since=since)
        return any(
            isinstance(file, dict) and file.get("name") == name
            for message in answers
            if isinstance(message, dict)
            for file in message.get("files") or ()
        )

    async def _answers(self, channel: str, thread: str, *, since: str) -> Sequence[Any]:
        """What was said in a thread since this time, its first message apart; at most 200."""
        answer = await self._api.call(
            "conversations.replies",
            {
                "channel": channel,
                "ts": thread,
                "oldest": since,
                "limit": 200,
                "include_all_metadata": "true",
            },
            doing=f"reading mx's own thread in {channel}",
            again=True,
            read=True,
        )
        found: Sequence[Any] = answer.get("messages", [])
        return found
