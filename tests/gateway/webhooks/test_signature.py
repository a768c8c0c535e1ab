"""Signatures: whatever MaintainX signed lately is taken, whatever else is refused with a sentence."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.webhooks.settings import WebhookSettings
from bot.gateway.webhooks.signature import Unsigned, check, signed

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRETS = st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable())


def made(secret: str, t: str, body: bytes) -> str:
    """A signature as MaintainX's documentation makes it, by other hands than the code's."""
    digest = hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={t},v1={digest}"


@given(secret=SECRETS, body=st.binary(max_size=200), off_s=st.integers(-300, 300), milliseconds=st.booleans())
def test_what_is_signed_within_five_minutes_is_taken_in_seconds_and_milliseconds(
    secret: str, body: bytes, off_s: int, milliseconds: bool
) -> None:
    at = int((NOW + timedelta(seconds=off_s)).timestamp())
    header = made(secret, str(at * 1000 if milliseconds else at), body)
    assert check(header, body, secrets=("other", secret), now=NOW) == ("other", secret).index(secret)


@given(secret=SECRETS, body=st.binary(max_size=200))
def test_our_own_signature_is_maintainxs(secret: str, body: bytes) -> None:
    assert signed(secret, body, at=NOW) == made(secret, str(int(NOW.timestamp())), body)


@given(off_s=st.integers(301, 10**7), ahead=st.booleans())
def test_older_or_far_ahead_is_refused(off_s: int, ahead: bool) -> None:
    at = NOW + timedelta(seconds=off_s if ahead else -off_s)
    with pytest.raises(Unsigned, match="ahead of this machine's clock" if ahead else f"{off_s} s old"):
        check(signed("s", b"x", at=at), b"x", secrets=("s",), now=NOW)


@given(body=st.binary(min_size=1, max_size=50), place=st.integers(min_value=0), change=st.integers(1, 255))
def test_one_changed_byte_is_refused(body: bytes, place: int, change: int) -> None:
    changed = bytearray(body)
    changed[place % len(body)] ^= change
    with pytest.raises(Unsigned, match="fits no configured secret"):
        check(signed("s", body, at=NOW), bytes(changed), secrets=("s",), now=NOW)


@given(header=st.text() | st.from_regex(r"t=[0-9]*(,v1=[0-9a-f]*)*", fullmatch=True))
def test_no_made_up_header_is_taken_and_none_breaks_the_reader(header: str) -> None:
    with pytest.raises(Unsigned):
        check(header, b"{}", secrets=("s", "é"), now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "",
        "t=1,v1=",
        "v1=abc",
        "t=,v1=abc",
        "t=-1,v1=abc",
        "t=٣,v1=abc",
        "t=12345678901234567,v1=abc",
        "t=1,v1=caf\xe9",
        "t=1,t=1,v1=abc",
    ],
)
def test_what_is_no_signature_is_refused_with_a_sentence(wrong: str | None) -> None:
    with pytest.raises(Unsigned) as refused:
        check(wrong, b"{}", secrets=("s",), now=NOW)
    assert "x-maintainx-webhook-body-signature" in str(refused.value) or "secret" in str(refused.value)


def test_one_good_signature_among_several_and_upper_case_are_enough() -> None:
    good = signed("s", b"x", at=NOW)
    t, _, digest = good.partition(",v1=")
    for header in (f"{t},v1={'0' * 64},v1={digest}", f"{t}, v0=zz, v1={digest}", f"{t},v1={digest.upper()}"):
        assert check(header, b"x", secrets=("s",), now=NOW) == 0


def test_the_time_is_part_of_what_is_signed() -> None:
    digest = signed("s", b"x", at=NOW).partition(",v1=")[2]
    with pytest.raises(Unsigned, match="fits no configured secret"):
        check(f"t={int(NOW.timestamp()) + 1},v1={digest}", b"x", secrets=("s",), now=NOW)


def test_several_secrets_stand_in_one_setting_and_a_comma_may_be_part_of_one() -> None:
    assert WebhookSettings().secrets == ()
    assert WebhookSettings(secret="one").secrets == ("one",)
    assert WebhookSettings(secret="one,two").secrets == ("one", "two", "one,two")
    assert "hush" not in repr(WebhookSettings(secret="hush"))
