"""Commands and clicks reach the app signed and in Slack's shapes; what goes wrong is what the person sees."""

import hashlib
import hmac
import time

import pytest

from bot.demo.slack.limits import Limits
from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import CONFIRM, actions, answers, button, section


@pytest.fixture
def limits() -> Limits:
    return Limits(ack_s=1.0, event_retries_s=(0.0, 0.05, 0.1))


async def posted(room: Room, *blocks: object) -> str:
    answer = await room.api("chat.postMessage", channel=room.channel, text="card", blocks=list(blocks))
    assert answer["ok"], answer
    return str(answer["ts"])


async def test_a_command_is_a_signed_form(room: Room) -> None:
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "triage now & then")
    assert (outcome.status, outcome.error, outcome.text) == (200, None, None)
    [request] = room.app.seen
    stamp = request.headers["X-Slack-Request-Timestamp"]
    assert abs(time.time() - int(stamp)) < 30  # noqa: TID251 - the signature's age is real time
    signed = hmac.new(
        room.slack.signing_secret.encode(), f"v0:{stamp}:".encode() + request.raw, hashlib.sha256
    )
    assert request.headers["X-Slack-Signature"] == f"v0={signed.hexdigest()}"
    assert request.fields["text"] == "triage now & then"
    assert (request.fields["command"], request.fields["user_id"]) == ("/mx", room.ana)
    assert (request.fields["channel_id"], request.fields["channel_name"]) == (room.channel, "incidents")


async def test_a_private_channel_has_no_name_in_payloads(room: Room) -> None:
    private = room.slack.create_channel("secret", [room.ana], private=True, bot_member=False)
    await room.slack.command(room.ana, private, "/mx", "help")
    assert room.app.seen[0].fields["channel_name"] == "privategroup"


async def test_the_acks_body_is_shown_to_the_one_who_typed(room: Room) -> None:
    room.app.answer = answers("Triage is on its way.")
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "triage")
    assert outcome.text == "Triage is on its way."
    assert [each.text for each in room.slack.ephemerals(room.ana, room.channel)] == ["Triage is on its way."]
    room.app.answer = answers({"response_type": "in_channel", "blocks": [section("for all")], "text": "all"})
    await room.slack.command(room.ana, room.channel, "/mx", "status")
    assert [each.text for each in room.slack.messages(room.channel)] == ["all"]


async def test_bad_blocks_in_an_ack_are_an_error_to_the_person(room: Room) -> None:
    room.app.answer = answers({"blocks": [section("x" * 3001)]})
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "status")
    assert outcome.error == '/mx failed with the error "invalid_command_response"'
    assert outcome.details[0] == "invalid_blocks"
    assert room.slack.ephemerals(room.ana, room.channel) == ()


async def test_a_late_ack_is_a_timeout(room: Room) -> None:
    room.app.answer = answers("too late", after_s=1.6)
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "triage")
    assert outcome.error == '/mx failed with the error "operation_timeout"'
    assert outcome.seconds >= 1.0
    assert room.slack.ephemerals(room.ana, room.channel) == ()


async def test_an_error_status_or_no_app_is_a_failed_dispatch(room: Room) -> None:
    room.app.answer = answers(status=500)
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "triage")
    assert (outcome.status, outcome.error) == (500, '/mx failed with the error "dispatch_failed"')
    room.slack.request_url = "http://127.0.0.1:9/slack/events"
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "triage")
    assert (outcome.status, outcome.error) == (None, '/mx failed with the error "dispatch_failed"')


async def test_an_unknown_command_and_a_stranger_never_reach_the_app(room: Room) -> None:
    outcome = await room.slack.command(room.ana, room.channel, "/deploy")
    assert outcome.error == "/deploy is not a valid command."
    stranger = room.slack.add_user("Zoe")
    with pytest.raises(LookupError, match="Zoe is not in #incidents"):
        await room.slack.command(stranger, room.channel, "/mx", "triage")
    assert room.app.seen == []


async def test_a_click_carries_the_button_and_the_message(room: Room) -> None:
    ts = await posted(room, section("card"), actions(button("Acknowledge", "ack", value="v1")))
    outcome = await room.slack.click(room.ben, room.channel, ts, "Acknowledge")
    assert (outcome.confirm, outcome.delivered, outcome.status, outcome.error) == (None, True, 200, None)
    payload = room.app.seen[0].payload
    assert payload["type"] == "block_actions"
    assert (payload["user"]["id"], payload["channel"]["id"]) == (room.ben, room.channel)
    assert payload["container"]["message_ts"] == ts
    assert payload["message"]["blocks"][1]["elements"][0]["action_id"] == "ack"
    [action] = payload["actions"]
    assert (action["action_id"], action["value"], action["type"]) == ("ack", "v1", "button")
    assert action["block_id"] == payload["message"]["blocks"][1]["block_id"]


async def test_a_confirm_dialog_stands_before_its_button(room: Room) -> None:
    ts = await posted(room, actions(button(confirm=CONFIRM)))
    refused = await room.slack.click(room.ana, room.channel, ts, "go", confirm=False)
    assert (refused.delivered, room.app.seen) == (False, [])
    assert refused.confirm is not None
    assert refused.confirm.title == "Limit the gateway?"
    assert refused.confirm.text == "1 request per second, two jobs paused."
    assert (await room.slack.click(room.ana, room.channel, ts, "go")).delivered
    assert len(room.app.seen) == 1


async def test_a_button_that_is_gone_can_only_be_clicked_in_a_stale_client(room: Room) -> None:
    ts = await posted(room, actions(button("Go", "go", value="old")))
    await room.api(
        "chat.update", channel=room.channel, ts=ts, text="done", blocks=[actions(button("Undo", "undo"))]
    )
    with pytest.raises(LookupError, match="there is: 'Undo' \\(undo\\)"):
        await room.slack.click(room.ana, room.channel, ts, "go")
    await room.slack.click_stale(room.ana, room.channel, ts, "Go")
    assert room.app.seen[0].payload["actions"][0]["value"] == "old"
    await room.api("chat.delete", channel=room.channel, ts=ts)
    await room.slack.click_stale(room.ana, room.channel, ts, "go", version=0)
    assert len(room.app.seen) == 2


async def test_a_menu_sends_the_chosen_option(room: Room) -> None:
    options = [{"text": {"type": "plain_text", "text": f"SEV-{n}"}, "value": str(n)} for n in (1, 2)]
    menu = {"type": "static_select", "action_id": "severity", "options": options}
    ts = await posted(room, actions(menu))
    await room.slack.choose(room.ana, room.channel, ts, "severity", "SEV-2")
    payload = room.app.seen[0].payload
    assert payload["actions"][0]["selected_option"]["value"] == "2"
    [held] = payload["state"]["values"].values()
    assert held["severity"]["selected_option"]["value"] == "2"
    with pytest.raises(LookupError, match="'SEV-1', 'SEV-2'"):
        await room.slack.choose(room.ana, room.channel, ts, "severity", "SEV-9")


async def test_an_ephemeral_buttons_payload_has_no_message(room: Room) -> None:
    answer = await room.api(
        "chat.postEphemeral",
        channel=room.channel,
        user=room.ana,
        text="sure?",
        blocks=[actions(button())],
    )
    await room.slack.click(room.ana, room.channel, answer["message_ts"], "go")
    payload = room.app.seen[0].payload
    assert ("message" in payload, payload["container"]["is_ephemeral"]) == (False, True)
    with pytest.raises(LookupError):
        await room.slack.click(room.ben, room.channel, answer["message_ts"], "go")


async def test_a_lost_delivery_is_a_timeout_to_the_person(room: Room) -> None:
    room.slack.mischief.lose = 1
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "triage")
    assert outcome.error == '/mx failed with the error "operation_timeout"'
    assert room.app.seen == []
    assert room.slack.deliveries[0].ack is None
    assert (await room.slack.command(room.ana, room.channel, "/mx", "triage")).error is None


async def test_a_repeated_delivery_is_the_same_payload_again(room: Room) -> None:
    room.slack.mischief.repeat = 2
    await room.slack.command(room.ana, room.channel, "/mx", "triage")
    bodies = {request.raw for request in room.app.seen}
    assert (len(room.app.seen), len(bodies)) == (3, 1)


async def test_a_delivery_can_come_again_later(room: Room) -> None:
    await room.slack.command(room.ana, room.channel, "/mx", "triage")
    again = await room.slack.redeliver(room.slack.deliveries[0])
    assert (again.status, room.app.seen[0].raw) == (200, room.app.seen[1].raw)


async def test_a_delayed_delivery_arrives_after_the_person_gave_up(room: Room) -> None:
    room.slack.mischief.delay_s = 1.3
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "triage")
    assert outcome.error == '/mx failed with the error "operation_timeout"'
    assert room.app.seen == []
    await room.slack.settled()
    assert [request.fields["text"] for request in room.app.seen] == ["triage"]


async def test_an_event_that_is_not_taken_comes_again_with_its_number(room: Room) -> None:
    room.app.answer = answers(status=500)
    await room.slack.event({"type": "app_mention", "user": room.ana, "text": "hi", "channel": room.channel})
    await room.slack.until(lambda: len(room.app.seen) == 4, what="three retries")
    numbers = [request.headers.get("X-Slack-Retry-Num") for request in room.app.seen]
    assert numbers == [None, "1", "2", "3"]
    assert room.app.seen[1].headers["X-Slack-Retry-Reason"] == "http_error"
    assert len({request.payload["event_id"] for request in room.app.seen}) == 1
    assert room.app.seen[0].payload["type"] == "event_callback"
