"""The report as a canvas, where the workspace allows: made once for an incident, then written anew; else the reason why not."""

from typing import NamedTuple

from bot.slack.api import SlackApi, SlackError
from bot.slack.replies import Replies

LONGEST = 1024 * 1024
"""Characters of Markdown that a canvas takes."""
_TAKEN = frozenset(
    {"channel_canvas_already_exists", "free_team_canvas_tab_already_exists", "canvas_tab_creation_failed"}
)
_UNSURE = "?"
_GONE = frozenset({"canvas_not_found", "canvas_deleted"})
_WHY = {
    "free_teams_cannot_create_non_tabbed_canvases": "this workspace's plan has one canvas for each channel, and this one has its own",
    "free_team_canvas_tab_already_exists": "this workspace's plan has one canvas for each channel, and this one has its own",
    "free_teams_cannot_edit_standalone_canvases": "this workspace's plan does not let it be written anew",
    "team_tier_cannot_create_channel_canvases": "this workspace's plan has none",
    "canvas_disabled_user_team": "canvases are switched off in this workspace",
    "restricted_action": "this workspace does not let apps make one here",
    "missing_scope": "the app has no scope canvases:write; install it again with the scopes of manifest.yml",
    "unknown_method": "this workspace has none",
}


class Held(NamedTuple):
    """The canvas that holds the report, or why there is none."""

    canvas: str | None
    why_not: str = ""


class Canvases:
    """Writes reports into canvases. A refusal of Slack is told and not raised: the file has everything."""

    def __init__(self, api: SlackApi, replies: Replies) -> None:
        self._api = api
        self._replies = replies

    async def hold(
        self, incident: str, channel: str, *, known: str | None, title: str, markdown: str
    ) -> Held:
        """The report in the incident's canvas; ``known`` is the id of an earlier one.

        Raises StoreError, and SlackError where Slack was not reached: that is no refusal, and comes again.
        """
        note = f"canvas:{incident}"
        known = known or await self._replies.shown(note)
        if known == _UNSURE:
            return Held(None, "it is not known whether Slack made one")
        content = {"type": "markdown", "markdown": markdown[:LONGEST]}
        if known:
            try:
                await self.rewrite(known, markdown)
                return Held(known)
            except SlackError as error:
                if not error.permanent:
                    raise
                if error.code not in _GONE:
                    return Held(None, _why(error))
        try:
            made = await self._made(channel, title=title, content=content)
        except SlackError as error:
            if error.maybe_done:
                await self._replies.note(note, _UNSURE)
            if not error.permanent:
                raise
            return Held(None, _why(error))
        # Written down before the message that names it: a restart in between makes no second one.
        await self._replies.note(note, made)
        return Held(made)

    async def rewrite(self, canvas: str, markdown: str) -> None:
        """Put this in place of all that stands in a canvas. Raises SlackError."""
        content = {"type": "markdown", "markdown": markdown[:LONGEST]}
        changes = [{"operation": "replace", "document_content": content}]
        arguments = {"canvas_id": canvas, "changes": changes}
        await self._api.call("canvases.edit", arguments, doing="writing the canvas anew", again=True)

    async def _made(self, channel: str, *, title: str, content: dict[str, str]) -> str:
        """A tab of the channel; where that has its one already, a canvas of its own that the channel may read."""
        arguments = {"title": title, "document_content": content}
        try:
            answer = await self._api.call(
                "canvases.create", arguments | {"channel_id": channel}, doing="making a canvas", again=False
            )
            return str(answer["canvas_id"])
        except SlackError as error:
            if error.code not in _TAKEN:
                raise
        answer = await self._api.call("canvases.create", arguments, doing="making a canvas", again=False)
        made = str(answer["canvas_id"])
        await self._api.call(
            "canvases.access.set",
            {"canvas_id": made, "access_level": "read", "channel_ids": [channel]},
            doing="letting the channel read the canvas",
            again=True,
        )
        return made


def _why(error: SlackError) -> str:
    return _WHY.get(error.code, f"Slack answered {error.code}")
