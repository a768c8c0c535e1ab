"""The pages of incidents over a real socket: who is let in, what stands there, and news that nobody misses."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.notebook import MessageKept
from bot.page_links import LIST, PageLinks
from bot.web import incident_page
from tests.facts import EVERY_FACT, INCIDENT, NINE, assessment
from tests.web.pages_scene import ANN, BEN, SECRET, PagesScene, pages_scene

PATIENCE_S = 10.0


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[PagesScene]:
    async with pages_scene(tmp_path) as scene:
        yield scene


def somebody() -> aiohttp.ClientSession:
    """A browser of somebody: it keeps cookies, of an address without a name too."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(total=PATIENCE_S)
    )


@asynccontextmanager
async def let_in(link: str | None) -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody who opened this link."""
    assert link is not None
    async with somebody() as http:
        async with http.get(link) as answer:
            assert answer.status == 200, await answer.text()
        yield http


def key_of(link: str | None) -> str:
    return parse_qs(urlsplit(link or "").query)["key"][0]


async def read(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(url) as answer:
        return answer.status, await answer.text()


async def test_a_link_sets_a_cookie_and_leads_on_to_an_address_without_its_key(scene: PagesScene) -> None:
    await scene.story()
    link = scene.links.incident(INCIDENT) or ""
    async with somebody() as http:
        async with http.get(link, allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == f"./{INCIDENT}"
            (cookie,) = answer.headers.getall("Set-Cookie")
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
        assert re.fullmatch(
            rf"mx_incident={re.escape(key_of(link))}; HttpOnly; Max-Age=561\d\d\d; Path=/incidents/{INCIDENT}; SameSite=Lax",
            cookie,
        )
        async with http.get(link) as answer:
            assert (answer.status, str(answer.url)) == (200, f"{scene.url}/incidents/{INCIDENT}")
            shown = await answer.text()
            policy = answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Robots-Tag"].startswith("noindex")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "429 on every endpoint" in shown
        assert key_of(link) not in shown
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy


async def test_behind_https_the_cookie_is_secure_and_keeps_to_the_paths_of_the_public_address(
    tmp_path: Path,
) -> None:
    async with pages_scene(tmp_path, public_url="https://mx.example/ops") as scene:
        await scene.story()
        key = key_of(scene.links.incident(INCIDENT))
        async with somebody() as http:
            address = f"http://127.0.0.1:{scene.port}/incidents/{INCIDENT}?key={key}"
            async with http.get(address, allow_redirects=False) as answer:
                (cookie,) = answer.headers.getall("Set-Cookie")
    assert f"Path=/ops/incidents/{INCIDENT}; SameSite=Lax; Secure" in cookie


async def test_whoever_has_no_good_key_reads_the_same_whatever_is_wrong(scene: PagesScene) -> None:
    await scene.story()
    page = f"{scene.url}/incidents/{INCIDENT}"
    good = key_of(scene.links.incident(INCIDENT))
    tampered = ("A" if good[0] != "A" else "B") + good[1:]
    other = key_of(scene.links.incident("mx-20261123-0000"))
    forged = key_of(PageLinks(scene.url, SECRET + "!", days=7, clock=scene.clock).incident(INCIDENT))
    asked = [
        page,
        f"{page}?key=",
        f"{page}?key={tampered}",
        f"{page}?key={other}",
        f"{page}?key={forged}",
        f"{page}?key={key_of(scene.links.list())}",
        f"{scene.url}/incidents/mx-20261123-0000?key={good}",
        f"{scene.url}/incidents/mx-20261123-0000",
        f"{scene.url}/incidents/%3Cscript%3E",
    ]
    async with somebody() as http:
        told = {await read(http, url) for url in asked}
        assert len(told) == 1
        ((status, text),) = told
        assert (status, "/mx status" in text, "script" in text) == (403, True, False)
        assert (await read(http, f"{page}/events"))[0] == 403
    async with let_in(scene.links.list()) as http:
        nowhere = await read(http, f"{scene.url}/incidents/mx-20261123-0000")
    assert nowhere == (status, text), "an incident that is not there, for who may see all that are"
    scene.clock.wind(7 * 86400)
    async with somebody() as http:
        assert await read(http, f"{page}?key={good}") == (status, text)


async def test_a_cookie_ends_with_its_key_and_opens_no_other_incident(scene: PagesScene) -> None:
    await scene.story()
    async with let_in(scene.links.incident(INCIDENT)) as http:
        page = f"{scene.url}/incidents/{INCIDENT}"
        assert (await read(http, page))[0] == 200
        assert (await read(http, f"{page}?key=over"))[0] == 200, "an old link of who is let in anyway"
        assert (await read(http, f"{scene.url}/{LIST}"))[0] == 403
        scene.clock.wind(7 * 86400)
        assert (await read(http, page))[0] == 403
        assert (await read(http, f"{page}/events"))[0] == 403


async def test_without_a_secret_nothing_is_shown_and_the_page_names_the_variable(tmp_path: Path) -> None:
    async with pages_scene(tmp_path, secret=None) as scene, somebody() as http:
        await scene.story()
        for path in (f"incidents/{INCIDENT}", "incidents", f"incidents/{INCIDENT}?key=a.b"):
            status, text = await read(http, f"{scene.url}/{path}")
            assert (status, "MX_LINK_SECRET" in text, "429" in text) == (403, True, False)


async def test_every_fact_is_a_line_with_its_number_its_sort_and_who(scene: PagesScene) -> None:
    await scene.every_fact()
    async with let_in(scene.links.incident(INCIDENT)) as http:
        _, text = await read(http, f"{scene.url}/incidents/{INCIDENT}")
    numbers = [int(found) for found in re.findall(r'id="line-(\d+)"', text)]
    assert numbers == [*range(len(EVERY_FACT), 0, -1)], "the latest at the top"
    assert set(re.findall(r'data-sort="(\w+)"', text)) == {"people", "mitigations", "pages", "probes", "mx"}
    assert "Ann Abel" in text
    assert "slack:U" not in text
    for probe in ("/workorders", "HTTP 429 three times out of three", "12 of 12 requests"):
        assert probe in text


async def test_what_people_and_outsiders_wrote_is_shown_and_never_markup(scene: PagesScene) -> None:
    evil = '<img src=x onerror=alert(1)> & "quotes" \''
    bad = assessment()
    finding = bad.findings[0].model_copy(update={"symptom": evil, "evidence": (evil,)})
    await scene.write(e.IncidentOpened(integration="default"))
    await scene.write(e.Assessed(assessment=bad.model_copy(update={"findings": (finding,)})))
    await scene.write(e.NoteAdded(text=evil), actor="cli:<b>@host")
    kept = MessageKept(
        channel="C0123",
        message="1.2",
        author=evil,
        said_at=NINE,
        text=evil,
        by="emoji",
        permalink="javascript:alert(1)",
    )
    await scene.write(kept, actor=ANN)
    async with let_in(scene.links.incident(INCIDENT)) as http:
        _, text = await read(http, f"{scene.url}/incidents/{INCIDENT}")
    assert "<img" not in text
    assert "<b>" not in text
    assert "javascript:" not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") >= 5


async def test_both_times_of_a_line_are_told_where_they_differ_and_the_way_to_slack(
    scene: PagesScene,
) -> None:
    await scene.write(e.IncidentOpened(integration="default"))
    await scene.write(
        e.NoteAdded(text="told by phone"), actor=BEN, at=scene.clock.now() - timedelta(minutes=9)
    )
    (kept,) = [fact for fact in EVERY_FACT if fact.kind == "message_kept"]
    (card,) = [fact for fact in EVERY_FACT if fact.kind == "card_posted"]
    await scene.write(kept, card, actor=ANN)
    async with let_in(scene.links.incident(INCIDENT)) as http:
        _, text = await read(http, f"{scene.url}/incidents/{INCIDENT}")
    lines = {int(n): body for n, body in re.findall(r'(?s)id="line-(\d+)"(.*?)</li>', text)}
    assert "written down" not in lines[1]
    assert re.search(r">11:51:\d\d<.*written down <time [^>]*>12:00:\d\d<", lines[2], re.DOTALL)
    assert re.search(r">09:00:00<.*Ben|put here by Ann Abel, with an emoji", lines[3], re.DOTALL)
    assert "https://team.slack.com/archives/C0123/p1700000000000300" in lines[3]
    assert "https://team.slack.com/archives/C0123/p1700000000000100" in lines[4]


class Stream:
    """What a page hears, event by event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> dict[str, str]:
        """The next event that says something; empty at the end."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found: dict[str, str] = {}
                while line := (await self._answer.content.readline()).decode():
                    if line == "\n":
                        break
                    name, _, value = line.rstrip("\n").partition(": ")
                    found[name] = value
                if found.get("event") == "news" or (not found and self._answer.content.at_eof()):
                    return found

    async def news(self) -> Any:
        """What is new, as the script reads it."""
        return json.loads((await self.next())["data"])


def listening_to(
    http: aiohttp.ClientSession, scene: PagesScene, **headers: str
) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
    return http.get(
        f"{scene.url}/incidents/{INCIDENT}/events",
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )


async def test_a_fact_reaches_an_open_page_with_what_stands_above_it(scene: PagesScene) -> None:
    await scene.story()
    async with (
        let_in(scene.links.incident(INCIDENT)) as http,
        listening_to(http, scene, Last_Event_ID="14") as answer,
    ):
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        stream = Stream(answer)
        await scene.write(e.SeveritySet(severity=Severity.SEV1, reason="all plants"), actor=BEN)
        told = await stream.news()
    assert [one["number"] for one in told["lines"]] == [15]
    assert "Severity set to SEV-1: all plants" in told["lines"][0]["html"]
    assert "Ben Bo set SEV-1" in told["above"]
    assert told["title"] == "SEV-1: 429 on every endpoint"


async def test_whoever_comes_back_hears_what_was_missed_and_no_more(scene: PagesScene) -> None:
    await scene.story()
    async with let_in(scene.links.incident(INCIDENT)) as http:
        async with listening_to(http, scene, Last_Event_ID="12") as answer:
            event = await Stream(answer).next()
            assert (event["id"], [one["number"] for one in json.loads(event["data"])["lines"]]) == (
                "14",
                [13, 14],
            )
        await scene.stop()
        await scene.write(e.NoteAdded(text="while it was away"), actor=ANN)
        await scene.start()
        async with listening_to(http, scene, Last_Event_ID="14") as answer:
            assert [one["number"] for one in (await Stream(answer).news())["lines"]] == [15]
        async with http.get(f"{scene.url}/incidents/{INCIDENT}/events?after=13") as answer:
            assert [one["number"] for one in (await Stream(answer).news())["lines"]] == [14, 15]
        for nonsense in ("-1", "x", "9" * 30, "٣"):
            async with http.get(
                f"{scene.url}/incidents/{INCIDENT}/events", params={"after": nonsense}
            ) as answer:
                assert len((await Stream(answer).news())["lines"]) == 15


async def test_a_redaction_reaches_the_line_on_a_page_that_is_open(scene: PagesScene) -> None:
    await scene.story()
    async with let_in(scene.links.incident(INCIDENT)) as http:
        assert "nightly asset sync" in (await read(http, f"{scene.url}/incidents/{INCIDENT}"))[1]
        async with listening_to(http, scene, Last_Event_ID="14") as answer:
            await scene.write(e.Redacted(version=6, reason="a name"), actor=ANN)
            told = await Stream(answer).news()
        assert [one["number"] for one in told["lines"]] == [6, 15]
        assert "Redacted" in told["lines"][0]["html"]
        assert "[redacted by Ann Abel]" in told["lines"][0]["html"]
        text = (await read(http, f"{scene.url}/incidents/{INCIDENT}"))[1]
    assert "nightly asset sync" not in text + json.dumps(told)


async def test_a_redacted_message_leads_nowhere(scene: PagesScene) -> None:
    await scene.story()
    async with let_in(scene.links.incident(INCIDENT)) as http:
        page = f"{scene.url}/incidents/{INCIDENT}"
        assert "p1700000000000300" in (await read(http, page))[1]
        await scene.write(e.Redacted(version=13, reason="a name"), actor=ANN)
        text = (await read(http, page))[1]
    assert not [gone for gone in ("p1700000000000300", "graph.png", "files/F1") if gone in text]


async def test_a_quiet_stream_beats_and_ends_after_its_time(
    scene: PagesScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_page, "_BEAT_S", 0.05)
    monkeypatch.setattr(incident_page, "_LONGEST_S", 0.5)
    await scene.story()
    async with (
        let_in(scene.links.incident(INCIDENT)) as http,
        listening_to(http, scene, Last_Event_ID="14") as answer,
    ):
        text = (await answer.read()).decode()
    assert text.startswith("retry: 1500\n\n")
    assert text.count("event: beat\ndata: 2026-11-23T12:") > 2
    assert "event: news" not in text


async def test_open_pages_are_counted_and_a_stop_waits_for_none_of_them(tmp_path: Path) -> None:
    async with pages_scene(tmp_path, most=2) as scene:
        await scene.story()
        async with let_in(scene.links.incident(INCIDENT)) as http:
            async with listening_to(http, scene) as one, listening_to(http, scene) as two:
                await Stream(one).news()
                await Stream(two).news()
                async with listening_to(http, scene) as three:
                    assert (three.status, three.headers["Retry-After"]) == (503, "30")
                began = asyncio.get_running_loop().time()
                await scene.stop()
                assert asyncio.get_running_loop().time() - began < 1.5
                assert await Stream(one).next() == {}
            await scene.start()
            assert scene.live is not None
            async with listening_to(http, scene) as again:
                assert (again.status, scene.live.open) == (200, 1)


async def test_a_page_that_is_closed_gives_its_place_back(scene: PagesScene) -> None:
    await scene.story()
    async with let_in(scene.links.incident(INCIDENT)) as http:
        async with listening_to(http, scene) as answer:
            await Stream(answer).news()
        assert scene.live is not None
        async with asyncio.timeout(PATIENCE_S):
            while scene.live.open:
                await scene.write(e.NoteAdded(text="who hears this?"))
                await asyncio.sleep(0.05)


async def test_slack_that_does_not_say_a_name_costs_a_moment_once(tmp_path: Path) -> None:
    async with pages_scene(tmp_path, names_hang=True) as scene:
        await scene.story()
        async with let_in(scene.links.incident(INCIDENT)) as http:
            began = asyncio.get_running_loop().time()
            _, text = await read(http, f"{scene.url}/incidents/{INCIDENT}")
            await scene.write(e.NoteAdded(text="more"), actor=BEN)
            await read(http, f"{scene.url}/incidents/{INCIDENT}")
            assert asyncio.get_running_loop().time() - began < 1.0
    assert "U0ANN" in text


async def test_styles_and_scripts_come_from_the_package_and_are_asked_for_by_their_content(
    scene: PagesScene,
) -> None:
    async with somebody() as http:
        for name, kind in (("mx.css", "text/css"), ("incident.js", "text/javascript")):
            async with http.get(f"{scene.url}/static/{name}") as answer:
                assert (answer.status, answer.content_type) == (200, kind)
                etag = answer.headers["ETag"]
            async with http.get(f"{scene.url}/static/{name}", headers={"If-None-Match": etag}) as answer:
                assert (answer.status, await answer.read()) == (304, b"")
        for nowhere in ("nothing.css", "..%2Fentry.py", "__init__.py"):
            assert (await read(http, f"{scene.url}/static/{nowhere}"))[0] == 404
