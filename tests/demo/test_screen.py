"""The transcript of the story: frames, marks, rates; each message of the app once in each of its forms."""

import io

from rich.console import Console

from bot.demo.rates import rates_from
from bot.demo.screen import Screen
from bot.demo.slack.records import Version
from bot.demo.slack.workspace import SlackWorkspace

STATUS = {
    "mode": "limited",
    "traffic": {
        "window_s": 2.0,
        "total": 12,
        "by_status": {"200": 2, "429": 6},
        "limited": {"paused": 3, "rate": 1},
    },
}


def printed() -> tuple[Screen, io.StringIO]:
    out = io.StringIO()
    return Screen(Console(file=out, width=100, highlight=False)), out


def test_rates_are_read_from_the_gateways_status() -> None:
    rates = rates_from(STATUS, window_s=2.0, at="09:00:00")
    assert rates.reached_per_s == 4.0
    assert (rates.of("200"), rates.of("429"), rates.of("500")) == (1.0, 3.0, 0.0)
    assert rates.held_per_s == 2.0
    assert rates_from({}, window_s=2.0, at="").reached_per_s == 0.0


def test_rates_are_one_line() -> None:
    screen, out = printed()
    screen.rates(rates_from(STATUS, window_s=2.0, at="09:00:00"))
    line = out.getvalue()
    assert line.count("\n") == 1
    for words in (
        "09:00:00",
        "4.0/s reach MaintainX",
        "200: 1.0/s",
        "429: 3.0/s",
        "held back: 2.0/s",
    ):
        assert words in line


def test_without_a_terminal_there_is_no_colour() -> None:
    screen, out = printed()
    screen.chapter("One")
    screen.typed("Ada", "/mx triage")
    screen.clicked("Ada", "Acknowledge")
    screen.wrong("[bold] is shown as it is")
    assert "\x1b" not in out.getvalue()
    assert "Ada  > /mx triage" in out.getvalue()
    assert "clicks [ Acknowledge ]" in out.getvalue()
    assert "[bold] is shown as it is" in out.getvalue()


async def test_news_are_shown_once_in_each_form() -> None:
    screen, out = printed()
    async with SlackWorkspace.start() as slack:
        ada = slack.add_user("Ada")
        channel = slack.create_channel("incidents", [ada])
        slack.say(ada, channel, "is it me?")
        card = slack.state.post(channel, Version(text=f"Asked by <@{ada}> &amp; others"))
        assert screen.news(slack) == 1
        assert screen.news(slack) == 0
        slack.state.edit(card, Version(text="Resolved"))
        assert screen.news(slack) == 1
    text = out.getvalue()
    assert "Asked by @Ada & others" in text
    assert "mx in #incidents" in text
    assert "Resolved" in text
    assert "is it me?" not in text


async def test_an_edited_card_shows_what_is_new() -> None:
    screen, out = printed()
    async with SlackWorkspace.start() as slack:
        channel = slack.create_channel("incidents", [])
        card = slack.state.post(channel, Version(text="SEV-2\nrunning"))
        screen.message(card, slack)
        slack.state.edit(card, Version(text="SEV-2\ndone"))
        out.seek(0)
        out.truncate()
        screen.change(card, slack)
        assert screen.news(slack) == 0
    assert "done" in out.getvalue()
    assert "SEV-2" not in out.getvalue()
