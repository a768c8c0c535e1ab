"""App Home, shortcuts, and every kind of control in a message, a modal and App Home."""

from typing import Literal

import pytest

from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import CONFIRM, Json, actions, answers, button, section


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def options(*names: str) -> list[Json]:
    return [{"text": plain(name), "value": name.lower()} for name in names]


async def published(room: Room, *blocks: Json) -> None:
    """Ana's App Home shows these."""
    answer = await room.api("views.publish", user_id=room.ana, view={"type": "home", "blocks": list(blocks)})
    assert answer["ok"], answer


async def test_a_button_in_the_home_says_where_it_stands(room: Room) -> None:
    await published(room, section("one incident"), actions(button("Open", "open", confirm=CONFIRM)))
    outcome = await room.slack.click_home(room.ana, "Open")
    assert (outcome.status, outcome.confirm is not None) == (200, True)
    payload = room.app.seen[0].payload
    home = room.slack.home(room.ana)
    assert home is not None
    assert payload["container"] == {"type": "view", "view_id": home.id}
    assert (payload["type"], payload["view"]["type"], payload["user"]["id"]) == (
        "block_actions",
        "home",
        room.ana,
    )
    assert payload["actions"][0]["action_id"] == "open"
    assert "response_url" not in payload
    opened = await room.api("views.open", trigger_id=payload["trigger_id"], view=modal())
    assert (opened["ok"], len(room.slack.views(room.ana))) == (True, 1)


async def test_nothing_is_pushed_onto_the_home(room: Room) -> None:
    await published(room, actions(button("Open", "open")))
    await room.slack.click_home(room.ana, "open")
    trigger = room.app.seen[0].payload["trigger_id"]
    assert (await room.api("views.push", trigger_id=trigger, view=modal()))["error"] == "not_found"


async def test_choices_in_the_home_are_told_and_kept(room: Room) -> None:
    menu = {"type": "static_select", "action_id": "which", "options": options("A", "B")}
    await published(room, actions(menu), actions(button("Go", "go")))
    await room.slack.choose_home(room.ana, "which", "B")
    assert room.app.seen[0].payload["actions"][0]["selected_option"]["value"] == "b"
    await room.slack.click_home(room.ana, "go")
    [held] = room.app.seen[1].payload["view"]["state"]["values"].values()
    assert held["which"]["selected_option"]["value"] == "b"


async def test_a_home_that_nobody_published_cannot_be_clicked(room: Room) -> None:
    with pytest.raises(LookupError, match="no home for Ana"):
        await room.slack.click_home(room.ana, "go")


def modal(*blocks: Json) -> Json:
    return {"type": "modal", "title": plain("M"), "blocks": list(blocks) or [section("x")]}


async def test_a_shortcut_carries_the_message_it_was_taken_from(room: Room) -> None:
    head = room.slack.say(room.ben, room.channel, "it is broken")
    reply = await room.slack.attach(
        room.ana, room.channel, "log.txt", b"429", thread_ts=head.ts, text="since 10:00"
    )
    ack = await room.slack.shortcut(room.ben, room.channel, reply.ts, "note")
    assert ack.status == 200
    payload = room.app.seen[0].payload
    assert (payload["type"], payload["callback_id"], payload["message_ts"]) == (
        "message_action",
        "note",
        reply.ts,
    )
    assert (payload["user"]["id"], payload["channel"]["id"]) == (room.ben, room.channel)
    message = payload["message"]
    assert (message["user"], message["text"], message["thread_ts"]) == (room.ana, "since 10:00", head.ts)
    assert [file["name"] for file in message["files"]] == ["log.txt"]
    opened = await room.api("views.open", trigger_id=payload["trigger_id"], view=modal())
    async with room.api.session.post(payload["response_url"], json={"text": "noted"}) as answer:
        assert (opened["ok"], answer.status) == (True, 200)
    assert [each.text for each in room.slack.ephemerals(room.ben, room.channel)] == ["noted"]


async def test_a_shortcut_works_where_the_app_is_not(room: Room) -> None:
    elsewhere = room.slack.create_channel("elsewhere", [room.ana], bot_member=False)
    message = room.slack.say(room.ana, elsewhere, "look")
    await room.slack.shortcut(room.ana, elsewhere, message.ts, "Put on the timeline")
    assert room.app.seen[0].payload["message"]["text"] == "look"


async def test_a_global_shortcut_knows_of_no_channel(room: Room) -> None:
    await room.slack.global_shortcut(room.ana, "new")
    payload = room.app.seen[0].payload
    assert (payload["type"], payload["callback_id"]) == ("shortcut", "new")
    assert not {"channel", "message", "response_url"} & set(payload)


async def test_a_shortcut_that_the_app_does_not_have_is_not_there(room: Room) -> None:
    message = room.slack.say(room.ana, room.channel, "look")
    with pytest.raises(LookupError, match=r"there is: note \(message\), new \(global\)"):
        await room.slack.shortcut(room.ana, room.channel, message.ts, "new")


CONTROLS: list[tuple[Json, str | list[str], Json]] = [
    ({"type": "static_select", "options": options("A", "B")}, "B", {"selected_option": options("B")[0]}),
    (
        {"type": "multi_static_select", "options": options("A", "B")},
        ["A"],
        {"selected_options": options("A")},
    ),
    ({"type": "overflow", "options": options("A", "B")}, "A", {"selected_option": options("A")[0]}),
    ({"type": "radio_buttons", "options": options("A", "B")}, "b", {"selected_option": options("B")[0]}),
    (
        {"type": "checkboxes", "options": options("A", "B")},
        ["A", "B"],
        {"selected_options": options("A", "B")},
    ),
    ({"type": "users_select"}, "U1", {"selected_user": "U1"}),
    ({"type": "multi_users_select"}, ["U1", "U2"], {"selected_users": ["U1", "U2"]}),
    ({"type": "conversations_select"}, "C1", {"selected_conversation": "C1"}),
    ({"type": "channels_select"}, "C1", {"selected_channel": "C1"}),
    ({"type": "datepicker"}, "2026-11-26", {"selected_date": "2026-11-26"}),
    ({"type": "timepicker"}, "10:30", {"selected_time": "10:30"}),
    ({"type": "datetimepicker"}, "1795687200", {"selected_date_time": 1795687200}),
]


@pytest.mark.parametrize(("element", "value", "sent"), CONTROLS, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("place", ["message", "home"])
async def test_every_control_sends_what_was_chosen(
    room: Room, place: Literal["message", "home"], element: Json, value: str | list[str], sent: Json
) -> None:
    block = actions({"action_id": "it", **element})
    if place == "home":
        await published(room, block)
        await room.slack.choose_home(room.ana, "it", value)
    else:
        posted = await room.api("chat.postMessage", channel=room.channel, text="x", blocks=[block])
        await room.slack.choose(room.ana, room.channel, posted["ts"], "it", value)
    payload = room.app.seen[0].payload
    [action] = payload["actions"]
    assert {key: action[key] for key in sent} == sent
    state = payload["state"]["values"] if place == "message" else payload["view"]["state"]["values"]
    held = [each["it"] for each in state.values()]
    assert held == ([] if element["type"] == "overflow" else [{"type": element["type"], **sent}])


async def test_an_input_in_a_message_is_sent_with_its_button(room: Room) -> None:
    why = {"type": "plain_text_input", "action_id": "why"}
    blocks = [
        {"type": "input", "block_id": "b", "label": plain("Why"), "element": why},
        actions({"type": "radio_buttons", "action_id": "who", "options": options("A")}),
        actions(button("Send", "send")),
    ]
    posted = await room.api("chat.postMessage", channel=room.channel, text="x", blocks=blocks)
    typed = await room.slack.choose(room.ana, room.channel, posted["ts"], "Why", "429s")
    assert (typed.delivered, room.app.seen) == (False, [])
    await room.slack.click(room.ana, room.channel, posted["ts"], "Send")
    state = room.app.seen[0].payload["state"]["values"]
    assert state["b"]["why"]["value"] == "429s"
    assert sorted(action for held in state.values() for action in held) == ["who", "why"]
    await room.slack.click(room.ben, room.channel, posted["ts"], "Send")
    assert room.app.seen[1].payload["state"]["values"]["b"]["why"]["value"] is None


@pytest.mark.parametrize("place", ["message", "modal", "home"])
async def test_a_menu_asks_the_app_for_its_options(room: Room, place: str) -> None:
    menu = {"type": "external_select", "action_id": "order", "min_query_length": 0}
    answer = answers({"options": options("WO-1", "WO-2")})
    if place == "message":
        blocks = [actions(menu)]
        ts = (await room.api("chat.postMessage", channel=room.channel, text="x", blocks=blocks))["ts"]
        room.app.answer = answer
        found = await room.slack.suggest(room.ana, "order", "wo", channel=room.channel, message_ts=ts)
        await room.slack.choose(room.ana, room.channel, ts, "order", "WO-2")
    elif place == "modal":
        await room.slack.command(room.ana, room.channel, "/mx", "open")
        trigger = room.app.seen.pop().fields["trigger_id"]
        view = (await room.api("views.open", trigger_id=trigger, view=modal(actions(menu))))["view"]
        room.app.answer = answer
        found = await room.slack.suggest(room.ana, "order", "wo", view_id=view["id"])
        await room.slack.choose_in_view(room.ana, view["id"], "order", "WO-2")
    else:
        await published(room, actions(menu))
        room.app.answer = answer
        found = await room.slack.suggest(room.ana, "order", "wo")
        await room.slack.choose_home(room.ana, "order", "WO-2")
    assert [each["value"] for each in found] == ["wo-1", "wo-2"]
    asked, chosen = (request.payload for request in room.app.seen)
    assert (asked["type"], asked["action_id"], asked["value"]) == ("block_suggestion", "order", "wo")
    assert ("message" in asked, "view" in asked) == (place == "message", place != "message")
    assert chosen["actions"][0]["selected_option"]["value"] == "wo-2"


@pytest.mark.parametrize("body", ["", "no JSON", "[]", '{"options": [{"text": "WO-1"}]}', '{"options": 7}'])
async def test_bad_options_are_none(room: Room, body: str) -> None:
    await published(room, actions({"type": "external_select", "action_id": "order"}))
    room.app.answer = answers(body)
    assert await room.slack.suggest(room.ana, "order", "wo") == ()


async def test_options_in_groups_are_taken_too(room: Room) -> None:
    await published(room, actions({"type": "external_select", "action_id": "order"}))
    room.app.answer = answers({"option_groups": [{"label": plain("open"), "options": options("WO-1")}]})
    [found] = await room.slack.suggest(room.ana, "order", "wo")
    assert found["value"] == "wo-1"
    await published(room, actions({"type": "users_select", "action_id": "who"}))
    with pytest.raises(LookupError, match="brings no options"):
        await room.slack.suggest(room.ana, "who", "a")
