"""The card while writes are buffered: what waits, the replay live, and buttons that ask once and answer everybody."""

from bot.demo.slack.records import Message
from bot.demo.slack.render import render
from tests.slack.rig import Rig


async def card(rig: Rig) -> Message:
    """The card as it is drawn after a fresh look."""
    rig.clock.wind(3)
    await rig.watch.refresh()
    await rig.cards.step()
    return rig.slack.messages(rig.channel)[-1]


async def shown(rig: Rig) -> str:
    return "\n".join(render(await card(rig), width=10_000))


async def carry_out(rig: Rig) -> None:
    """Let the followers do what was asked, and tell the people."""
    while await rig.orders.advance():
        pass
    await rig.answers.step()
    await rig.drain()


def told(rig: Rig, user: str) -> str:
    return "\n".join(
        line for message in rig.slack.ephemerals(user, rig.channel) for line in render(message, width=300)
    )


async def draining(rig: Rig, count: int = 137) -> None:
    await rig.open()
    rig.gateway.buffer.take(count)


async def test_a_buffer_that_is_on_is_told_with_what_waits_and_offers_no_replay(rig: Rig) -> None:
    await rig.open()
    rig.gateway.leases["b"] = {"id": "b", "buffer": "on"}
    rig.gateway.buffer.take(137)
    rig.gateway.circuit = {"state": "open", "failures": 5, "since": None, "says": "5 timeouts in a row"}
    text = await shown(rig)
    assert "Writes are buffered: 137 waiting, oldest " in text
    assert "none is lost" in text
    assert "The gateway finds MaintainX down: 5 timeouts in a row" in text
    assert "Replay 137" not in text


async def test_a_full_buffer_is_loud_and_says_what_to_do(rig: Rig) -> None:
    await draining(rig)
    rig.gateway.buffer.full = "size"
    text = await shown(rig)
    assert (
        "The buffer is full (size): new writes are refused with 503. The 137 writes in it stay accepted"
        in text
    )
    assert "replay them now" in text


async def test_a_card_without_a_backlog_says_nothing_of_it(rig: Rig) -> None:
    await rig.open()
    text = await shown(rig)
    for word in ("buffer", "Replay", "gateway does not answer"):
        assert word not in text
    rig.gateway.broken = 503
    assert "does not answer, so this is as of" not in await shown(rig)


async def test_the_click_shows_the_dry_run_starts_the_replay_and_the_card_follows_it_live(rig: Rig) -> None:
    await draining(rig)
    message = await card(rig)
    click = await rig.slack.click(rig.ann, rig.channel, message.ts, "Replay 137 writes")
    assert click.confirm is not None
    assert "about 3 minutes at 40 a minute" in click.confirm.text
    assert rig.gateway.buffer.progress["state"] == "idle"  # asking is a fact; the follower acts
    await carry_out(rig)
    assert rig.gateway.log[0]["actor"] == f"slack:{rig.ann}"
    assert "The replay is running: 0 of 137 done" in told(rig, rig.ann)
    rig.gateway.buffer.deliver(50)
    text = await shown(rig)
    assert "Replay ███████░░░░░░░░░░░░░ 50 of 137 done: 87 left, 40 a minute, about 2 minutes to go" in text
    assert f"started by @{rig.ann}" in text
    for button in ("Pause replay", "Cancel replay"):
        assert button in text
    rig.gateway.buffer.deliver(87)
    text = await shown(rig)
    assert "Replay done: 137 of 137 sent" in text
    assert "Pause replay" not in text


async def test_it_is_held_and_goes_on_by_its_buttons(rig: Rig) -> None:
    await draining(rig)
    rig.gateway.buffer.progress |= {"state": "running", "total": 137}
    await rig.slack.click(rig.ben, rig.channel, (await card(rig)).ts, "Pause replay")
    await carry_out(rig)
    text = await shown(rig)
    assert "Replay held" in text
    await rig.slack.click(rig.ann, rig.channel, (await card(rig)).ts, "Resume replay")
    await carry_out(rig)
    click = await rig.slack.click(rig.ann, rig.channel, (await card(rig)).ts, "Cancel replay")
    assert click.confirm is not None
    await carry_out(rig)
    what = [event["what"] for event in rig.gateway.log]
    assert what == ["replay_paused", "replay_resumed", "replay_cancelled"]


async def test_two_people_start_it_once_and_the_second_is_told(rig: Rig) -> None:
    await draining(rig)
    message = await card(rig)
    await rig.slack.click(rig.ann, rig.channel, message.ts, "Replay 137 writes")
    await rig.slack.click(rig.ben, rig.channel, message.ts, "Replay 137 writes")
    await carry_out(rig)
    assert f"@{rig.ann} asked for the replay at" in told(rig, rig.ben)
    assert [event["what"] for event in rig.gateway.log] == ["replay_started"]
    # Later, on a card that was not drawn anew on this person's phone.
    await card(rig)
    await rig.slack.click_stale(rig.ben, rig.channel, message.ts, "Replay 137 writes", version=-2)
    await carry_out(rig)
    assert f"The replay is running already, started by @{rig.ann}" in told(rig, rig.ben)
    assert [event["what"] for event in rig.gateway.log] == ["replay_started"]


async def test_up_to_three_parked_writes_are_asked_about_and_the_rest_is_named(rig: Rig) -> None:
    await rig.open()
    parked = rig.gateway.buffer.take(5, state="unknown")
    text = await shown(rig)
    assert "5 writes of unknown fate wait for your word" in text
    assert "2 more: mx buffer list --state unknown" in text
    assert text.count("Send again") == text.count("It arrived") == 3
    assert f"{parked[0]} · sent 1 time: the connection broke after it was sent" in text
    assert parked[3] not in text


async def test_a_parked_write_is_decided_once_whoever_clicks(rig: Rig) -> None:
    await rig.open()
    (write,) = rig.gateway.buffer.take(state="unknown")
    message = await card(rig)
    click = await rig.slack.click(rig.ann, rig.channel, message.ts, "Send again")
    assert click.confirm is not None
    assert "it is then there twice" in click.confirm.text
    await carry_out(rig)
    await rig.slack.click_stale(rig.ben, rig.channel, message.ts, "It arrived", version=0)
    await carry_out(rig)
    assert rig.gateway.buffer.writes[write]["state"] == "waiting"
    assert "is sent again in its turn" in told(rig, rig.ann)
    assert f"is waiting already: @{rig.ann} had it sent again at" in told(rig, rig.ben)
    assert [event["what"] for event in rig.gateway.log] == ["write_resent"]


async def test_a_gateway_that_is_away_shows_as_that_on_the_card_and_in_the_answer(rig: Rig) -> None:
    await draining(rig)
    message = await card(rig)
    rig.gateway.broken = 503
    text = await shown(rig)
    assert "The gateway does not answer, so this is as of" in text
    assert "Replay 137 writes" not in text
    await rig.slack.click_stale(rig.ann, rig.channel, message.ts, "Replay 137 writes", version=0)
    await carry_out(rig)
    assert "Not done: gateway at" in told(rig, rig.ann)
    assert "it answered 503" in told(rig, rig.ann)


async def test_the_card_is_edited_when_what_it_shows_changes_and_not_at_every_look(rig: Rig) -> None:
    await draining(rig)
    await card(rig)

    def edits() -> int:
        return sum(call.method == "chat.update" for call in rig.slack.calls)

    before = edits()
    for _ in range(3):
        await card(rig)
    assert edits() == before
    rig.gateway.buffer.take(1)
    await card(rig)
    assert edits() == before + 1
    rig.gateway.buffer.take(1)
    await rig.watch.refresh()
    await rig.cards.step()  # within the pause that Slack wants between two edits
    assert edits() == before + 1


async def test_status_tells_what_waits_even_where_no_incident_is_open(rig: Rig) -> None:
    rig.gateway.buffer.take(2)
    rig.gateway.buffer.take(state="unknown")
    answer = await rig.slack.command(rig.ann, rig.channel, "/mx", "status")
    assert answer.text is not None
    assert "No incident is open" in answer.text
    assert "2 writes wait for the replay" in answer.text
    assert "1 write of unknown fate" in answer.text


async def test_an_incident_is_not_over_while_writes_wait_unless_a_person_takes_it(rig: Rig) -> None:
    incident = await rig.open()
    rig.gateway.buffer.take(137)
    (parked,) = rig.gateway.buffer.take(state="unknown")
    refused = (await rig.slack.command(rig.ann, rig.channel, "/mx", "resolve")).text or ""
    assert "137 writes wait at the gateway" in refused
    assert parked in refused
    assert (await rig.incident(incident.id)).open
    await rig.prove(incident)
    await rig.slack.command(rig.ann, rig.channel, "/mx", "resolve anyway delivered by hand")
    found = await rig.incident(incident.id)
    assert not found.open
    assert found.accepted[0].startswith("137 writes wait at the gateway")


async def test_a_gateway_that_cannot_be_asked_is_said_and_keeps_no_incident_open_that_had_no_backlog(
    rig: Rig,
) -> None:
    incident = await rig.open()
    await rig.prove(incident)
    rig.gateway.hold_answer_of = "GET"
    answer = await rig.slack.command(rig.ann, rig.channel, "/mx", "resolve")
    assert answer.seconds < 3
    assert "could not be asked whether writes wait there" in (answer.text or "")
    assert not (await rig.incident(incident.id)).open


async def test_a_gateway_that_went_away_with_writes_keeps_the_incident_open(rig: Rig) -> None:
    incident = await rig.open()
    rig.gateway.buffer.take(3)
    await card(rig)
    rig.gateway.broken = 503
    answer = (await rig.slack.command(rig.ann, rig.channel, "/mx", "resolve")).text or ""
    assert "3 writes wait at the gateway" in answer
    assert "so this is as of" in answer
    assert (await rig.incident(incident.id)).open
