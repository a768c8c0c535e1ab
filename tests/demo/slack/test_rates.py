"""How often an app may call is on by default, and each refusal says when to come back."""

import pytest

from bot.demo.slack.limits import Limits
from bot.demo.slack.rates import Rates
from tests.demo.slack.conftest import Room


async def test_a_channel_takes_a_burst_and_then_one_message_a_second(room: Room) -> None:
    for n in range(5):
        assert (await room.api("chat.postMessage", channel=room.channel, text=str(n)))["ok"]
    refused = await room.api("chat.postMessage", channel=room.channel, text="one too many")
    assert (refused["error"], room.api.status, room.api.retry_after) == ("ratelimited", 429, "1")
    other = room.slack.create_channel("other", [room.ana])
    assert (await room.api("chat.postMessage", channel=other, text="x"))["ok"]


def test_a_channels_bucket_fills_again() -> None:
    now = 0.0
    rates = Rates(Limits(post_burst=2, posts_per_s=0.5), lambda: now)
    assert [rates.post_refusal("C1") for _ in range(3)] == [None, None, 2]
    now = 1.9
    assert rates.post_refusal("C1") == 1
    now = 2.0
    assert rates.post_refusal("C1") is None


def test_a_methods_window_slides() -> None:
    now = 0.0
    rates = Rates(Limits(calls={"chat.update": 2}), lambda: now)
    assert [rates.refusal("chat.update") for _ in range(3)] == [None, None, 60]
    assert rates.refusal("chat.postMessage") is None
    now = 60.0
    assert rates.refusal("chat.update") is None


@pytest.mark.parametrize("limits", [Limits(calls={"chat.update": 1})])
async def test_updates_are_counted_per_method(room: Room) -> None:
    posted = await room.api("chat.postMessage", channel=room.channel, text="x")
    change = {"channel": room.channel, "ts": posted["ts"], "text": "y"}
    assert (await room.api("chat.update", **change))["ok"]
    assert (await room.api("chat.update", **change))["error"] == "ratelimited"
    assert int(room.api.retry_after or 0) >= 1


def test_slack_s_own_tiers() -> None:
    calls = Limits().calls
    assert (calls["chat.update"], calls["views.open"], calls["usergroups.users.list"]) == (50, 100, 20)


def test_without_a_word_the_limits_are_slacks_own() -> None:
    """A test may shorten them; whoever points an app at the simulator has what Slack documents."""
    limits = Limits()
    assert (limits.ack_s, limits.trigger_s) == (3, 3)
    assert (limits.response_url_s, limits.response_url_uses) == (30 * 60, 5)
    assert (limits.posts_per_s, limits.event_retries_s) == (1, (0, 60, 300))
