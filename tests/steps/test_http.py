"""The step ``http`` against a real server: what it sends, shows, refuses, takes back and cannot know."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import JsonValue

from bot.demo.door import Door
from bot.errors import OutsideError
from bot.outgoing import Lost, Unsent
from bot.ports import StepContext
from bot.steps.http import HttpStep

STEP = HttpStep()
TOKEN = "s3cr3t-t0ken-of-the-team"


@dataclass
class Desk:
    """The team's own service: a switch that is on or off, and everything that it was sent."""

    door: Door | None = None
    on: bool = False
    mode: str = "well"
    seen: list[tuple[str, str, str | None, str]] = field(default_factory=list)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.text()
        self.seen.append((request.method, request.path_qs, request.headers.get("Authorization"), body))
        if self.mode == "redirect":
            return web.Response(status=302, headers={"Location": "http://elsewhere.example/taken?t=1"})
        if self.mode == "refuse":
            return web.Response(status=409, text="the queue\x07 is\nbusy")
        if request.method == "GET":
            return web.Response(status=503 if self.mode == "ill" else 200 if self.on else 404)
        self.on = request.method != "DELETE"
        if self.mode == "hang up" and request.transport is not None:
            request.transport.abort()
        echo = request.headers.get("Authorization", "")
        return web.Response(status=202, text=f"on\x1b[31m for {echo} " + "x" * 5000)

    @property
    def url(self) -> str:
        assert self.door is not None
        return self.door.url


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    async with Door.open(desk.serve) as desk.door:
        yield desk


def context(**values: JsonValue) -> StepContext:
    return StepContext(incident="mx-1", run="run-1", playbook="own", actor="slack:U1", values=values)


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"method": "POST"}, "url: it is missing; write an address"),
        ({"url": "http://a.example/"}, "method: it is missing; write "),
        ({"method": "BREW", "url": "http://a.example"}, "method: 'BREW' does not fit"),
        ({"method": "GET", "url": "ftp://a.example"}, "url: 'ftp://a.example' does not fit"),
        ({"method": "GET", "url": "http://me:pass@a.example"}, "without a name or password in it"),
        (
            {"method": "GET", "url": "http://a.example", "headers": {"Authorization": "x"}},
            "write bearer_file",
        ),
        ({"method": "GET", "url": "http://a.example", "headers": {"X-Api-Key": "x"}}, "write bearer_file"),
        ({"method": "GET", "url": "http://a.example", "headers": {"X-Team": "${TEAM}"}}, "are not read here"),
        ({"method": "GET", "url": "http://a.example", "headers": {"X-A": "a\r\nX-B: c"}}, "printable ASCII"),
        ({"method": "GET", "url": "http://a.example", "json": {}, "body": ""}, "body: there is json too"),
        ({"method": "GET", "url": "http://a.example", "expect": [20]}, "write a list of HTTP statuses"),
        ({"method": "GET", "url": "http://a.example", "undo_json": {}}, "undo_json: there is no undo_url"),
        ({"method": "GET", "url": "http://a.example", "bearer_file": "token"}, "write the whole path"),
    ],
)
def test_its_values_are_checked(table: dict[str, JsonValue], fault: str) -> None:
    faults = STEP.check(table)
    assert len(faults) == 1, faults
    assert fault in faults[0]


async def test_the_plan_says_what_is_sent_and_hides_the_query(desk: Desk) -> None:
    planned = await STEP.plan(context(method="POST", url=f"{desk.url}/jobs?sig=abc"))
    host = desk.url.removeprefix("http://")
    assert planned.says == f"send POST {host}/jobs"
    assert planned.touches == "what it changes is not known to mx: it is your own request"
    assert planned.undo_says is None
    assert desk.seen == []
    planned = await STEP.plan(context(method="POST", url=f"{desk.url}/jobs", undo_url=f"{desk.url}/jobs"))
    assert planned.undo_says == f"send DELETE {host}/jobs"


async def test_it_sends_and_shows_the_answer_without_control_characters_or_the_token(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    values = context(
        method="POST",
        url=f"{desk.url}/jobs",
        json={"rate": 1},
        bearer_file=str(file),
        headers={"X-Team": "a"},
    )
    result = await STEP.act(values, {})
    assert result.outcome == "done"
    assert desk.seen == [("POST", "/jobs", f"Bearer {TOKEN}", '{"rate":1}')]
    host = desk.url.removeprefix("http://")
    start = f"POST {host}/jobs answered 202: "
    assert result.says.startswith(start + "on [31m for Bearer [redacted] xxx")
    assert len(result.says) == len(start) + 200
    assert TOKEN not in str(result)
    assert result.says.isprintable()


@pytest.mark.parametrize(
    ("mode", "text", "says"),
    [
        (0o640, TOKEN, "others may read it too (mode 640); chmod 600 it"),
        (0o600, " \n", "it is empty or no token"),
        (0o600, "two words", "it is empty or no token"),
    ],
)
async def test_a_token_file_that_is_not_fit_is_refused_before_anything_is_sent(
    desk: Desk, tmp_path: Path, mode: int, text: str, says: str
) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(OutsideError) as told:
        await STEP.act(context(method="POST", url=desk.url, bearer_file=str(file)), {})
    assert says in str(told.value)
    assert TOKEN not in str(told.value)
    assert desk.seen == []


async def test_a_missing_token_file_is_told_in_the_plan(desk: Desk, tmp_path: Path) -> None:
    planned = await STEP.plan(context(method="POST", url=desk.url, bearer_file=str(tmp_path / "none")))
    assert "no such file" in planned.warnings[0]


async def test_another_status_than_expected_is_failed(desk: Desk) -> None:
    desk.mode = "refuse"
    result = await STEP.act(context(method="POST", url=f"{desk.url}/jobs"), {})
    assert result.outcome == "failed"
    assert result.says.endswith("/jobs answered 409: the queue is busy; the playbook expects a 2xx")
    result = await STEP.act(context(method="POST", url=f"{desk.url}/jobs", expect=[409]), {})
    assert result.outcome == "done"


async def test_no_redirect_to_another_host_is_followed(desk: Desk) -> None:
    desk.mode = "redirect"
    result = await STEP.act(context(method="GET", url=f"{desk.url}/jobs"), {})
    assert result.outcome == "failed"
    assert "it points to elsewhere.example/taken, and mx follows no redirect" in result.says
    assert len(desk.seen) == 1


async def test_a_connection_that_is_refused_was_surely_not_done() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(Unsent) as told:
            await STEP.act(context(method="POST", url=f"http://127.0.0.1:{port}/jobs"), {})
    assert "nothing can be reached there" in str(told.value)
    assert "may have" not in str(told.value)


async def test_a_lost_answer_may_have_been_done(desk: Desk) -> None:
    desk.mode = "hang up"
    with pytest.raises(Lost) as told:
        await STEP.act(context(method="POST", url=f"{desk.url}/jobs"), {})
    assert "it may have arrived all the same. Look at 127.0.0.1 whether it was done" in str(told.value)
    assert desk.on


async def test_undo_sends_what_the_playbook_says(desk: Desk) -> None:
    desk.on = True
    values = context(method="POST", url=f"{desk.url}/jobs", undo_url=f"{desk.url}/jobs/1")
    result = await STEP.undo(replace(values, run="run-2", undoes="run-1"), {})
    assert result is not None
    assert result.outcome == "done"
    assert [seen[:2] for seen in desk.seen] == [("DELETE", "/jobs/1")]
    assert not desk.on
    without = await STEP.undo(context(method="POST", url=desk.url), {})
    assert without is not None
    assert (without.outcome, without.says) == (
        "failed",
        "it cannot be taken back: the playbook has no undo_url",
    )


async def test_after_a_crash_the_check_url_decides(desk: Desk) -> None:
    values = context(method="POST", url=f"{desk.url}/jobs", check_url=f"{desk.url}/jobs/1")
    for on, undoes, outcome in (
        (True, None, "done"),
        (False, None, "failed"),
        (True, "run-1", "failed"),
        (False, "run-1", "done"),
    ):
        desk.on = on
        result = await STEP.observe(replace(values, undoes=undoes))
        assert result is not None
        assert result.outcome == outcome, (on, undoes)
    desk.mode = "ill"
    with pytest.raises(OutsideError):
        await STEP.observe(values)
    assert await STEP.observe(context(method="POST", url=desk.url)) is None
