"""Slack: the token and its scopes, how deliveries come, the channels, and who may act there."""

from collections.abc import AsyncIterator, Awaitable, Mapping

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.config import Settings
from bot.domain.authority import Authority, is_group
from bot.domain.integration import Integration
from bot.ports import Clock
from bot.slack.api import slack_client
from bot.slack.manifest import REASONS, scopes
from bot.slack.settings import SlackSettings
from bot.verbs.doctoring.check import Check, note, summed

_NO_ANSWER = (SlackClientError, aiohttp.ClientError, OSError, ValueError)
"""What asking Slack raises where the answer is not Slack's, or none."""
_PAGE = 200
_PAGES = 20
_MEMBERS_ASKED = 3


async def checks(settings: Settings, _clock: Clock) -> list[Check]:
    """Every line about Slack, as far as each holds the next."""
    if settings.slack is None:
        found = "not configured: only the terminal works"
        return [Check("Slack", found, "set SLACK_BOT_TOKEN, and SLACK_APP_TOKEN or SLACK_SIGNING_SECRET")]
    async with slack_client(settings.slack) as (client, _):
        try:
            me = await client.auth_test()
        except (SlackApiError, *_NO_ANSWER) as error:
            return [_nobody(error, settings.slack)]
        return [
            Check("Slack", f"the token is {me.get('user')} in {me.get('team')}"),
            _scopes(me.headers),
            *[check async for check in _deliveries(client, settings)],
            *await _channels(client, settings, str(me.get("user"))),
            *[check async for check in _people(client, settings)],
        ]


def _nobody(error: Exception, settings: SlackSettings) -> Check:
    if isinstance(error, SlackApiError):
        said = f"asking who the token is: {error.response.get('error')}"
        return Check("Slack", said, "copy the Bot User OAuth Token (xoxb-…) again into SLACK_BOT_TOKEN")
    said = f"{settings.api_url} gave no answer ({type(error).__name__})"
    return Check("Slack", said, "check the way there: DNS, HTTPS_PROXY, the firewall, SLACK_API_URL")


def _scopes(headers: Mapping[str, str]) -> Check:
    """What the token may, as Slack tells with each answer, beside what mx calls."""
    told = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), None)
    if told is None:
        return note(
            "scopes", "Slack did not say which the token has", "compare them with manifest.yml yourself"
        )
    has, needed = {one.strip() for one in told.split(",")} - {""}, scopes()
    missing = [scope for scope in needed if scope not in has]
    if missing:
        lacking = "; ".join(f"{scope} ({REASONS[scope]})" for scope in missing)
        move = (
            "put what `mx manifest` prints into the app's settings, App Manifest, and install the app again"
        )
        return Check("scopes", f"missing: {lacking}", move)
    beyond = sorted(has - set(needed))
    if beyond:
        says = f"the token has all {len(needed)}, and {', '.join(beyond)}, which mx does not use"
        return note("scopes", says, "`mx manifest` prints what mx needs; fewer scopes are less to lose")
    return Check(
        "scopes",
        f"the token has all {len(needed)}; which events and shortcuts the app has, Slack does not tell",
    )


async def _deliveries(client: AsyncWebClient, settings: Settings) -> AsyncIterator[Check]:
    """How commands and clicks reach the bot."""
    assert settings.slack is not None
    if settings.slack.app_token:
        try:
            await client.apps_connections_open(app_token=settings.slack.app_token)
        except (SlackApiError, *_NO_ANSWER) as error:
            move = "make a new app-level token with connections:write, and switch Socket Mode on in the app's settings"
            yield Check("deliveries", f"Socket Mode, which Slack refuses: {_code(error)}", move)
        else:
            yield Check("deliveries", "Socket Mode: Slack takes the app-level token")
    if settings.slack.signing_secret:
        where = f"{settings.bot.public_url or 'https://YOUR-HOST'}/slack/events"
        both = " as well" if settings.slack.app_token else ""
        said = f"over HTTP{both}, with a signing secret; Slack's request address has to be {where}"
        if settings.bot.public_url or settings.slack.app_token:
            yield Check("deliveries", said)
        else:
            yield note("deliveries", said, "set MX_PUBLIC_URL, so that links into mx work too")


async def _channels(client: AsyncWebClient, settings: Settings, user: str) -> list[Check]:
    """Whether the bot is in each incident channel: one question about all of them, however many there are."""
    wanted = [one for one in settings.integrations.values() if one.channel is not None]
    if not wanted:
        return [_homeless(one) for one in list(settings.integrations.values())[:1]]
    member: dict[str, bool] = {}
    cursor = ""
    try:
        for _ in range(_PAGES):
            answer = await client.users_conversations(
                types="public_channel,private_channel", limit=_PAGE, cursor=cursor or None
            )
            for channel in answer.get("channels") or []:
                member[str(channel["id"])] = bool(channel.get("is_archived"))
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
    except (SlackApiError, *_NO_ANSWER) as error:
        code = _code(error)
        return [Check("channels", f"asking in which the bot is: {code}", _remedy(code))]
    return summed(
        "channels",
        {one.name: _channel(one, member, user) for one in settings.integrations.values()},
    )


def _channel(one: Integration, member: Mapping[str, bool], user: str) -> Check:
    what, channel = f"channel of {one.name}", one.channel
    if channel is None:
        return _homeless(one)
    if channel not in member:
        move = f"type in that channel: /invite @{user}; if it is not there, correct MX_INCIDENT_CHANNEL"
        return Check(what, f"{channel}: the bot is not in it", move)
    if member[channel]:
        return Check(what, f"{channel} is archived", "take it out of the archive, or name another channel")
    return Check(what, f"{channel}, the bot is a member")


def _homeless(one: Integration) -> Check:
    return note(
        f"channel of {one.name}",
        "none set: the card goes where /mx triage is typed, and the monitor has nowhere to show one",
        "set MX_INCIDENT_CHANNEL to the id of the incident channel",
    )


async def _people(client: AsyncWebClient, settings: Settings) -> AsyncIterator[Check]:
    """Who may act in Slack, and whether Slack tells what that hangs on."""
    people = settings.bot.people
    authority = Authority(people.responders, people.approvers)
    if authority.members("responder"):
        approve = f"; to approve: {', '.join(authority.approvers)}" if authority.approvers else ""
        yield Check(
            "who may act",
            f"full members of the incident's channel, for no responders are set in mx.toml{approve}",
        )
        homes = {one.channel: one.name for one in settings.integrations.values() if one.channel is not None}
        for channel, name in list(homes.items())[:_MEMBERS_ASKED]:
            where = client.conversations_members(channel=channel, limit=1)
            yield await _readable(f"members of {name}'s channel", channel, where)
    else:
        approvers = ", ".join(authority.approvers) or "any other of them"
        yield Check("who may act", f"responders {', '.join(authority.responders)}; to approve: {approvers}")
    for group in dict.fromkeys(filter(is_group, (*authority.responders, *authority.approvers))):
        listed = client.usergroups_users_list(usergroup=group)
        yield await _readable(f"group {group}", "its members", listed)


async def _readable(what: str, found: str, asking: Awaitable[AsyncSlackResponse]) -> Check:
    try:
        answer = await asking
    except (SlackApiError, *_NO_ANSWER) as error:
        code = _code(error)
        return Check(what, f"{found}: {code}; until then whoever it is about is refused", _remedy(code))
    users = answer.get("users")
    if users is None:
        return Check(what, f"{found} can be read")
    if not users:
        return Check(what, "nobody is in it", "add people to it in Slack, or name others in mx.toml")
    return Check(what, f"{found} can be read: {len(users)}")


def _code(error: Exception) -> str:
    return str(error.response.get("error")) if isinstance(error, SlackApiError) else type(error).__name__


def _remedy(code: str) -> str:
    return {
        "missing_scope": "install the app again with the scopes of manifest.yml (usergroups:read, channels:read, groups:read)",
        "no_such_subteam": "correct the group's id (S…) in mx.toml",
        "plan_upgrade_required": "this workspace has no user groups: name people (U…) in mx.toml instead",
        "channel_not_found": "invite the bot to that channel, or correct MX_INCIDENT_CHANNEL",
    }.get(code, "ask again in a minute; if it stays so, name people (U…) in mx.toml")
