"""The workspace as one person sees it, as JSON for the page: whatever somebody else alone may see is not in it."""

from collections.abc import Iterable
from typing import Any

from bot.demo.slack.records import Channel, Message, View
from bot.demo.slack.workspace import SlackWorkspace

Json = Any
"""JSON as it goes out on the wire."""

MOST = 200
"""So many of the latest messages of a channel are shown."""


def snapshot(workspace: SlackWorkspace, user: str) -> dict[str, Json]:
    """Everything that this person's client shows. Raises LookupError where there is no such person."""
    state = workspace.state
    if user not in state.people or user == state.bot.id:
        raise LookupError(f"there is nobody called {user} to act as")
    home = workspace.home(user)
    return {
        "me": user,
        "app": {"id": state.bot.id, "name": state.bot.name},
        "people": [
            {"id": one.id, "name": one.name, "role": one.role}
            for one in state.people.values()
            if not one.deleted
        ],
        "groups": [{"id": group, "handle": handle} for group, (handle, _) in state.groups.items()],
        "channels": [
            _channel(workspace, channel, user)
            for channel in state.channels.values()
            if user in channel.members
        ],
        "shortcuts": [
            {"id": one.callback_id, "name": one.name, "kind": one.kind} for one in workspace.shortcuts
        ],
        "views": [_view(workspace, view) for view in workspace.views(user)],
        "home_tab": state.home_tab,
        "home": _view(workspace, home) if home else None,
    }


def _channel(workspace: SlackWorkspace, channel: Channel, user: str) -> dict[str, Json]:
    there = [
        message
        for message in workspace.state.messages
        if message.channel == channel.id and message.ephemeral_to in {None, user}
    ]
    answered = {
        message.thread_ts for message in there if not message.deleted and message.thread_ts != message.ts
    }
    seen = [message for message in there if not message.deleted or message.ts in answered]
    canvases = [
        {"id": one.id, "title": one.title, "markdown": one.markdown}
        for one in workspace.state.canvases.values()
        if one.channel == channel.id
    ]
    return {
        "id": channel.id,
        "name": workspace.state.bot.name if channel.direct else channel.name,
        "private": channel.private,
        "direct": channel.direct is not None,
        "archived": channel.archived,
        "topic": channel.topic,
        "members": channel.members,
        "canvases": canvases,
        "messages": [_message(workspace, message, user) for message in seen[-MOST:]],
    }


def _message(workspace: SlackWorkspace, message: Message, user: str) -> dict[str, Json]:
    """As it is seen now; of a deleted one whose thread goes on, that it was there."""
    shown: dict[str, Json] = {
        "ts": message.ts,
        "user": message.user,
        "text": "",
        "blocks": (),
        "attachments": (),
        "version": len(message.versions) - 1,
        "edited": False,
        "deleted": message.deleted,
        "thread": message.thread_ts,
        "broadcast": message.broadcast,
        "ephemeral": message.ephemeral_to is not None,
        "files": (),
        "reactions": (),
        "chosen": {},
    }
    if message.deleted:
        return shown
    return shown | {
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.now.attachments,
        "edited": message.edited,
        "files": list(_files(workspace, message.files)),
        "reactions": [{"name": name, "users": users} for name, users in message.reactions.items() if users],
        "chosen": workspace.state.chosen.get((user, message.ts), {}),
    }


def _files(workspace: SlackWorkspace, files: Iterable[str]) -> Iterable[dict[str, Json]]:
    for name in files:
        file = workspace.state.files.get(name)
        if file is not None and not file.deleted and file.content is not None:
            yield {
                "id": file.id,
                "name": file.name,
                "title": file.title or file.name,
                "type": file.mimetype,
                "size": len(file.content),
            }


def _view(workspace: SlackWorkspace, view: View) -> dict[str, Json]:
    return workspace.state.view_json(view)
