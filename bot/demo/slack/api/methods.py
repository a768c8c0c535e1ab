"""The table of the Web API: every method the stand-in serves, with what it asks of the token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from bot.demo.slack.api import (
    canvases,
    channels,
    chat,
    checks,
    conversations,
    files,
    marks,
    people,
    views,
)
from bot.demo.slack.api.call import Answer, Call
from bot.demo.slack.rates import Rates


@dataclass(frozen=True, slots=True)
class Method:
    """One method: what answers it, which scope and which kind of token it needs."""

    answer: Callable[[Call, Rates], Answer]
    scope: str | None = None
    """None also where the scope depends on the channel, and the method asks for itself."""
    token: Literal["bot", "app", "none"] = "bot"


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "api.test": Method(people.api_test, token="none"),
        "apps.connections.open": Method(people.open_socket, token="app"),
        "auth.test": Method(people.auth_test),
        "blocks.validate": Method(checks.blocks_validate, token="none"),
        "bookmarks.add": Method(marks.bookmark, "bookmarks:write"),
        "bookmarks.edit": Method(marks.edit_bookmark, "bookmarks:write"),
        "bookmarks.list": Method(marks.bookmarks, "bookmarks:read"),
        "bookmarks.remove": Method(marks.remove_bookmark, "bookmarks:write"),
        "bots.info": Method(people.bot_info, "users:read"),
        "canvases.access.set": Method(canvases.set_access, "canvases:write"),
        "canvases.create": Method(canvases.create, "canvases:write"),
        "canvases.delete": Method(canvases.delete, "canvases:write"),
        "canvases.edit": Method(canvases.edit, "canvases:write"),
        "chat.delete": Method(chat.delete, "chat:write"),
        "chat.getPermalink": Method(chat.permalink),
        "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
        "chat.postMessage": Method(chat.post_message, "chat:write"),
        "chat.update": Method(chat.update, "chat:write"),
        "conversations.archive": Method(channels.archive),
        "conversations.canvases.create": Method(canvases.create_in_channel, "canvases:write"),
        "conversations.create": Method(channels.create),
        "conversations.history": Method(conversations.history),
        "conversations.info": Method(conversations.info),
        "conversations.invite": Method(channels.invite),
        "conversations.join": Method(conversations.join, "channels:join"),
        "conversations.list": Method(channels.listed),
        "conversations.members": Method(conversations.members),
        "conversations.open": Method(channels.open_direct),
        "conversations.replies": Method(conversations.replies),
        "conversations.setPurpose": Method(channels.set_purpose),
        "conversations.setTopic": Method(channels.set_topic),
        "files.completeUploadExternal": Method(files.complete, "files:write"),
        "files.delete": Method(files.delete, "files:write"),
        "files.getUploadURLExternal": Method(files.upload_url, "files:write"),
        "files.info": Method(files.info, "files:read"),
        "pins.add": Method(marks.pin, "pins:write"),
        "pins.list": Method(marks.pins, "pins:read"),
        "pins.remove": Method(marks.unpin, "pins:write"),
        "reactions.add": Method(marks.react, "reactions:write"),
        "reactions.get": Method(marks.reactions, "reactions:read"),
        "reactions.remove": Method(marks.unreact, "reactions:write"),
        "team.info": Method(people.team_info, "team:read"),
        "usergroups.list": Method(people.groups, "usergroups:read"),
        "usergroups.users.list": Method(people.group_users, "usergroups:read"),
        "users.conversations": Method(channels.of_user),
        "users.info": Method(people.user_info, "users:read"),
        "users.list": Method(people.users, "users:read"),
        "views.open": Method(views.open_view),
        "views.publish": Method(views.publish),
        "views.push": Method(views.push),
        "views.update": Method(views.update),
    }
)
