"""What is said of the key, and what never is."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.readings import KeyDetail, Reading, Status
from bot.probes.key import KeyProbe
from tests.keys import HeldKey
from tests.wound_clock import START, WoundClock


def jwt(**claims: object) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signature!"))


async def read(key: str | None) -> tuple[Reading, KeyDetail]:
    reading = await KeyProbe(key=HeldKey(key), clock=WoundClock()).read(samples=1)
    assert isinstance(reading.detail, KeyDetail)
    return reading, reading.detail


async def test_a_key_file_without_a_key_is_named_as_a_file() -> None:
    reading = await KeyProbe(key=HeldKey(None, "/run/maintainx.key"), clock=WoundClock()).read(samples=1)
    assert reading.says.startswith("no key in /run/maintainx.key: the file is missing, empty or not readable")


@pytest.mark.parametrize("key", [None, "", " \n"])
async def test_a_missing_key_says_what_to_set(key: str | None) -> None:
    reading, detail = await read(key)
    assert (reading.status, detail.present) == (Status.FAILING, False)
    assert "MAINTAINX_API_KEY" in reading.says
    assert "set it" in reading.says


@pytest.mark.parametrize(
    ("key", "stray"),
    [
        ("abcdef-123456", ()),
        ("abcdef-123456\n", ("a trailing newline",)),
        ("abcdef-123456\r\n", ("a trailing newline",)),
        (" abcdef-123456", ("leading white space",)),
        ("abcdef-123456  ", ("trailing white space",)),
        ('"abcdef-123456"', ("quotes around it",)),
        ("'abcdef-123456'\n", ("a trailing newline", "quotes around it")),
        ("Bearer abcdef-123456", ("a Bearer prefix",)),
        ("abc def", ("white space inside",)),
        ("abc\u00e9def", ("non-ASCII characters",)),
        ("abc\x07def", ("control characters",)),
    ],
)
async def test_what_does_not_belong_is_named(key: str, stray: tuple[str, ...]) -> None:
    reading, detail = await read(key)
    assert detail.stray == stray
    assert reading.status is (Status.FAILING if stray else Status.OK)
    assert detail.length == len(key)


async def test_the_expiry_of_a_jwt() -> None:
    now = int(START.timestamp())
    past, soon, none = (
        await read(jwt(exp=now - 60)),
        await read(jwt(exp=now + 86_400 * 3)),
        await read(jwt(org=1)),
    )
    assert (past[0].status, past[1].expired, past[1].jwt) == (Status.FAILING, True, True)
    assert "expired on 2026-11-23 11:59 UTC" in past[0].says
    assert (soon[0].status, soon[1].expired) == (Status.OK, False)
    assert "in 3 days" in soon[0].says
    assert (none[0].status, none[1].jwt, none[1].expires_at) == (Status.OK, True, None)
    assert "no expiry known" in none[0].says


@pytest.mark.parametrize("exp", [1e300, -1e18, "soon", True, None, [1]])
async def test_an_absurd_expiry_is_no_expiry(exp: object) -> None:
    assert (await read(jwt(exp=exp)))[1].expires_at is None


@given(st.text(min_size=1, max_size=60))
async def test_any_text_is_read_and_never_shown(key: str) -> None:
    """Each key holds letters that no sentence of the probe has."""
    reading, _ = await read(f"{key}zq7{key}")
    assert "zq7" not in reading.model_dump_json()


async def test_not_even_a_part_of_the_key_is_shown() -> None:
    key = jwt(exp=int(START.timestamp()) + 10_000_000, sub="user-4711")
    shown = (await read(f'"{key}"'))[0].model_dump_json()
    for start in range(len(key) - 6):
        assert key[start : start + 6] not in shown
