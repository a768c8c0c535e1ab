"""What a careless app does, over the wire, and what it gets for it: the limits that other files do not hold to yet."""

import pytest

from bot.demo.slack.pings import notifications
from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import Json, actions, answers, button, section

DIVIDER = {"type": "divider"}
PLAIN = {"type": "plain_text", "text": "x"}


def modal(**change: Json) -> Json:
    return {"type": "modal", "title": PLAIN, "blocks": [DIVIDER], **change}


async def test_the_body_of_a_rate_limit_is_slacks(room: Room) -> None:
    url = f"{room.slack.api_url}chat.postMessage"
    headers = {"Authorization": f"Bearer {room.slack.bot_token}"}
    body = {"channel": room.channel, "text": "x"}
    for _ in range(5):
        async with room.api.session.post(url, json=body, headers=headers) as answer:
            assert answer.status == 200
    async with room.api.session.post(url, json=body, headers=headers) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        assert await answer.json() == {"ok": False, "error": "ratelimited"}


async def test_a_refused_post_is_not_there(room: Room) -> None:
    for n in range(6):
        await room.api("chat.postMessage", channel=room.channel, text=str(n))
    assert [each.text for each in room.slack.messages(room.channel)] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "message",
    [
        {"text": "the error was <!channel>"},
        {"text": "fallback <!here>", "blocks": [section("harmless")]},
        {"text": "harmless", "blocks": [section("host <!everyone>")]},
        {"text": "@channel", "link_names": True},
        {"text": "x", "attachments": [{"text": "<!channel>"}]},
    ],
)
async def test_what_an_app_did_not_escape_pings(room: Room, message: Json) -> None:
    await room.api("chat.postMessage", channel=room.channel, **message)
    [seen] = room.slack.messages(room.channel)
    assert len(notifications(seen)) == 1


async def test_what_an_app_escaped_pings_nobody(room: Room) -> None:
    text = "the error was &lt;!channel&gt;"
    await room.api("chat.postMessage", channel=room.channel, text=text, blocks=[section(text)])
    [seen] = room.slack.messages(room.channel)
    assert notifications(seen) == ()


async def trigger(room: Room) -> str:
    await room.slack.command(room.ana, room.channel, "/mx", "x")
    return str(room.app.seen[-1].fields["trigger_id"])


@pytest.mark.parametrize(
    ("view", "pointer"),
    [
        ({"type": "home", "blocks": [DIVIDER]}, "/view"),
        (modal(blocks=[DIVIDER] * 101), "/view/blocks"),
        (modal(title={"type": "plain_text", "text": "x" * 25}), "/view/title/text"),
        (modal(title={"type": "mrkdwn", "text": "x"}), "/view/title/type"),
        (modal(private_metadata="x" * 3001), "/view/private_metadata"),
        (modal(callback_id="x" * 256), "/view/callback_id"),
        (modal(color="red"), "/view"),
    ],
)
async def test_a_bad_modal_is_not_opened(room: Room, view: Json, pointer: str) -> None:
    answer = await room.api("views.open", trigger_id=await trigger(room), view=view)
    assert answer["error"] == "invalid_arguments"
    assert f"[json-pointer:{pointer}" in " ".join(answer["response_metadata"]["messages"])
    assert room.slack.views(room.ana) == ()


async def test_a_message_takes_fifty_blocks(room: Room) -> None:
    full = await room.api("chat.postMessage", channel=room.channel, text="x", blocks=[DIVIDER] * 50)
    over = await room.api("chat.postMessage", channel=room.channel, text="x", blocks=[DIVIDER] * 51)
    assert (full["ok"], over["error"]) == (True, "invalid_blocks")
    assert over["response_metadata"]["messages"][0].startswith("[ERROR] no more than 50 items allowed")


async def test_bad_blocks_are_refused_in_every_way_to_show_them(room: Room) -> None:
    bad = [actions(button("x" * 76))]
    posted = await room.api("chat.postMessage", channel=room.channel, text="x")
    ways = [
        ("chat.postMessage", {"text": "x"}),
        ("chat.update", {"text": "x", "ts": posted["ts"]}),
        ("chat.postEphemeral", {"text": "x", "user": room.ana}),
    ]
    for method, args in ways:
        refused = await room.api(method, channel=room.channel, blocks=bad, **args)
        assert refused["error"] == "invalid_blocks", method
    await room.slack.command(room.ana, room.channel, "/mx", "x")
    url = room.app.seen[-1].fields["response_url"]
    async with room.api.session.post(url, json={"text": "x", "blocks": bad}) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_blocks")
    room.app.answer = answers({"text": "x", "blocks": bad})
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "x")
    assert outcome.error == '/mx failed with the error "invalid_command_response"'
    home = await room.api("views.publish", user_id=room.ana, view={"type": "home", "blocks": bad})
    assert home["error"] == "invalid_arguments"
    assert [each.text for each in room.slack.messages(room.channel)] == ["x"]


async def test_an_app_that_is_no_member_cannot_read_change_or_mark(room: Room) -> None:
    posted = await room.api("chat.postMessage", channel=room.channel, text="x")
    room.slack.remove_bot(room.channel)
    where = {"channel": room.channel}
    tries: list[tuple[str, Json]] = [
        ("chat.postMessage", {"text": "x"}),
        ("chat.postEphemeral", {"text": "x", "user": room.ana}),
        ("conversations.history", {}),
        ("conversations.replies", {"ts": posted["ts"]}),
        ("reactions.add", {"timestamp": posted["ts"], "name": "eyes"}),
        ("pins.add", {"timestamp": posted["ts"]}),
    ]
    for method, args in tries:
        assert (await room.api(method, **where, **args))["error"] == "not_in_channel", method
