"""``mx doctor`` names what is well, and for the rest the next move; a secret is never printed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from bot.clock import SystemClock
from bot.config import load
from bot.demo.slack.workspace import SlackWorkspace
from bot.verbs.doctor import Check, examine
from tests.gateway_standin import TOKEN, GatewayStandIn

MANIFEST = Path(__file__).parent.parent.parent / "manifest.yml"
CLOSED = "http://127.0.0.1:9"


@pytest.fixture
async def slack() -> AsyncIterator[SlackWorkspace]:
    """A workspace in which the app has the manifest's scopes and no others."""
    scopes = yaml.safe_load(MANIFEST.read_text("utf-8"))["oauth_config"]["scopes"]["bot"]
    async with SlackWorkspace.start(scopes=frozenset(scopes)) as workspace:
        yield workspace


async def checks(env: dict[str, str], folder: Path) -> dict[str, Check]:
    settings = load(env={"MX_GATEWAY_URL": CLOSED, **env}, folder=folder)
    return {check.what: check async for check in examine(settings)}


async def test_with_nothing_configured_every_line_says_what_to_do(tmp_path: Path) -> None:
    found = await checks({}, tmp_path)
    assert found["timeline"].next_move is None
    assert "API Keys" in (found["key of default"].next_move or "")
    assert "mx gateway" in found["gateway"].found
    assert "SLACK_BOT_TOKEN" in (found["Slack"].next_move or "")


async def test_what_waits_at_the_gateway_and_a_disk_that_forgets_are_told_with_the_next_move(
    tmp_path: Path,
) -> None:
    async with GatewayStandIn(SystemClock()).serve() as gateway:
        env = {"MX_GATEWAY_URL": gateway.url, "MX_GATEWAY_TOKEN": TOKEN}
        well = await checks(env, tmp_path)
        assert (well["buffer"].found, well["buffer"].next_move) == ("empty", None)
        assert well["gateway's disk"].next_move is None
        gateway.buffer.take(3)
        gateway.buffer.take(state="unknown")
        gateway.buffer.take(state="rejected")
        gateway.buffer.full = "size"
        gateway.disk = {"path": "/app/g.db", "keeps": False, "says": "it lies in memory; mount a volume"}
        found = await checks(env, tmp_path)
    assert found["buffer"].found == "3 writes wait, and no replay is started"
    assert found["buffer"].next_move == "deliver them: mx replay"
    assert "refused with 503" in found["buffer's limit"].found
    assert found["parked writes"].next_move == "look at each: mx buffer list --state unknown"
    assert found["rejected writes"].next_move is not None
    assert (found["gateway's disk"].found, found["gateway's disk"].next_move) == (
        "it lies in memory",
        "mount a volume",
    )


async def test_a_replay_or_a_buffer_that_is_on_is_no_fault_and_a_held_one_is(tmp_path: Path) -> None:
    async with GatewayStandIn(SystemClock()).serve() as gateway:
        env = {"MX_GATEWAY_URL": gateway.url, "MX_GATEWAY_TOKEN": TOKEN}
        gateway.buffer.take(2)
        gateway.leases["b"] = {"id": "b", "buffer": "on"}
        assert (await checks(env, tmp_path))["buffer"].next_move is None
        gateway.leases.clear()
        gateway.buffer.progress |= {"state": "running", "total": 2}
        running = (await checks(env, tmp_path))["buffer"]
        assert (running.next_move, "a replay is running: 0 of 2 done" in running.found) == (None, True)
        gateway.buffer.progress |= {"state": "paused"}
        assert (await checks(env, tmp_path))["buffer"].next_move == "deliver them: mx replay --resume"


async def test_membership_is_checked_with_the_scopes_of_the_manifest(
    tmp_path: Path, slack: SlackWorkspace
) -> None:
    ann = slack.add_user("Ann")
    inside = slack.create_channel("inside", [ann])
    outside = slack.create_channel("outside", [ann], bot_member=False)
    env = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.api_url,
        "MAINTAINX_API_KEY": "k-secret-0123456789",
    }
    found = await checks(env | {"MX_INCIDENT_CHANNEL": inside}, tmp_path)
    assert found["Slack"].next_move is None
    assert found["channel of default"].next_move is None
    found = await checks(env | {"MX_INCIDENT_CHANNEL": outside}, tmp_path)
    assert "/invite @mx" in (found["channel of default"].next_move or "")
    assert "k-secret" not in repr(found)
    assert slack.bot_token not in repr(found)


async def test_slack_out_of_reach_or_a_wrong_token_is_one_clear_line(
    tmp_path: Path, slack: SlackWorkspace
) -> None:
    env = {"SLACK_BOT_TOKEN": "xoxb-000000-wrong", "SLACK_SIGNING_SECRET": slack.signing_secret}
    found = await checks(env | {"SLACK_API_URL": slack.api_url}, tmp_path)
    assert "invalid_auth" in found["Slack"].found
    found = await checks(env | {"SLACK_API_URL": f"{CLOSED}/api/"}, tmp_path)
    assert found["Slack"].next_move is not None


async def test_who_may_act_is_told_and_what_cannot_be_read_has_its_remedy(
    tmp_path: Path, slack: SlackWorkspace
) -> None:
    ann = slack.add_user("Ann")
    channel = slack.create_channel("incidents", [ann])
    env = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.api_url,
        "MX_INCIDENT_CHANNEL": channel,
    }
    found = await checks(env, tmp_path)
    assert "full members of the incident's channel" in found["who may act"].found
    assert found["members of default's channel"].next_move is None
    full, empty = slack.add_group("on-call", [ann]), slack.add_group("nobody", [])
    (tmp_path / "mx.toml").write_text(
        f'[bot]\nresponders = ["{full}", "{empty}", "S0GONE"]\napprovers = ["{ann}"]\n', "utf-8"
    )
    found = await checks(env, tmp_path)
    assert found["who may act"].found == f"responders {full}, {empty}, S0GONE; to approve: {ann}"
    assert (found[f"group {full}"].found, found[f"group {full}"].next_move) == (
        "its members can be read: 1",
        None,
    )
    assert found[f"group {empty}"].found == "nobody is in it"
    assert "no_such_subteam" in found["group S0GONE"].found
    slack.state.scopes -= {"usergroups:read"}
    assert "usergroups:read" in ((await checks(env, tmp_path))[f"group {full}"].next_move or "")
    slack.state.scopes |= {"usergroups:read"}
    slack.state.free_plan = True
    assert "name people (U…)" in ((await checks(env, tmp_path))[f"group {full}"].next_move or "")
