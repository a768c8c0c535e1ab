"""The picture of an incident: lanes, what was done, the traffic; as SVG that nothing breaks, and as PNG of our own font."""

import itertools
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.fold import replay
from bot.domain.mitigation import Lease
from bot.domain.oncall import PageFailed, PageRequested, PageSent
from bot.domain.readings import Reading, Status
from bot.domain.swimlane import Counted, Look, Swimlane, stretches
from bot.picture import Picture, picture_of, png, svg
from bot.picture_marks import Bar
from bot.templating import Templates
from tests.test_report import ANA, BEGAN, Story, ended, found, outage

MINUTE = timedelta(minutes=1)
TEMPLATES = Templates()
SVG = "{http://www.w3.org/2000/svg}"


def lane(minutes: int) -> Swimlane:
    """An endpoint that fails and recovers, one that is well, one that nobody ever saw; a request a second."""
    looks = [
        Look(
            BEGAN + n * MINUTE,
            {
                ("api", "/workorders"): Status.FAILING if n < minutes / 2 else Status.OK,
                ("api", "/users"): Status.SLOW if n == 3 else Status.OK,
                ("logs", "log"): Status.UNKNOWN,
            },
        )
        for n in range(minutes + 1)
    ]
    traffic = tuple(
        Counted(BEGAN + n * MINUTE, BEGAN + (n + 1) * MINUTE, ok=20, limited=40) for n in range(minutes)
    )
    return Swimlane(stretches(looks, until=BEGAN + minutes * MINUTE), traffic)


def paged(story: Story, minute: float, page: str, *, failed: bool = False) -> Story:
    story.add(
        minute,
        PageRequested(
            page=page,
            action="trigger",
            level=1,
            dedup="d",
            cause="opened",
            severity=Severity.SEV2,
            says="429",
        ),
    )
    if failed:
        return story.add(
            minute, PageFailed(page=page, pager="PagerDuty", tries=3, again_at=None, says="no answer")
        )
    return story.add(minute, PageSent(page=page, pager="PagerDuty", says="taken"))


def drawn(story: Story, lanes: Swimlane | None = None) -> Picture:
    return picture_of(
        replay(story.events),
        story.events,
        lane=lanes,
        zone=ZoneInfo("UTC"),
        now=story.events[-1].at,
        names=lambda actor: {ANA: "Ana"}.get(actor, actor),
    )


def text_of(picture: Picture) -> tuple[ET.Element, str]:
    root = ET.fromstring(svg(picture, TEMPLATES).text)  # noqa: S314 - our own
    return root, " ".join("".join(each.itertext()) for each in root.iter(f"{SVG}text"))


def test_a_lane_for_each_probe_with_what_was_done_above_and_the_traffic_below() -> None:
    picture = drawn(ended(paged(outage(), 2, "p1"), 40), lane(40))
    assert [row.label for row in picture.lanes] == ["/users", "/workorders"]
    assert [one.status for one in picture.lanes[1].segments] == ["failing", "ok"]
    assert [one.status for one in picture.lanes[0].segments] == ["ok", "slow", "ok"]
    assert picture.left_out == "never seen: log"
    assert [bar.text for bar in picture.bars] == ["gateway at 1 request per second"]
    assert picture.bars[0].open
    assert [mark.kind for mark in picture.marks] == ["page", "person", "person"]
    assert (len(picture.columns), picture.most) == (40, "60/min")
    _, words = text_of(picture)
    for said in ("began", "resolved", "Ana: Acknowledged", "PagerDuty paged: 429", "UTC", "failing"):
        assert said in words


LIMITED = "gateway at 1 request per second; asset-sync and report-generator paused for as long as it lasts"


def switched(*spans: tuple[float, float | None], says: str = LIMITED, lasts: float = 10) -> Picture:
    """An incident with one thing on in each span of minutes; no end: still on."""
    story = Story().add(0, e.IncidentOpened(integration="default"))
    for number, (since, until) in enumerate(spans):
        lease = Lease(id=f"l{number}", run="r", playbook="rate-limited", says=says, owner=ANA,
                      reason="429", since=BEGAN + since * MINUTE)  # fmt: skip
        story.add(since, e.StepFinished(run="r", index=0, outcome="done", says=says, started=lease))
        if until is not None:
            story.add(until, e.StepFinished(run="r", index=0, outcome="done", says="off", ended=lease.id))
    return drawn(ended(story, lasts), lane(round(lasts)))


def test_a_label_that_does_not_fit_in_its_bar_stands_beside_it_in_plain_ink() -> None:
    picture = switched((2, 2 + 49 / 60))
    (bar,) = picture.bars
    assert bar.w < 60
    assert bar.place == "after"
    assert bar.label_x > bar.x + bar.w
    assert bar.label.startswith("gateway at 1 request per second; asset-sync")
    assert bar.label_x + bar.label_w < picture.right
    root, _ = text_of(picture)
    inks = {"".join(one.itertext()): one.get("class") for one in root.iter(f"{SVG}text")}
    assert inks[bar.label] == "soft"


def test_a_label_stands_in_a_long_bar_and_before_one_at_the_end() -> None:
    (long,) = switched((1, 9)).bars
    assert (long.place, long.label[-1]) == ("in", "…")
    (last,) = switched((9, 9.8)).bars
    assert last.place == "before"
    assert last.label_x + last.label_w < last.x
    assert switched((1, 9), says="held back").bars[0].label == "held back"


@given(st.lists(st.floats(0, 10), min_size=2, max_size=12, unique=True), st.text("aW m", max_size=120))
def test_no_label_is_over_another_bar_or_label_or_beyond_the_picture(times: list[float], says: str) -> None:
    times = sorted(times)
    picture = switched(*zip(times[::2], times[1::2], strict=False), says=says)
    for row in {bar.row for bar in picture.bars}:
        bars = [bar for bar in picture.bars if bar.row == row]
        labels = [bar for bar in bars if bar.label and bar.place != "in"]
        written = [(one, *ink(one)) for one in labels]
        for one, since, until in written:
            assert picture.left <= since <= until <= picture.right
            assert all(until <= bar.x or since >= bar.x + bar.w for bar in bars), one
        spots = sorted((since, until) for _, since, until in written)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spots))
    for bar in picture.bars:
        if bar.label and bar.place == "in":
            assert bar.x < bar.label_x < bar.label_x + bar.label_w < bar.x + bar.w


def ink(bar: Bar) -> tuple[float, float]:
    """From where to where a label may be written."""
    width = min(bar.label_w, len(bar.label) * 6.9)
    if bar.place == "before":
        return bar.label_x + bar.label_w - width, bar.label_x + bar.label_w
    return bar.label_x, bar.label_x + width


def test_what_failed_is_told_from_what_is_well_without_any_color() -> None:
    root, _ = text_of(drawn(outage(), lane(40)))
    fills = {each.get("fill") for each in root.iter(f"{SVG}rect")}
    assert {"url(#mx-failing)", "url(#mx-slow)"} <= fills
    assert root.get("role") == "img"
    assert "failing at some time: /workorders" in "".join(root.find(f"{SVG}desc").itertext())  # type: ignore[union-attr]


def test_an_incident_of_long_ago_is_drawn_from_its_timeline() -> None:
    reading = Reading(probe="api", target="/users", status=Status.FAILING, says="HTTP 503")
    seen = found().model_copy(update={"readings": (reading,)})
    picture = drawn(ended(outage().add(9, e.Assessed(assessment=seen)), 40))
    assert [row.label for row in picture.lanes] == ["/users"]
    assert picture.columns == ()
    assert "what passed the gateway is not known" in text_of(picture)[1]


def test_of_a_crowd_of_marks_neighbours_are_one_and_the_legend_stays_short() -> None:
    story = outage()
    for number in range(80):
        story.add(10 + number / 4, e.NoteAdded(text=f"note {number}"), actor=f"slack:U{number % 3}")
    picture = drawn(ended(paged(story, 12, "p", failed=True), 40), lane(40))
    assert len(picture.legend) <= 14
    assert len(picture.marks) < 40
    assert sum(mark.many for mark in picture.marks) == 84
    assert any(mark.kind == "failed" for mark in picture.marks)
    spots = [mark.x for mark in picture.marks if mark.kind == "person"]
    assert all(b - a >= 20 for a, b in itertools.pairwise(spots))


def test_a_drill_says_so_and_an_empty_one_is_drawn_too() -> None:
    picture = drawn(Story().add(0, e.IncidentOpened(integration="default", drill=True)))
    _, words = text_of(picture)
    assert "DRILL" in words
    assert "no probe was asked" in words
    assert picture.alt.startswith("A drill.")


def test_two_days_have_few_ticks_each_with_its_day() -> None:
    picture = drawn(ended(outage(), 48 * 60), lane(60))
    assert 2 <= len(picture.ticks) <= 8
    assert [tick.day for tick in picture.ticks if tick.day] == ["23 Nov", "24 Nov", "25 Nov"]


@given(st.text(max_size=60))
def test_no_text_breaks_the_picture(text: str) -> None:
    story = outage().add(9, e.NoteAdded(text=text), actor=f"slack:{text}")
    looks = [Look(BEGAN, {("api", f"/{text}"): Status.FAILING})]
    root, _ = text_of(drawn(story, Swimlane(stretches(looks, until=BEGAN + 9 * MINUTE), ())))
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter("script"))


def test_the_png_is_readable_at_twice_the_size_and_in_the_projects_own_font() -> None:
    picture = drawn(ended(outage(), 40), lane(40))
    made = png(svg(picture, TEMPLATES).text, TEMPLATES)
    assert made.startswith(b"\x89PNG")
    assert struct.unpack(">II", made[16:24]) == (round(picture.width * 2), round(picture.height * 2))
    names = sorted(font.name for font in TEMPLATES.fonts())
    assert names == ["DejaVuSans-Bold.ttf", "DejaVuSans.ttf"]
    assert sum(font.stat().st_size for font in TEMPLATES.fonts()) < 80_000
    assert (TEMPLATES.fonts()[0].parent / "LICENSE.txt").is_file()
    # Without the fonts nothing is written: the letters are those of the files that ship.
    assert len(png(svg(picture, TEMPLATES).text, NoFonts())) < len(made) * 0.8


class NoFonts(Templates):
    """No font at all."""

    def fonts(self) -> tuple[Path, ...]:
        return ()


def test_what_draws_is_not_loaded_before_a_picture_is_drawn() -> None:
    code = (
        "import sys, bot.app, bot.verbs.serve, bot.verbs.triage, bot.verbs.report, bot.picture; "
        "sys.exit('resvg_py' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
