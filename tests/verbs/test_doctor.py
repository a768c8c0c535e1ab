"""``mx doctor`` names what is well, and for the rest the next move; a secret is never printed."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from bot.clock import SystemClock
from bot.config import load
from bot.demo.slack.workspace import SlackWorkspace
from bot.slack import blocks, modals
from bot.slack.limits import Block
from bot.slack.manifest import scopes
from bot.verbs import doctor
from bot.verbs.doctor import examine
from bot.verbs.doctoring.check import Check
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.verbs.terminal import mx

MANIFEST = Path(__file__).parent.parent.parent / "manifest.yml"
CLOSED = "http://127.0.0.1:9"


@pytest.fixture
async def slack() -> AsyncIterator[SlackWorkspace]:
    """A workspace in which the app has the manifest's scopes and no others."""
    scopes = yaml.safe_load(MANIFEST.read_text("utf-8"))["oauth_config"]["scopes"]["bot"]
    async with SlackWorkspace.start(scopes=frozenset(scopes)) as workspace:
        yield workspace


AWAY = {
    "MX_GATEWAY_URL": CLOSED,
    "MAINTAINX_BASE_URL": f"{CLOSED}/v1",
    "MX_STATUS_URL": f"{CLOSED}/status.json",
    "NO_PROXY": "127.0.0.1",
}


class Ahead(SystemClock):
    """A machine whose clock is wrong."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._seconds)


async def checks(
    env: dict[str, str], folder: Path, *, ahead_s: float = 0, online: bool = False
) -> dict[str, Check]:
    if not (folder / "mx.toml").exists():
        (folder / "mx.toml").write_text("[bot]\nonline_urls = []\n", "utf-8")
    settings = load(env={**AWAY, **env}, folder=folder)
    return {check.what: check for check in await examine(settings, clock=Ahead(ahead_s), online=online)}


def of_slack(slack: SlackWorkspace, **more: str) -> dict[str, str]:
    """The variables of a bot in this workspace."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.api_url,
        **more,
    }


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
        f'[bot]\nonline_urls = []\nresponders = ["{full}", "{empty}", "S0GONE"]\napprovers = ["{ann}"]\n',
        "utf-8",
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


async def test_every_scope_that_is_missing_is_named_with_what_needs_it(
    tmp_path: Path, slack: SlackWorkspace
) -> None:
    slack.state.scopes |= {"pins:read"}
    beyond = slack.state.scopes - set(scopes())
    found = (await checks(of_slack(slack), tmp_path))["scopes"]
    assert (found.state, sorted(beyond) != []) == ("note", True)
    assert ", ".join(sorted(beyond)) in found.found
    slack.state.scopes -= beyond
    assert (await checks(of_slack(slack), tmp_path))["scopes"].state == "ok"
    slack.state.scopes -= {"files:write", "reactions:read"}
    found = (await checks(of_slack(slack), tmp_path))["scopes"]
    assert found.state == "fix"
    assert found.found == (
        "missing: files:write (the report as a page, as Markdown, and its picture); "
        "reactions:read (the emoji that puts a message on the timeline)"
    )
    assert "mx manifest" in str(found.next_move)


async def test_how_deliveries_come_is_told_and_a_wrong_app_token_is_found(
    tmp_path: Path, slack: SlackWorkspace
) -> None:
    over_http = (await checks(of_slack(slack), tmp_path))["deliveries"]
    assert (over_http.state, "https://YOUR-HOST/slack/events" in over_http.found) == ("note", True)
    public = of_slack(slack, MX_PUBLIC_URL="https://mx.example.com")
    told = (await checks(public, tmp_path))["deliveries"]
    assert (told.state, "https://mx.example.com/slack/events" in told.found) == ("ok", True)
    both = of_slack(slack, SLACK_APP_TOKEN=slack.state.credentials.app_token)
    del both["SLACK_SIGNING_SECRET"]
    assert (await checks(both, tmp_path))["deliveries"].found.startswith("Socket Mode: Slack takes")
    wrong = (await checks({**both, "SLACK_APP_TOKEN": "xapp-000000-wrong"}, tmp_path))["deliveries"]
    assert (wrong.state, "invalid_auth" in wrong.found) == ("fix", True)


@pytest.mark.parametrize(
    ("ahead_s", "state", "says"),
    [
        (0, "ok", "right to the second"),
        (29, "ok", "ahead of"),
        (32, "fix", "ahead of"),
        (-400, "fix", "behind"),
    ],
)
async def test_a_clock_that_is_wrong_is_found_before_signatures_are_refused(
    tmp_path: Path, slack: SlackWorkspace, ahead_s: float, state: str, says: str
) -> None:
    found = (await checks(of_slack(slack), tmp_path, ahead_s=ahead_s))["clock"]
    assert (found.state, says in found.found) == (state, True), found
    assert (found.next_move is None) == (state == "ok")


async def test_who_is_woken_is_told_and_nobody_is(tmp_path: Path) -> None:
    none = await checks({}, tmp_path)
    assert (none["pagers"].state, none["dead-man's switch"].state) == ("note", "note")
    assert "PagerDuty's webhook" not in none
    (tmp_path / "mx.toml").write_text(
        '[bot]\nonline_urls = []\nescalation_keys = ["second-key"]\npage_url = "https://example.com/page"\n'
        'dead_mans_switch_url = "https://example.com/ping-secret"\n',
        "utf-8",
    )
    found = await checks({"PAGERDUTY_ROUTING_KEY": "first-key"}, tmp_path)
    assert [name for name in found if name.startswith("pager,")] == [f"pager, level {n}" for n in (1, 2, 3)]
    assert "mx page --test" in found["pager, level 1"].found
    assert found["PagerDuty's webhook"].state == "note"
    assert found["dead-man's switch"].state == "ok"
    assert not [word for word in ("first-key", "second-key", "ping-secret") if word in repr(found)]
    signed = await checks({"PAGERDUTY_ROUTING_KEY": "k", "PAGERDUTY_WEBHOOK_SECRET": "s"}, tmp_path)
    assert signed["PagerDuty's webhook"].state == "ok"


async def test_the_watch_the_calendar_and_the_sync_state_are_told(
    tmp_path: Path, slack: SlackWorkspace
) -> None:
    (tmp_path / "sync.json").write_text("half a", "utf-8")
    (tmp_path / "mx.toml").write_text(
        f'[bot]\nonline_urls = ["{slack.api_url}api.test", "{CLOSED}"]\ntimezone = "Europe/Berlin"\n'
        'holidays = "DE"\nbusiness_hours = "08:30-16:00"\n'
        '[integrations.north]\nsync_state_file = "sync.json"\n[integrations.south]\nwatch = false\n',
        "utf-8",
    )
    found = await checks({}, tmp_path)
    assert found["monitor"].found.startswith("watches 2 of 3, every 300 s, and every 30 s while")
    assert found["online"].state == "ok"
    assert found["online"].found.endswith("127.0.0.1:9 did not")
    assert found["calendar"].state == "ok"
    assert "Europe/Berlin, mon, tue, wed, thu, fri 08:30 to 16:00" in found["calendar"].found
    assert "the next business day opens" in found["calendar"].found
    assert found["sync's record of north"].state == "fix"
    assert "sync_state_file" in (found["sync's record of north"].next_move or "")
    (tmp_path / "mx.toml").write_text(f'[bot]\nonline_urls = ["{CLOSED}"]\n', "utf-8")
    assert (await checks({}, tmp_path))["online"].state == "fix"


async def test_a_thousand_integrations_are_a_few_lines(tmp_path: Path, slack: SlackWorkspace) -> None:
    ann = slack.add_user("Ann")
    inside, outside = (slack.create_channel(name, [ann], bot_member=name == "in") for name in ("in", "out"))
    rows = [
        f'[integrations.n{n}]\napi_key = "{"" if n < 7 else "k-secret-0123456789"}"\n'
        f'incident_channel = "{outside if n == 3 else inside}"\n'
        for n in range(1000)
    ]
    (tmp_path / "mx.toml").write_text("[bot]\nonline_urls = []\n" + "".join(rows), "utf-8")
    env = of_slack(slack)
    settings = load(env={"MX_GATEWAY_URL": CLOSED, "NO_PROXY": "127.0.0.1", **env}, folder=tmp_path)
    found = await examine(settings, clock=SystemClock())
    assert len(found) < 40
    keys = [check for check in found if check.what == "keys"]
    assert keys[0].found == "993 of 1,000 integrations are well"
    assert keys[1].found.startswith("n0, n1, n2, n3, n4 and 2 more: none in api_key")
    channels = [check for check in found if check.what == "channels"]
    assert [check.found for check in channels] == [
        "999 of 1,000 integrations are well",
        f"n3: {outside}: the bot is not in it",
    ]
    assert len([call for call in slack.calls if call.method == "users.conversations"]) == 1


async def test_slack_itself_checks_the_cards_and_dialogs_where_that_is_asked(
    tmp_path: Path, slack: SlackWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await checks(of_slack(slack), tmp_path, online=True)
    assert found["Block Kit"].state == "ok"
    asked = [call for call in slack.calls if call.method == "blocks.validate"]
    assert len(asked) >= 20
    assert f"all {len(asked)} cards" in found["Block Kit"].found
    assert {kind for call in asked for kind in call.args} == {"message", "view"}

    def too_long(title: str, *_: object, **__: object) -> modals.View:
        broken: list[Block] = [blocks.divider(), {"type": "banner"}]
        return {"type": "modal", "title": {"type": "plain_text", "text": title * 5}, "blocks": [*broken]}

    monkeypatch.setattr(modals, "reason", too_long)
    broken = (await checks(of_slack(slack), tmp_path, online=True))["Block Kit, reason"]
    assert broken.state == "fix"
    assert broken.found.startswith("invalid_view: /title/text: must be less than 25 characters")
    assert "/blocks/1" in broken.found
    away = of_slack(slack, SLACK_API_URL=f"{CLOSED}/api/")
    assert all(
        check.state == "note"
        for what, check in (await checks(away, tmp_path, online=True)).items()
        if what.startswith("Block Kit")
    )


async def test_it_ends_with_0_only_when_a_real_run_needs_nothing_more(
    tmp_path: Path, slack: SlackWorkspace
) -> None:
    channel = slack.create_channel("incidents", [slack.add_user("Ann")])
    env = of_slack(slack, MX_INCIDENT_CHANNEL=channel, MAINTAINX_API_KEY="k-secret-0123456789")
    (tmp_path / "mx.toml").write_text("[bot]\nonline_urls = []\n", "utf-8")
    alone = await mx("doctor", "--json", env={**AWAY, **env}, folder=tmp_path)
    told = json.loads(alone.out)
    assert (alone.code, told["well"]) == (1, False)
    assert [row["what"] for row in told["checks"] if row["state"] == "fix"] == ["gateway"]
    async with GatewayStandIn(SystemClock()).serve() as gateway:
        gateway.traffic(200)
        env |= {"MX_GATEWAY_URL": gateway.url, "MX_GATEWAY_TOKEN": TOKEN}
        done = await mx("doctor", env={**AWAY, **env}, folder=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "Everything that a real run needs is right; " in done.out
    assert "fix " not in done.out


async def test_what_hangs_is_bounded_and_said(
    tmp_path: Path, slack: SlackWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "BOUND_S", 0.5)
    slack.mischief.late("auth.test", seconds=5)
    found = (await checks(of_slack(slack), tmp_path))["Slack"]
    assert (found.state, found.found.startswith("not known")) == ("fix", True)


async def test_an_older_gateway_is_a_note_and_another_ones_gateway_a_fault(tmp_path: Path) -> None:
    async with GatewayStandIn(SystemClock()).serve() as gateway:
        env = {"MX_GATEWAY_URL": gateway.url, "MX_GATEWAY_TOKEN": TOKEN}
        gateway.host = "127.0.0.1:9"
        found = await checks(env, tmp_path)
        assert (found["gateway"].state, found["gateway serves"].state) == ("ok", "ok")
        gateway.version, gateway.host = "0.0.1", "api.example.com"
        found = await checks(env, tmp_path)
        assert (found["gateway"].state, "mx 0.0.1" in found["gateway"].found) == ("note", True)
        assert found["gateway serves"].state == "fix"
        assert found["gateway serves"].found.startswith("api.example.com, while default is at 127.0.0.1:9")
        wrong = await checks({**env, "MX_GATEWAY_TOKEN": "wrong-token"}, tmp_path)
    assert (wrong["gateway"].state, "wrong-token" in repr(wrong)) == ("fix", False)


async def test_what_a_link_to_a_page_needs_is_told(tmp_path: Path) -> None:
    async def told(**env: str) -> Check:
        return (await checks(env, tmp_path))["incident pages"]

    assert (await told()).next_move == (
        "set MX_PUBLIC_URL to the address by which people reach the bot, and MX_LINK_SECRET to 16 characters or more "
        "that nobody can guess (openssl rand -hex 32)"
    )
    unsigned = await told(MX_PUBLIC_URL="https://mx.example.com")
    assert (unsigned.state, "and the pages show nothing" in unsigned.found) == ("note", True)
    nowhere = await told(MX_LINK_SECRET="0123456789abcdef")
    assert nowhere.found == "MX_PUBLIC_URL not set: there is no link to a page of an incident anywhere"
    both = {"MX_LINK_SECRET": "0123456789abcdef", "MX_PUBLIC_URL": "https://mx.example.com/"}
    assert (await told(**both)).state == "ok"
    assert "over http://" in (await told(**both | {"MX_PUBLIC_URL": "http://mx.example.com"})).found
