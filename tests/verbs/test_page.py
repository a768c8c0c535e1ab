"""``mx page --test``: a real page to each pager and its end, without Slack and without the bot."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.config import load
from bot.demo.door import Door
from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty
from bot.verbs.page import configured_pagers
from tests.paging_scene import SECOND_KEY
from tests.verbs.terminal import Ended, mx


class Town:
    """PagerDuty with two services, another pager, and a folder with the settings of all three."""

    def __init__(self, fake: FakePagerDuty, door: Door, folder: Path) -> None:
        self.fake, self.door, self.folder = fake, door, folder
        self.env = {
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_EVENTS_URL": fake.url,
            "NO_PROXY": "127.0.0.1",
        }
        (folder / "mx.toml").write_text(
            f'[bot]\nescalation_keys = ["{SECOND_KEY}"]\npage_url = "{door.url}/page-me"\n', "utf-8"
        )

    async def mx(self, *argv: str) -> Ended:
        return await mx("page", *argv, env=self.env, folder=self.folder)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=204 if request.path == "/page-me" else 500)

    async with FakePagerDuty.start() as fake, Door.open(serve) as door:
        fake.routing_keys.add(SECOND_KEY)
        yield Town(fake, door, tmp_path)


async def test_every_pager_is_paged_and_the_page_is_ended_again(town: Town) -> None:
    ended = await town.mx("--test")
    assert (ended.code, ended.err) == (0, "")
    assert [line[:3] for line in ended.out.splitlines()] == ["ok ", "ok ", "ok "]
    assert "PagerDuty, level 2 (pager 2 of 3): PagerDuty, level 2 took the page; " in ended.out
    assert "the pager at 127.0.0.1 (pager 3 of 3)" in ended.out
    assert [(alert.routing_key, alert.state) for alert in town.fake.alerts] == [
        (ROUTING_KEY, "resolved"),
        (SECOND_KEY, "resolved"),
    ]
    assert town.fake.alerts[0].events[0]["severity"] == "info"
    assert town.fake.alerts[0].dedup_key.startswith("maintainx:test:")
    assert not (town.folder / "mx.db").exists()
    again = await town.mx("--test", "--pager", "2")
    assert (again.code, len(again.out.splitlines())) == (0, 1)
    assert len({alert.dedup_key for alert in town.fake.alerts}) == 3, "each test is an alert of its own"


async def test_one_that_does_not_take_it_is_named_and_the_others_are_tried(town: Town) -> None:
    town.fake.broken.add(ROUTING_KEY)
    town.fake.routing_keys.discard(SECOND_KEY)
    ended = await town.mx("--test")
    assert ended.code == 1
    assert [line[:3] for line in ended.out.splitlines()] == ["fix", "fix", "ok "]
    assert "it answered 503" in ended.out
    assert "is PAGERDUTY_ROUTING_KEY the integration key" in ended.out
    assert SECOND_KEY not in ended.out


async def test_with_no_pager_it_says_what_to_set(tmp_path: Path) -> None:
    ended = await mx("page", "--test", env={}, folder=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "set PAGERDUTY_ROUTING_KEY, or page_url in mx.toml" in ended.err


async def test_what_it_is_not_for(town: Town) -> None:
    bare = await town.mx()
    assert (bare.code, "mx page --test" in bare.err) == (2, True)
    beyond = await town.mx("--test", "--pager", "4")
    assert (beyond.code, "there is no pager 4; configured: 3" in beyond.err) == (2, True)
    assert town.fake.seen == []


def test_the_lines_for_the_doctor(tmp_path: Path) -> None:
    assert [*configured_pagers(load(env={}, folder=tmp_path))] == [
        (
            "pagers",
            "none: nobody is woken, whatever happens",
            "set PAGERDUTY_ROUTING_KEY, or page_url in mx.toml",
        )
    ]
    (tmp_path / "mx.toml").write_text(
        '[bot]\npage_url = "https://pager.example/x"\npage_template = "page.j2"\n', "utf-8"
    )
    (tmp_path / "page.j2").write_text('{"a": {{ nothing | tojson }}}', "utf-8")
    first, webhook, last = configured_pagers(
        load(env={"PAGERDUTY_ROUTING_KEY": ROUTING_KEY}, folder=tmp_path)
    )
    assert first == ("pager 1", "PagerDuty; to try it: mx page --test --pager 1", None)
    assert "line 1: UndefinedError: 'nothing' is undefined" in webhook[1]
    assert webhook[2] == "correct the template, then: mx page --test"
    assert last[0] == "PagerDuty's webhooks"
    assert "PAGERDUTY_WEBHOOK_SECRET" in str(last[2])
