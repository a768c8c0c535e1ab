"""Signed links to the bot's pages: what opens, for how long, and that nothing else does."""

from urllib.parse import parse_qs, urlsplit

import pytest

from bot.page_links import LIST, PageLinks
from tests.wound_clock import WoundClock

SECRET = "link-secret-0123456789"
ONE, OTHER = "mx-20261123-7f3a", "mx-20261123-0000"
DAY_S = 86400.0


def key_of(link: str | None) -> str:
    return parse_qs(urlsplit(link or "").query)["key"][0]


@pytest.fixture
def clock() -> WoundClock:
    """Noon in UTC."""
    return WoundClock()


@pytest.fixture
def links(clock: WoundClock) -> PageLinks:
    return PageLinks("https://mx.example/ops/", SECRET, days=7, clock=clock)


def test_a_link_opens_its_incident_until_its_days_are_over(links: PageLinks, clock: WoundClock) -> None:
    link = links.incident(ONE)
    assert link is not None
    assert link.startswith(f"https://mx.example/ops/incidents/{ONE}?key=")
    key = key_of(link)
    assert links.left_s(f"{LIST}/{ONE}", key) == 6.5 * DAY_S, "seven days since the day began, at noon"
    clock.wind(6.5 * DAY_S - 1)
    assert links.left_s(f"{LIST}/{ONE}", key) == 1
    clock.wind(2)
    assert links.left_s(f"{LIST}/{ONE}", key) == 0


def test_a_link_is_the_same_all_day_so_that_no_card_is_edited_for_it(
    links: PageLinks, clock: WoundClock
) -> None:
    at_noon = links.incident(ONE)
    clock.wind(DAY_S / 2 - 1)
    assert links.incident(ONE) == at_noon
    clock.wind(2)
    assert links.incident(ONE) != at_noon


def test_a_key_opens_nothing_but_what_it_was_made_for(links: PageLinks) -> None:
    key = key_of(links.incident(ONE))
    assert links.left_s(f"{LIST}/{OTHER}", key) == 0
    assert links.left_s(LIST, key) == 0
    assert links.left_s(f"{LIST}/{ONE}", key_of(links.list())) == 0, (
        "the page asks for the list's key by itself"
    )
    assert links.left_s(LIST, key_of(links.list())) > 0
    assert links.left_s(LIST, f"/{ONE}.{key}") == 0
    assert links.left_s(f"{LIST}/", f"{ONE}.{key}") == 0
    dotted = key_of(links.incident(f"{ONE}.more"))
    assert links.left_s(f"{LIST}/{ONE}.more", dotted) > 0
    assert links.left_s(f"{LIST}/{ONE}", f"more.{dotted}") == 0


@pytest.mark.parametrize("spoilt", ["", ".", "x", "..", "é", "a.b", "AAAA." + "A" * 43, "\0.\0"])
def test_a_key_that_is_none_opens_nothing(links: PageLinks, spoilt: str) -> None:
    assert links.left_s(f"{LIST}/{ONE}", spoilt) == 0


def test_each_letter_of_a_key_counts(links: PageLinks) -> None:
    key = key_of(links.incident(ONE))
    for index, letter in enumerate(key[:-1]):  # the last one of base64 holds two bits that mean nothing
        spoilt = key[:index] + ("A" if letter != "A" else "B") + key[index + 1 :]
        assert links.left_s(f"{LIST}/{ONE}", spoilt) == 0, index


def test_another_secret_makes_every_earlier_link_worthless(links: PageLinks, clock: WoundClock) -> None:
    changed = PageLinks("https://mx.example", SECRET + "!", days=7, clock=clock)
    assert changed.left_s(f"{LIST}/{ONE}", key_of(links.incident(ONE))) == 0


def test_a_link_from_tomorrow_is_not_good_today(clock: WoundClock, links: PageLinks) -> None:
    clock.wind(DAY_S)
    key = key_of(links.incident(ONE))
    clock.wind(-DAY_S)
    assert links.left_s(f"{LIST}/{ONE}", key) == 0


def test_without_an_address_or_a_secret_there_is_no_link(clock: WoundClock) -> None:
    unset = PageLinks(None, None, days=7, clock=clock)
    assert (unset.incident(ONE), unset.list(), unset.opens_anything) == (None, None, False)
    assert unset.missing == ("MX_PUBLIC_URL", "MX_LINK_SECRET")
    assert unset.left_s(f"{LIST}/{ONE}", "x.y") == 0
    nowhere = PageLinks(None, SECRET, days=7, clock=clock)
    assert (nowhere.incident(ONE), nowhere.opens_anything) == (None, True)
    unsigned = PageLinks("https://mx.example", None, days=7, clock=clock)
    assert (unsigned.incident(ONE), unsigned.missing) == (None, ("MX_LINK_SECRET",))
