"""A workspace starts on its own port and leaves nothing behind."""

import ast
import asyncio
from pathlib import Path

import aiohttp
import pytest

from bot.demo.slack import workspace
from bot.demo.slack.limits import DEFAULT_SCOPES, Limits
from bot.demo.slack.workspace import SlackWorkspace
from tests.demo.slack.raw import answers, raw_app


async def test_nothing_runs_on_when_it_stops_in_the_middle_of_everything() -> None:
    before = asyncio.all_tasks()
    async with raw_app() as app, aiohttp.ClientSession() as session:
        app.answer = answers(status=500)
        limits = Limits(ack_s=0.2, event_retries_s=(60.0,))
        async with SlackWorkspace.start(request_url=app.url, limits=limits) as slack:
            ana = slack.add_user("Ana")
            channel = slack.create_channel("incidents", [ana])
            await slack.event({"type": "app_mention", "user": ana, "text": "hi"})
            slack.mischief.delay_s = 60.0
            await slack.command(ana, channel, "/mx", "triage")
            headers = {"Authorization": f"Bearer {slack.app_token}"}
            async with session.post(slack.api_url + "apps.connections.open", headers=headers) as opened:
                socket = await session.ws_connect((await opened.json())["url"])
            assert len(asyncio.all_tasks() - before) > 1
        await socket.close()
        with pytest.raises(aiohttp.ClientError):
            await session.post(slack.api_url + "auth.test")
    assert asyncio.all_tasks() == before


async def test_an_exception_in_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with SlackWorkspace.start():
            raise KeyError("mine")


async def test_two_workspaces_know_nothing_of_each_other() -> None:
    async with (
        SlackWorkspace.start() as one,
        SlackWorkspace.start() as two,
        aiohttp.ClientSession() as session,
    ):
        headers = {"Authorization": f"Bearer {one.bot_token}"}
        async with session.post(two.api_url + "auth.test", headers=headers) as answer:
            assert (await answer.json())["error"] == "invalid_auth"


async def test_until_says_what_did_not_happen() -> None:
    async with SlackWorkspace.start() as slack:
        with pytest.raises(TimeoutError, match=r"waiting 0\.01 s for the card"):
            await slack.until(lambda: slack.calls, timeout_s=0.01, what="the card")


async def test_scopes_and_names() -> None:
    async with SlackWorkspace.start(scopes=frozenset({"commands"})) as slack:
        assert slack.state.scopes < DEFAULT_SCOPES
        ana = slack.add_user("Ana")
        known = [ana, slack.create_channel("incidents", [ana]), slack.add_group("ops", [ana]), "U404"]
        assert [slack.name_of(each) for each in known] == ["Ana", "incidents", "ops", "U404"]


SLACK = Path(workspace.__file__).parent


@pytest.mark.parametrize("module", sorted(SLACK.rglob("*.py")), ids=lambda path: path.name)
def test_the_stand_in_shares_nothing_with_what_it_judges(module: Path) -> None:
    imported = [
        name
        for node in ast.walk(ast.parse(module.read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    ]
    foreign = [
        name
        for name in imported
        if name.split(".")[0] in {"slack_sdk", "slack_bolt"}
        or (name.split(".")[0] == "bot" and not name.startswith(("bot.demo.", "bot.accepting")))
    ]
    assert foreign == []
