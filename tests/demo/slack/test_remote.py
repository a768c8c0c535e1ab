"""A test in any language acts for people over HTTP, from this machine alone."""

import base64
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.demo.slack.remote import VERBS, routes
from bot.demo.slack.workspace import SlackWorkspace
from tests.demo.slack.raw import App, Json, actions, answers, button, raw_app


class Remote:
    """The wire, held by a test."""

    def __init__(self, slack: SlackWorkspace, session: aiohttp.ClientSession, app: App) -> None:
        self.slack, self._session, self.app = slack, session, app

    async def __call__(self, verb: str, *, expected: int = 200, **args: Json) -> Json:
        async with self._session.post(f"{self.slack.state.base}/drive/{verb}", json=args) as answer:
            body = await answer.json()
            assert answer.status == expected, body
            return body["done"] if expected == 200 else body["error"]

    async def seen(self) -> Json:
        async with self._session.get(f"{self.slack.state.base}/drive/seen") as answer:
            return await answer.json()

    async def raw(self, verb: str, **how: Json) -> int:
        async with self._session.post(f"{self.slack.state.base}/drive/{verb}", **how) as answer:
            return answer.status


@pytest.fixture
async def remote() -> AsyncIterator[Remote]:
    async with (
        raw_app() as app,
        SlackWorkspace.start(request_url=app.url, subscriptions=frozenset(), extra_routes=routes()) as slack,
        aiohttp.ClientSession() as session,
    ):
        ada = slack.add_user("Ada")
        slack.create_channel("incidents", [ada])
        yield Remote(slack, session, app)


async def test_a_story_over_the_wire(remote: Remote) -> None:
    remote.app.answer = answers({"text": "it is you", "blocks": [actions(button("Fix it", "fix"))]})
    done = await remote("command", user="Ada", channel="#incidents", name="/mx", text="triage")
    assert (done["status"], done["text"], done["message"]["ephemeral_to"]) == (
        200,
        "it is you",
        next(user for user, name in (await remote.seen())["people"].items() if name == "Ada"),
    )
    clicked = await remote(
        "click", user="Ada", channel="incidents", message_ts=done["message"]["ts"], button="Fix it"
    )
    assert (clicked["delivered"], clicked["error"]) == (True, None)
    content = base64.b64encode(b"429").decode()
    await remote("attach", user="Ada", channel="incidents", name="log.txt", content=content)
    said = await remote("say", user="Ada", channel="incidents", text="<b>")
    await remote("react", user="Ada", channel="incidents", ts=said["ts"], name="eyes")
    seen = await remote.seen()
    [channel] = seen["channels"]
    assert [each["text"] for each in channel["messages"]] == ["it is you", "", "&lt;b&gt;"]
    assert channel["messages"][1]["files"][0]["size"] == 3
    assert channel["messages"][2]["reactions"][0]["name"] == "eyes"
    assert [each["kind"] for each in seen["deliveries"]] == ["command", "interaction"]


async def test_mischief_is_turned_on_and_off_over_the_wire(remote: Remote) -> None:
    knobs = await remote("mischief", lose=1, delay_s=0.5)
    assert (knobs["lose"], knobs["delay_s"], knobs["faults"]) == (1, 0.5, [])
    knobs = await remote("mischief", lose=0, delay_s=0)
    assert (knobs["lose"], knobs["delay_s"]) == (0, 0.0)
    knobs = await remote("mischief", fault="answer", method="auth.test", status=503, times=2)
    assert [(each["method"], each["status"]) for each in knobs["faults"]] == [("auth.test", 503)]
    await remote("mischief", down=True)
    assert remote.slack.down
    await remote("mischief", down=False)
    await remote("drop_sockets")
    await remote("disconnect_sockets")


@pytest.mark.parametrize(
    ("verb", "args", "says"),
    [
        ("command", {"user": "Eve", "channel": "incidents", "name": "/mx"}, "user 'Eve' is nobody's"),
        ("command", {"user": "Ada", "channel": "x", "name": "/mx"}, "channel 'x' is nobody's"),
        ("command", {"user": "Ada"}, "missing a required argument: 'channel'"),
        ("say", {"user": "Ada", "channel": "incidents", "text": "x", "loud": True}, "unexpected keyword"),
        ("click", {"user": "Ada", "channel": "incidents", "message_ts": "1", "button": "x"}, "no message 1"),
        ("attach", {"user": "Ada", "channel": "incidents", "name": "x", "content": "?"}, "base64"),
        ("mischief", {"chaos": 1}, "no knob 'chaos'"),
        ("mischief", {"lose": -1}, "not negative"),
        ("mischief", {"fault": "burn"}, "fault is one of"),
        ("mischief", {"fault": "late", "method": "x", "seconds": "long"}, "no seconds that is 'long'"),
    ],
)
async def test_what_cannot_be_done_is_said(remote: Remote, verb: str, args: Json, says: str) -> None:
    assert says in await remote(verb, expected=400, **args)


async def test_only_verbs_of_the_table_can_be_asked_for(remote: Remote) -> None:
    for verb in ("until", "redeliver", "start", "__init__", "_act"):
        assert "there is:" in await remote(verb, expected=404)
    assert all(callable(getattr(remote.slack, verb)) for verb in VERBS)


async def test_a_page_of_somebody_else_cannot_drive(remote: Remote) -> None:
    async def status(**headers: str) -> int:
        return await remote.raw("drop_sockets", json={}, headers=headers)

    assert await status(Origin="https://evil.example") == 403
    assert await status(Host="evil.example") == 403
    assert await remote.raw("drop_sockets", data={"a": "b"}) == 403
    assert await remote.raw("mischief", data={"a": "b"}) == 403
    assert await remote.raw("say", data=b"[", headers={"Content-Type": "application/json"}) == 400
    assert await remote.raw("say", json=[]) == 400
    assert await status() == 200
