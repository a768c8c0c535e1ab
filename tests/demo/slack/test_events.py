"""The Events API: an app hears of what it subscribed to, in the shapes that Slack sends."""

import pytest

from bot.demo.slack.limits import Limits
from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import Json, answers

EVERYTHING = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "channel_archive",
        "file_shared",
        "member_joined_channel",
        "member_left_channel",
        "message.channels",
        "message.groups",
        "message.im",
        "reaction_added",
        "reaction_removed",
    }
)


@pytest.fixture
def subscriptions() -> frozenset[str]:
    return EVERYTHING


@pytest.fixture
def limits() -> Limits:
    return Limits(ack_s=0.5, event_retries_s=(0.0, 0.05, 0.05))


def heard(room: Room, kind: str | None = None) -> list[Json]:
    """The inner events that reached the app, in the order of their timestamps."""
    found = [request.payload["event"] for request in room.app.seen if request.payload]
    return sorted(
        (each for each in found if kind in {None, each["type"]}), key=lambda each: float(each["event_ts"])
    )


async def said(room: Room, text: str, **how: Json) -> Json:
    """Ana says something; the message event of it."""
    message = room.slack.say(room.ana, room.channel, text, **how)
    await room.slack.settled()
    return next(each for each in heard(room, "message") if each["ts"] == message.ts)


async def test_a_message_in_the_apps_channel_is_heard(room: Room) -> None:
    event = await said(room, "is it us & them?")
    assert {key: event[key] for key in ("type", "user", "text", "channel", "channel_type")} == {
        "type": "message",
        "user": room.ana,
        "text": "is it us &amp; them?",
        "channel": room.channel,
        "channel_type": "channel",
    }
    assert "subtype" not in event
    assert event["event_ts"] == event["ts"]
    envelope = room.app.seen[0].payload
    assert (envelope["type"], envelope["event_id"][:2]) == ("event_callback", "Ev")


async def test_a_reply_names_its_thread_and_whose_it_is(room: Room) -> None:
    head = room.slack.say(room.ben, room.channel, "it is broken")
    event = await said(room, "since when?", thread_ts=head.ts)
    assert (event["thread_ts"], event["parent_user_id"]) == (head.ts, room.ben)


async def test_the_apps_own_messages_are_heard_with_their_bot_id(room: Room) -> None:
    posted = await room.api("chat.postMessage", channel=room.channel, text="card")
    await room.api("chat.update", channel=room.channel, ts=posted["ts"], text="newer card")
    await room.api("chat.delete", channel=room.channel, ts=posted["ts"])
    await room.api("chat.postEphemeral", channel=room.channel, user=room.ana, text="for you alone")
    await room.slack.settled()
    new, changed, deleted = heard(room)
    assert (new["bot_id"], new["user"]) == (posted["message"]["bot_id"], room.slack.bot_user)
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("newer card", "card")
    assert deleted["deleted_ts"] == posted["ts"]


async def test_an_edit_tells_both_texts(room: Room) -> None:
    message = room.slack.say(room.ana, room.channel, "429s")
    [ack] = await room.slack.edit(room.ana, room.channel, message.ts, "429s since 10:00")
    assert ack.status == 200
    await room.slack.settled()
    event = heard(room)[-1]
    assert (event["subtype"], event["message"]["ts"]) == ("message_changed", message.ts)
    assert event["message"]["text"] == "429s since 10:00"
    assert event["message"]["edited"]["user"] == room.ana
    assert event["previous_message"]["text"] == "429s"


async def test_nobody_changes_what_another_said(room: Room) -> None:
    message = room.slack.say(room.ana, room.channel, "mine")
    with pytest.raises(LookupError, match="not Ben's"):
        await room.slack.edit(room.ben, room.channel, message.ts, "his")
    with pytest.raises(LookupError, match="not Ben's"):
        await room.slack.remove(room.ben, room.channel, message.ts)


async def test_a_deleted_message_is_told_with_what_it_said(room: Room) -> None:
    message = room.slack.say(room.ana, room.channel, "a token, by mistake")
    await room.slack.remove(room.ana, room.channel, message.ts)
    await room.slack.settled()
    event = heard(room)[-1]
    assert (event["subtype"], event["deleted_ts"]) == ("message_deleted", message.ts)
    assert event["previous_message"]["text"] == "a token, by mistake"
    assert room.slack.messages(room.channel) == ()


async def test_a_deleted_head_of_a_thread_leaves_a_tombstone(room: Room) -> None:
    head = room.slack.say(room.ana, room.channel, "it is broken")
    room.slack.say(room.ben, room.channel, "since when?", thread_ts=head.ts)
    await room.slack.remove(room.ana, room.channel, head.ts)
    await room.slack.settled()
    event = heard(room)[-1]
    assert (event["subtype"], event["message"]["subtype"]) == ("message_changed", "tombstone")


async def test_reactions_come_and_go(room: Room) -> None:
    message = room.slack.say(room.ana, room.channel, "429s")
    await room.slack.react(room.ben, room.channel, message.ts, ":pushpin:")
    assert await room.slack.react(room.ben, room.channel, message.ts, "pushpin") == ()
    await room.slack.unreact(room.ben, room.channel, message.ts, "pushpin")
    assert await room.slack.unreact(room.ben, room.channel, message.ts, "pushpin") == ()
    item = {"type": "message", "channel": room.channel, "ts": message.ts}
    for kind in ("reaction_added", "reaction_removed"):
        [event] = heard(room, kind)
        assert (event["user"], event["item_user"], event["reaction"], event["item"]) == (
            room.ben,
            room.ana,
            "pushpin",
            item,
        )
    assert message.reactions == {}


async def test_a_mention_of_the_app_is_heard_twice_in_threads_too(room: Room) -> None:
    head = room.slack.say(room.ana, room.channel, "it is broken")
    event = await said(room, "@mx status", thread_ts=head.ts)
    [mention] = heard(room, "app_mention")
    assert event["text"] == mention["text"] == f"<@{room.slack.bot_user}> status"
    assert (mention["thread_ts"], mention["ts"], mention["channel"]) == (head.ts, event["ts"], room.channel)


async def test_a_mention_that_comes_with_an_edit_is_heard_once(room: Room) -> None:
    message = room.slack.say(room.ana, room.channel, "status")
    await room.slack.edit(room.ana, room.channel, message.ts, "@mx status")
    await room.slack.edit(room.ana, room.channel, message.ts, "@mx status please")
    await room.slack.settled()
    [mention] = heard(room, "app_mention")
    assert mention["edited"]["user"] == room.ana


async def test_the_app_does_not_mention_itself(room: Room) -> None:
    await room.api("chat.postMessage", channel=room.channel, text=f"ask <@{room.slack.bot_user}>")
    await room.slack.settled()
    assert heard(room, "app_mention") == []


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("@Ben look", "<@{ben}> look"),
        ("<@{ben}> look", "<@{ben}> look"),
        ("@nobody look", "@nobody look"),
        ("mail me@ben.org", "mail me@ben.org"),
        ("see https://x.org/?a=1&b=2.", "see <https://x.org/?a=1&amp;b=2>."),
        ("in #incidents", "in <#{channel}|incidents>"),
        ("@here <!channel>", "<!here> <!channel>"),
        ("@ops <script>", "<!subteam^{ops}> &lt;script&gt;"),
    ],
)
async def test_what_people_type_is_marked_and_escaped_as_the_client_does(
    room: Room, text: str, sent: str
) -> None:
    known = {"ben": room.ben, "channel": room.channel, "ops": room.slack.add_group("ops", [room.ana])}
    for name, value in known.items():
        text, sent = text.replace(f"{{{name}}}", value), sent.replace(f"{{{name}}}", value)
    assert (await said(room, text))["text"] == sent


async def test_a_file_is_heard_as_a_message_and_as_a_file(room: Room) -> None:
    room.slack.state.scopes.discard("files:read")
    message = await room.slack.attach(room.ana, room.channel, "graph.png", b"PNG", text="look")
    await room.slack.settled()
    [event] = heard(room, "message")
    [file] = event["files"]
    assert (event["subtype"], event["text"], event["ts"]) == ("file_share", "look", message.ts)
    assert (file["name"], file["mimetype"], file["size"]) == ("graph.png", "image/png", 3)
    assert heard(room, "file_shared") == []
    room.slack.state.scopes.add("files:read")
    await room.slack.attach(room.ana, room.channel, "log.txt", b"x")
    await room.slack.settled()
    assert [each["channel_id"] for each in heard(room, "file_shared")] == [room.channel]


async def test_a_private_channel_has_its_own_event(room: Room) -> None:
    private = room.slack.create_channel("secret", [room.ana], private=True)
    room.slack.say(room.ana, private, "hush")
    await room.slack.settled()
    assert [each["channel_type"] for each in heard(room)] == ["group"]
    room.slack.subscriptions.remove("message.groups")
    room.slack.say(room.ana, private, "hush hush")
    await room.slack.settled()
    assert len(heard(room)) == 1


async def test_the_app_hears_nothing_from_where_it_is_not(room: Room) -> None:
    room.slack.remove_bot(room.channel)
    message = room.slack.say(room.ana, room.channel, "@mx are you there?")
    await room.slack.react(room.ana, room.channel, message.ts, "eyes")
    await room.slack.settled()
    assert heard(room) == []


async def test_an_event_needs_its_scope_too(room: Room) -> None:
    room.slack.state.scopes -= {"channels:history", "reactions:read"}
    message = room.slack.say(room.ana, room.channel, "@mx status")
    await room.slack.react(room.ana, room.channel, message.ts, "eyes")
    await room.slack.settled()
    assert [each["type"] for each in heard(room)] == ["app_mention"]


async def test_people_come_and_go(room: Room) -> None:
    cleo = room.slack.add_user("Cleo")
    await room.slack.join(cleo, room.channel)
    assert await room.slack.join(cleo, room.channel) == ()
    await room.slack.leave(cleo, room.channel)
    room.slack.archive(room.channel)
    await room.slack.settled()
    kinds = ["member_joined_channel", "member_left_channel", "channel_archive"]
    assert [each["type"] for each in heard(room)] == kinds


async def test_opening_the_home_is_heard_with_what_is_published(room: Room) -> None:
    await room.slack.open_home(room.ana)
    view = {"type": "home", "blocks": [{"type": "divider"}]}
    published = await room.api("views.publish", user_id=room.ana, view=view)
    await room.slack.open_home(room.ana)
    await room.slack.open_home(room.ana, tab="messages")
    bare, full, messages = heard(room, "app_home_opened")
    assert ("view" in bare, full["view"]["id"], messages["tab"]) == (
        False,
        published["view"]["id"],
        "messages",
    )
    assert (full["channel"][0], full["user"]) == ("D", room.ana)


async def test_an_event_that_the_app_refuses_is_tried_again(room: Room) -> None:
    room.app.answer = answers(status=500)
    message = room.slack.say(room.ana, room.channel, "429s")
    await room.slack.until(lambda: len(room.app.seen) == 4, what="three more attempts")
    assert {request.payload["event"]["ts"] for request in room.app.seen} == {message.ts}
    assert len({request.payload["event_id"] for request in room.app.seen}) == 1
    assert [request.headers.get("X-Slack-Retry-Num") for request in room.app.seen] == [None, "1", "2", "3"]


async def test_a_lost_event_comes_again_and_a_repeated_one_comes_twice(room: Room) -> None:
    room.slack.mischief.lose_events = 1
    room.slack.say(room.ana, room.channel, "429s")
    await room.slack.until(lambda: room.app.seen, what="the second attempt")
    assert room.app.seen[0].headers["X-Slack-Retry-Reason"] == "http_timeout"
    room.slack.mischief.repeat = 1
    room.slack.say(room.ana, room.channel, "still")
    await room.slack.settled()
    ids = [request.payload["event_id"] for request in room.app.seen]
    assert (len(ids), len(set(ids))) == (3, 2)
