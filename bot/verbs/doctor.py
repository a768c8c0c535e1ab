"""``mx doctor``: checks what mx stands on, one line each, with what to do next."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass

import aiohttp
import click
from rich.console import Console
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.domain.authority import Authority, is_group
from bot.domain.backlog import Disk
from bot.domain.gateway import GatewayStatus, listed
from bot.domain.keytext import stray_parts
from bot.domain.telling import waits, writes
from bot.errors import MxError
from bot.gateway_client import GatewayClient
from bot.journal.disk import look
from bot.ports import KeySource
from bot.scrub import Scrubber
from bot.timeline import Timeline
from bot.verbs.playbooks import found_in

_NO_ANSWER = (SlackClientError, aiohttp.ClientError, OSError, ValueError)
"""What asking Slack raises where the answer is not Slack's, or none."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and the next move where it is not well."""

    what: str
    found: str
    next_move: str | None = None


@click.command("doctor")
def command() -> None:
    """Check every setting and say what to do next. Exits with 1 when something needs a hand, 2 for wrong settings."""
    settings = config.load()
    console = Console(highlight=False)

    async def run() -> bool:
        well = True
        async for check in examine(settings):
            mark = "[green]ok [/]" if check.next_move is None else "[red]fix[/]"
            console.print(f"{mark} {check.what}: ", end="")
            console.print(check.found, markup=False)
            if check.next_move is not None:
                well = False
                console.print(f"      {check.next_move}", markup=False)
        return well

    sys.exit(0 if asyncio.run(run()) else 1)


async def examine(settings: Settings) -> AsyncIterator[Check]:
    """Every check in the order in which they build on each other."""
    file = f" and {settings.file}" if settings.file else " alone (no mx.toml here)"
    yield Check("settings", f"valid, from the environment{file}")
    yield await _store(settings)
    yield _disk(
        "timeline's disk", look(settings.bot.database, setting="DATABASE_URL", platform=settings.platform)
    )
    for name, key in settings.keys.items():
        yield _key(name, key)
    yield await _playbooks(settings)
    async for check in _gateway(settings):
        yield check
    async for check in _slack(settings):
        yield check


def _key(name: str, key: KeySource) -> Check:
    value, what = key.current(), f"key of {name}"
    if value is None or not value.strip():
        return Check(
            what,
            f"none in {key.name}; without one the gateway cannot replay what it buffers either",
            "put the key there, for the gateway's process too (MaintainX: Settings > Integrations > API Keys)",
        )
    stray = stray_parts(value)
    found = f"present, {len(value)} characters, from {key.name}"
    if stray:
        return Check(what, f"{found}; it holds {listed(stray)}", "write it again without that")
    return Check(what, found)


async def _playbooks(settings: Settings) -> Check:
    """The team's own playbooks: how many stand, and what is wrong with the others."""
    folder = settings.bot.playbooks
    if not folder.is_dir():
        return Check("own playbooks", f"none: there is no folder {folder}")
    found = await found_in(settings, folder)
    stand = f"{len(found.own)} in {folder}"
    if not found.faults:
        return Check("own playbooks", stand)
    faults = f"{len(found.faults)} fault{'' if len(found.faults) == 1 else 's'}"
    return Check("own playbooks", f"{stand}, {faults} in others, which are left out", "mx playbooks check")


async def _store(settings: Settings) -> Check:
    try:
        async with Timeline.open(settings.bot.database, clock=SystemClock(), scrub=Scrubber()) as timeline:
            found = await timeline.verify()
    except MxError as error:
        return Check(
            "timeline", str(error), "until then nothing is recorded; mx triage without --record works"
        )
    if not found.ok:
        return Check("timeline", found.fault or "changed", "keep a copy of the file and look who changed it")
    return Check("timeline", f"{found.head_seq} facts in {settings.bot.database}, none changed")


def _disk(what: str, disk: Disk) -> Check:
    """What the disk under a file keeps; where nobody knows it is said, and is no fault."""
    found, _, next_move = disk.says.partition("; ")
    if disk.keeps is False:
        return Check(what, found, next_move or "mount a volume that is kept, and put the file on it")
    return Check(what, disk.says or "not told by this gateway")


async def _gateway(settings: Settings) -> AsyncIterator[Check]:
    async with GatewayClient.open(settings.gateway_url, token=settings.gateway.token) as client:
        try:
            status = GatewayStatus.from_json(await client.status())
        except MxError as error:
            yield Check(
                "gateway", str(error), "until then no playbook can change the traffic; mx triage works"
            )
            return
    yield Check("gateway", f"answers at {settings.gateway_url}, mode {status.mode}")
    yield _disk("gateway's disk", status.disk)
    for check in _buffer(status):
        yield check
    if status.traffic.total:
        yield Check("routing", f"{status.traffic.total} requests passed it in the last hour")
    else:
        yield Check(
            "routing",
            "no request passed the gateway in the last hour: its mitigations would change nothing",
            f"set the integration's MaintainX base URL to {settings.gateway_url}/v1",
        )


def _buffer(status: GatewayStatus) -> Iterator[Check]:
    """What waits at the gateway for somebody."""
    waiting, replay = status.buffer, status.replay
    if waiting.full is not None:
        yield Check(
            "buffer's limit",
            f"its limit of {'bytes' if waiting.full == 'size' else 'age'} is reached: new writes are refused with 503",
            "make room: deliver what waits with mx replay, or raise the limit",
        )
    if not waiting.undelivered:
        yield Check("buffer", f"empty{', encrypted' if waiting.encrypted else ''}")
    elif replay.state == "running":
        yield Check("buffer", f"{waits(waiting.undelivered)}; a replay is running: {replay.line}")
    elif status.mode == "buffering":
        yield Check("buffer", f"{waits(waiting.undelivered)}; buffering is on, and the replay comes after it")
    else:
        held = "the replay is held" if replay.state == "paused" else "no replay is started"
        verb = "mx replay --resume" if replay.state == "paused" else "mx replay"
        yield Check("buffer", f"{waits(waiting.undelivered)}, and {held}", f"deliver them: {verb}")
    if waiting.parked:
        yield Check(
            "parked writes",
            f"{waits(waiting.parked, 'of unknown fate')} for your word",
            "look at each: mx buffer list --state unknown",
        )
    if waiting.rejected:
        yield Check(
            "rejected writes",
            f"MaintainX refused {writes(waiting.rejected)}, kept with what it answered",
            "send them again or drop them: mx buffer list --state rejected",
        )


async def _slack(settings: Settings) -> AsyncIterator[Check]:
    if settings.slack is None:
        yield Check(
            "Slack",
            "not configured: only the terminal works",
            "set SLACK_BOT_TOKEN, and SLACK_APP_TOKEN or SLACK_SIGNING_SECRET",
        )
        return
    client = AsyncWebClient(token=settings.slack.bot_token, base_url=settings.slack.api_url)
    try:
        me = await client.auth_test()
    except SlackApiError as error:
        said = f"asking who the token is: {error.response.get('error')}"
        yield Check("Slack", said, "copy the Bot User OAuth Token (xoxb-…) again into SLACK_BOT_TOKEN")
        return
    except _NO_ANSWER as error:
        said = f"{settings.slack.api_url} gave no answer ({type(error).__name__})"
        yield Check("Slack", said, "check the way there: DNS, HTTPS_PROXY, the firewall, SLACK_API_URL")
        return
    yield Check("Slack", f"the token is {me.get('user')} in {me.get('team')}")
    for name, integration in settings.integrations.items():
        if integration.channel is None:
            yield Check(f"channel of {name}", "none set: the card goes where /mx triage is typed")
            continue
        try:
            # Reading asks for a scope that the app has anyway, and only a member may.
            await client.conversations_history(channel=integration.channel, limit=1)
        except (SlackApiError, *_NO_ANSWER) as error:
            said = error.response.get("error") if isinstance(error, SlackApiError) else type(error).__name__
            yield Check(
                f"channel of {name}",
                f"{integration.channel}: {said}",
                f"type in that channel: /invite @{me.get('user')}; if it is not there, correct MX_INCIDENT_CHANNEL",
            )
        else:
            yield Check(f"channel of {name}", f"{integration.channel}, the bot is a member")
    async for check in _people(client, settings):
        yield check


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
        for name, integration in settings.integrations.items():
            if integration.channel is not None:
                where = client.conversations_members(channel=integration.channel, limit=1)
                yield await _readable(f"members of {name}'s channel", integration.channel, where)
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
        code = error.response.get("error") if isinstance(error, SlackApiError) else type(error).__name__
        return Check(what, f"{found}: {code}; until then whoever it is about is refused", _remedy(str(code)))
    users = answer.get("users")
    if users is None:
        return Check(what, f"{found} can be read")
    if not users:
        return Check(what, "nobody is in it", "add people to it in Slack, or name others in mx.toml")
    return Check(what, f"{found} can be read: {len(users)}")


def _remedy(code: str) -> str:
    return {
        "missing_scope": "install the app again with the scopes of manifest.yml (usergroups:read, channels:read, groups:read)",
        "no_such_subteam": "correct the group's id (S…) in mx.toml",
        "plan_upgrade_required": "this workspace has no user groups: name people (U…) in mx.toml instead",
        "channel_not_found": "invite the bot to that channel, or correct MX_INCIDENT_CHANNEL",
    }.get(code, "ask again in a minute; if it stays so, name people (U…) in mx.toml")
