"""Modals: triggers that expire, views that are refused, and what an answer to a submission does."""

from typing import Any

import pytest

from bot.demo.slack.limits import Limits
from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import actions, answers, button, section

Json = Any


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def modal(title: str = "Hand over", **more: Json) -> Json:
    why = {
        "type": "input",
        "block_id": "why",
        "label": plain("Why"),
        "element": {"type": "plain_text_input", "action_id": "reason", "max_length": 20},
    }
    who = {
        "type": "input",
        "block_id": "who",
        "label": plain("Who"),
        "optional": True,
        "element": {"type": "users_select", "action_id": "person"},
    }
    blocks = [section("now"), why, who, actions(button("More", "more"), block_id="acts")]
    return {"type": "modal", "title": plain(title), "submit": plain("Send"), "blocks": blocks} | more


async def trigger(room: Room) -> str:
    await room.slack.command(room.ana, room.channel, "/mx", "hand over")
    return room.app.seen[-1].fields["trigger_id"]


async def opened(room: Room, **more: Json) -> str:
    answer = await room.api("views.open", trigger_id=await trigger(room), view=modal(**more))
    assert answer["ok"], answer
    return str(answer["view"]["id"])


async def test_a_trigger_works_once(room: Room) -> None:
    used = await trigger(room)
    assert (await room.api("views.open", trigger_id=used, view=modal()))["ok"]
    again = await room.api("views.open", trigger_id=used, view=modal())
    assert again["error"] == "exchanged_trigger_id"
    assert (await room.api("views.open", trigger_id="1.2.a", view=modal()))["error"] == "invalid_trigger_id"


@pytest.mark.parametrize("limits", [Limits(trigger_s=0.0)])
async def test_a_trigger_dies_young(room: Room) -> None:
    old = await trigger(room)
    assert (await room.api("views.open", trigger_id=old, view=modal()))["error"] == "expired_trigger_id"


async def test_a_refused_view_leaves_the_trigger_alone(room: Room) -> None:
    fresh = await trigger(room)
    bad = await room.api("views.open", trigger_id=fresh, view=modal(title="x" * 25))
    assert bad["error"] == "invalid_arguments"
    assert bad["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    huge = modal() | {"blocks": [section("x" * 3000)] * 90}
    assert (await room.api("views.open", trigger_id=fresh, view=huge))["error"] == "view_too_large"
    assert (await room.api("views.open", trigger_id=fresh, view=modal()))["ok"]


async def test_views_update_by_id_hash_or_own_name(room: Room) -> None:
    view_id = await opened(room, external_id="mine")
    [view] = room.slack.views(room.ana)
    old = view.hash
    changed = await room.api("views.update", view_id=view_id, hash=old, view=modal("Changed"))
    assert changed["view"]["title"]["text"] == "Changed"
    raced = await room.api("views.update", view_id=view_id, hash=old, view=modal())
    assert raced["error"] == "hash_conflict"
    assert (await room.api("views.update", view_id="V404", view=modal()))["error"] == "not_found"
    assert (await room.api("views.update", external_id="mine", view=modal()))["error"] == "not_found"


async def test_an_external_id_is_taken_once(room: Room) -> None:
    await opened(room, external_id="mine")
    other = await room.api("views.open", trigger_id=await trigger(room), view=modal(external_id="mine"))
    assert other["error"] == "duplicate_external_id"


async def test_a_modal_is_pushed_from_a_modal_three_deep(room: Room) -> None:
    refused = await room.api("views.push", trigger_id=await trigger(room), view=modal())
    assert refused["error"] == "not_found"
    view_id = await opened(room)
    refusals = []
    for _ in range(3):
        await room.slack.click_in_view(room.ana, view_id, "More")
        payload = room.app.seen[-1].payload
        assert payload["container"] == {"type": "view", "view_id": view_id}
        pushed = await room.api("views.push", trigger_id=payload["trigger_id"], view=modal())
        refusals.append(pushed.get("error"))
        view_id = room.slack.views(room.ana)[-1].id
    assert refusals == [None, None, "push_limit_reached"]
    assert len(room.slack.views(room.ana)) == 3


async def test_a_submission_carries_what_was_filled_in(room: Room) -> None:
    view_id = await opened(room, private_metadata="mx-1", callback_id="hand-over")
    outcome = await room.slack.submit_view(room.ana, view_id, {"Why": "shift ends", "person": room.ben})
    assert (outcome.errors, outcome.error, outcome.view) == ({}, None, None)
    payload = room.app.seen[-1].payload
    assert payload["type"] == "view_submission"
    assert (payload["view"]["private_metadata"], payload["view"]["callback_id"]) == ("mx-1", "hand-over")
    assert payload["view"]["state"]["values"] == {
        "why": {"reason": {"type": "plain_text_input", "value": "shift ends"}},
        "who": {"person": {"type": "users_select", "selected_user": room.ben}},
    }
    assert room.slack.views(room.ana) == ()


@pytest.mark.parametrize(
    ("values", "says"),
    [({}, "Please complete this required field."), ({"Why": "x" * 21}, "no more than 20 characters")],
)
async def test_the_client_refuses_before_it_sends(room: Room, values: Json, says: str) -> None:
    view_id = await opened(room)
    before = len(room.app.seen)
    outcome = await room.slack.submit_view(room.ana, view_id, values)
    assert says in outcome.errors["why"]
    assert len(room.app.seen) == before
    assert room.slack.views(room.ana)[-1].id == view_id


async def test_the_app_answers_with_errors_update_push_or_clear(room: Room) -> None:
    view_id = await opened(room)
    room.app.answer = answers({"response_action": "errors", "errors": {"why": "too vague"}})
    outcome = await room.slack.submit_view(room.ana, view_id, {"Why": "because"})
    assert (outcome.errors, outcome.view is not None) == ({"why": "too vague"}, True)
    room.app.answer = answers({"response_action": "update", "view": modal("Sure?")})
    outcome = await room.slack.submit_view(room.ana, view_id)
    assert outcome.view is not None
    assert outcome.view.body["title"]["text"] == "Sure?"
    room.app.answer = answers({"response_action": "push", "view": modal("Really?")})
    outcome = await room.slack.submit_view(room.ana, view_id, {"Why": "because"})
    assert len(room.slack.views(room.ana)) == 2
    room.app.answer = answers({"response_action": "clear"})
    top = room.slack.views(room.ana)[-1]
    outcome = await room.slack.submit_view(room.ana, top.id, {"Why": "because"})
    assert (outcome.view, room.slack.views(room.ana)) == (None, ())


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ({"response_action": "errors", "errors": {"acts": "x"}}, "invalid_response_errors"),
        ({"response_action": "update", "view": {"type": "modal"}}, "invalid_view"),
        ({"response_action": "explode"}, "invalid_response_action"),
    ],
)
async def test_a_bad_answer_is_trouble_and_the_modal_stays(room: Room, answer: Json, trouble: str) -> None:
    view_id = await opened(room)
    room.app.answer = answers(answer)
    outcome = await room.slack.submit_view(room.ana, view_id, {"Why": "because"})
    assert outcome.error is not None
    assert outcome.error.startswith(trouble)
    assert outcome.view is not None


async def test_no_answer_keeps_the_modal_open(room: Room) -> None:
    view_id = await opened(room)
    room.app.answer = answers(status=500)
    outcome = await room.slack.submit_view(room.ana, view_id, {"Why": "because"})
    assert (outcome.error, outcome.view is not None) == ("dispatch_failed", True)


async def test_closing_is_told_where_the_view_asks(room: Room) -> None:
    quiet = await opened(room)
    assert await room.slack.close_view(room.ana, quiet) is None
    told = await opened(room, notify_on_close=True)
    assert await room.slack.close_view(room.ana, told) is not None
    payload = room.app.seen[-1].payload
    assert (payload["type"], payload["is_cleared"]) == ("view_closed", False)
    with pytest.raises(LookupError, match="nothing is"):
        await room.slack.submit_view(room.ana, told)


async def test_a_choice_in_an_input_is_told_only_with_dispatch_action(room: Room) -> None:
    view_id = await opened(room)
    before = len(room.app.seen)
    assert not (await room.slack.choose_in_view(room.ana, view_id, "Who", room.ben)).delivered
    assert len(room.app.seen) == before
    await room.slack.submit_view(room.ana, view_id, {"Why": "because"})
    held = room.app.seen[-1].payload["view"]["state"]["values"]["who"]["person"]
    assert held["selected_user"] == room.ben
