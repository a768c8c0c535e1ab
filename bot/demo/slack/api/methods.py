"""The table of the Web API: every method the stand-in serves, with what it asks of the token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from bot.demo.slack.api import chat, checks, conversations, files, people, views
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
        "apps.connections.open": Method(people.open_socket, token="app"),
        "auth.test": Method(people.auth_test),
        "blocks.validate": Method(checks.blocks_validate, token="none"),
        "chat.delete": Method(chat.delete, "chat:write"),
        "chat.getPermalink": Method(chat.permalink),
        "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
        "chat.postMessage": Method(chat.post_message, "chat:write"),
        "chat.update": Method(chat.update, "chat:write"),
        "conversations.history": Method(conversations.history),
        "conversations.info": Method(conversations.info),
        "conversations.join": Method(conversations.join, "channels:join"),
        "conversations.members": Method(conversations.members),
        "conversations.replies": Method(conversations.replies),
        "files.completeUploadExternal": Method(files.complete, "files:write"),
        "files.getUploadURLExternal": Method(files.upload_url, "files:write"),
        "files.info": Method(files.info, "files:read"),
        "pins.add": Method(people.pin, "pins:write"),
        "reactions.add": Method(people.react, "reactions:write"),
        "usergroups.list": Method(people.groups, "usergroups:read"),
        "usergroups.users.list": Method(people.group_users, "usergroups:read"),
        "users.conversations": Method(conversations.of_user),
        "users.info": Method(people.user_info, "users:read"),
        "views.open": Method(views.open_view),
        "views.publish": Method(views.publish),
        "views.push": Method(views.push),
        "views.update": Method(views.update),
    }
)
