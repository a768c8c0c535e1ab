"""Pagers over real HTTP: what is sent, what is tried again, and that no secret is ever told."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from bot.demo.door import Door
from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty
from bot.errors import OutsideError
from bot.pagers.exercise import ExercisePager
from bot.pagers.pagerduty import MOST_BYTES, PagerDuty
from bot.pagers.webhook import WebhookPager
from bot.ports import Page
from tests.wound_clock import WoundClock

PAGE = Page(
    dedup="maintainx:default:mx-1:1",
    summary="SEV-1 MaintainX integration default: nothing answers (mx-1)",
    severity="critical",
    source="mx",
    details={"verdict": "maintainx"},
    link="https://mx.example/incidents/mx-1",
)


@pytest.fixture
async def fake() -> AsyncIterator[FakePagerDuty]:
    async with FakePagerDuty.start() as fake:
        yield fake


@pytest.fixture
def clock() -> WoundClock:
    return WoundClock()


@pytest.fixture
def pager(fake: FakePagerDuty, clock: WoundClock) -> PagerDuty:
    return PagerDuty(SecretStr(ROUTING_KEY), url=fake.url, clock=clock)


async def test_a_page_opens_an_alert_and_its_end_resolves_it(fake: FakePagerDuty, pager: PagerDuty) -> None:
    assert await pager.page(PAGE) == "PagerDuty took the page"
    await pager.page(PAGE)
    (alert,) = fake.alerts
    assert (alert.dedup_key, alert.state, len(alert.events)) == (PAGE.dedup, "triggered", 2)
    assert alert.events[0] == {
        "summary": PAGE.summary,
        "source": "mx",
        "severity": "critical",
        "custom_details": {"verdict": "maintainx"},
    }
    assert fake.seen[0]["links"] == [{"href": PAGE.link, "text": "The incident"}]
    assert "took the end" in await pager.end(PAGE.dedup)
    assert fake.open_alerts() == []


async def test_what_is_too_long_is_shortened_to_pagerdutys_limits(
    fake: FakePagerDuty, pager: PagerDuty
) -> None:
    details = {f"detail {n}": "ü" * 9000 for n in range(200)}
    page = Page(dedup="d" * 300, summary="s" * 3000, severity="error", source="mx", details=details)
    await pager.page(page)
    (alert,) = fake.alerts
    assert len(alert.events[0]["summary"]) == 1024
    assert 1 < len(alert.events[0]["custom_details"]) < 200
    assert len(json.dumps(fake.seen[0])) <= MOST_BYTES
    await pager.end("d" * 299)
    assert len(fake.open_alerts()) == 1  # another key that begins the same is another alert
    await pager.end("d" * 300)
    assert fake.open_alerts() == []


@pytest.mark.parametrize("how", [429, 500, 503, "hang up"])
async def test_429_5xx_and_the_network_are_tried_again(
    fake: FakePagerDuty, pager: PagerDuty, clock: WoundClock, how: int
) -> None:
    fake.failing = [how] * 2
    assert await pager.page(PAGE) == "PagerDuty took the page"
    assert (fake.asked, len(fake.alerts)) == (3, 1)
    assert clock.monotonic() == 1005.0


@pytest.mark.parametrize("how", [429, 503, "hang up"])
async def test_one_call_ends_after_three_tries(fake: FakePagerDuty, pager: PagerDuty, how: int) -> None:
    fake.failing = [how] * 9
    with pytest.raises(OutsideError) as told:
        await pager.page(PAGE)
    assert str(told.value).endswith("(3 tries)")
    assert not told.value.permanent
    assert fake.asked == 3


async def test_what_was_done_and_not_answered_is_joined_by_the_next_try(
    fake: FakePagerDuty, pager: PagerDuty
) -> None:
    fake.failing = ["lose"]
    assert await pager.page(PAGE) == "PagerDuty took the page"
    (alert,) = fake.alerts
    assert len(alert.events) == 2


async def test_every_event_is_as_pagerduty_describes_it(fake: FakePagerDuty, pager: PagerDuty) -> None:
    await pager.page(PAGE)
    await pager.acknowledge(PAGE.dedup)
    await pager.page(replace(PAGE, link=None, details={}))
    await pager.end(PAGE.dedup)
    schema = json.loads((Path(__file__).parent / "golden" / "pagerduty-event.schema.json").read_text("utf-8"))
    check = Draft202012Validator(schema)
    assert [event["event_action"] for event in fake.seen] == ["trigger", "acknowledge", "trigger", "resolve"]
    for event in fake.seen:
        check.validate(event)
    assert not check.is_valid({**fake.seen[0], "event_action": "close"})
    assert not check.is_valid({**fake.seen[0], "payload": {"summary": "no severity", "source": "mx"}})


async def test_nobody_listens(fake: FakePagerDuty, pager: PagerDuty) -> None:
    fake.refuse()
    with pytest.raises(OutsideError, match="nothing can be reached there"):
        await pager.page(PAGE)


async def test_a_400_is_told_at_once_and_without_the_key(fake: FakePagerDuty, clock: WoundClock) -> None:
    for key in ("f" * 32, "a-key-that-was-cut-off"):
        pager = PagerDuty(SecretStr(key), url=fake.url, clock=clock)
        with pytest.raises(OutsideError) as told:
            await pager.page(PAGE)
        assert "it answered 400" in str(told.value)
        assert "is PAGERDUTY_ROUTING_KEY the integration key" in str(told.value)
        assert told.value.permanent
        assert key not in f"{told.value!r} {pager!r} {vars(pager)}"
    assert fake.asked == 2
    assert clock.monotonic() == 1000.0


class Hook:
    """Another pager: it keeps what it is sent, and repeats its secrets in a refusal."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.seen: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(await request.read())
        self.headers.append(dict(request.headers))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(
            status=status, text=f"for {self.headers[-1].get('Authorization')} at {request.path}"
        )


@pytest.fixture
async def hook() -> AsyncIterator[tuple[Hook, SecretStr]]:
    hook = Hook()
    async with Door.open(hook.serve) as door:
        yield hook, SecretStr(f"{door.url}/hooks/opens-it")


async def test_any_other_pager_takes_json(clock: WoundClock, hook: tuple[Hook, SecretStr]) -> None:
    there, url = hook
    pager = WebhookPager(url, clock=clock, headers={"Authorization": "Bearer tok-of-the-pager"})
    there.statuses = [503, 201]
    assert await pager.page(PAGE) == "the pager at 127.0.0.1 took the page"
    await pager.acknowledge(PAGE.dedup)
    await pager.end(PAGE.dedup)
    assert [json.loads(body) for body in there.seen[1:]] == [
        {
            "action": "page",
            "dedup": PAGE.dedup,
            "summary": PAGE.summary,
            "severity": "critical",
            "source": "mx",
            "details": {"verdict": "maintainx"},
            "link": PAGE.link,
        },
        {"action": "acknowledge", "dedup": PAGE.dedup},
        {"action": "end", "dedup": PAGE.dedup},
    ]
    assert {one["Authorization"] for one in there.headers} == {"Bearer tok-of-the-pager"}
    assert "X-MX-Signature" not in there.headers[0]
    there.statuses = [403]
    with pytest.raises(OutsideError) as told:
        await pager.page(PAGE)
    assert "it answered 403" in str(told.value)
    assert "look at page_url in mx.toml" in str(told.value)
    assert "tok-of-the-pager" not in str(told.value)
    assert len(there.seen) == 5, "a refusal is not repeated"


async def test_an_address_that_opens_something_is_never_told(clock: WoundClock) -> None:
    pager = WebhookPager(SecretStr("http://127.0.0.1:9/hooks/opens-it"), clock=clock)
    with pytest.raises(OutsideError) as told:
        await pager.page(PAGE)
    assert "opens-it" not in f"{told.value} {pager!r}"


async def test_the_body_is_signed_with_its_time(clock: WoundClock, hook: tuple[Hook, SecretStr]) -> None:
    there, url = hook
    pager = WebhookPager(url, clock=clock, secret=SecretStr("s3cret-of-the-pager"))
    await pager.page(PAGE)
    at, _, signature = there.headers[0]["X-MX-Signature"].partition(",v1=")
    assert at == f"t={int(clock.now().timestamp())}"
    expected = hmac.new(b"s3cret-of-the-pager", at[2:].encode() + b"." + there.seen[0], hashlib.sha256)
    assert hmac.compare_digest(signature, expected.hexdigest())


async def test_a_template_of_the_teams_own_makes_the_json(
    clock: WoundClock, hook: tuple[Hook, SecretStr], tmp_path: Path
) -> None:
    there, url = hook
    file = tmp_path / "page.json.j2"
    file.write_text(
        '{% if action == "page" %}{"title": {{ summary | tojson }}, "prio": {{ 1 if severity == "critical" else 3 }},\n'
        ' "about": {{ details | tojson }}, "alias": {{ dedup | tojson }}}\n'
        '{% else %}{"close": {{ (action == "end") | tojson }}, "alias": {{ dedup | tojson }}}{% endif %}',
        "utf-8",
    )
    pager = WebhookPager(url, clock=clock, template=file)
    assert pager.faults == ()
    nasty = replace(PAGE, summary='"}, {"prio": 9, \\ \n</script>')
    await pager.page(nasty)
    await pager.end(PAGE.dedup)
    assert [json.loads(body) for body in there.seen] == [
        {"title": nasty.summary, "prio": 1, "about": {"verdict": "maintainx"}, "alias": PAGE.dedup},
        {"close": True, "alias": PAGE.dedup},
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": {{ summary | tojson }}\n{% if %}}', "line 2: "),
        ('{"a": {{ summary | tojson }},\n\n"b": {{ sumary | tojson }}}', "line 3: UndefinedError: 'sumary'"),
        ('{"a": "{{ summary }}"}', "is not JSON; write values as {{ summary | tojson }}"),
        ("{{ ''.__class__.__mro__ | tojson }}", "line 1: SecurityError"),
        ("{{ 1 / 0 }}", "line 1: ZeroDivisionError"),
        ("{{ details.verdict.nothing.at_all | tojson }}", "line 1: UndefinedError"),
    ],
)
async def test_a_broken_template_names_its_line_and_mx_own_form_is_sent(
    clock: WoundClock, hook: tuple[Hook, SecretStr], tmp_path: Path, text: str, says: str
) -> None:
    there, url = hook
    file = tmp_path / "page.json.j2"
    file.write_text(text, "utf-8")
    pager = WebhookPager(url, clock=clock, template=file)
    (fault,) = pager.faults
    assert says in fault
    assert fault.startswith(f"page_template {file}, line ")
    assert fault.endswith("until then mx's own form is sent")
    await pager.page(PAGE)
    assert json.loads(there.seen[0])["action"] == "page"


async def test_a_template_that_fails_on_one_page_loses_none(
    clock: WoundClock, hook: tuple[Hook, SecretStr], tmp_path: Path
) -> None:
    there, url = hook
    file = tmp_path / "page.json.j2"
    file.write_text('{"v": {{ (details["verdict"] if action == "page" else "") | tojson }}}', "utf-8")
    pager = WebhookPager(url, clock=clock, template=file)
    assert pager.faults == ()
    await pager.page(replace(PAGE, details={}))
    assert json.loads(there.seen[0])["dedup"] == PAGE.dedup
    gone = WebhookPager(url, clock=clock, template=tmp_path / "none.j2")
    assert "name a file that is there" in gone.faults[0]


async def test_the_pager_of_a_drill_takes_everything_and_says_that_nobody_was_woken() -> None:
    pager = ExercisePager()
    assert "nobody was" in await pager.page(PAGE)
    assert "drill" in await pager.acknowledge("d")
    assert "drill" in await pager.end("d")
