"""The Web API refuses what Slack refuses, with Slack's codes."""

import json
from typing import Any

import pytest

from bot.demo.slack.limits import Limits
from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import actions, button, section

Json = Any


@pytest.fixture
def limits() -> Limits:
    return Limits(rates=False)


@pytest.mark.parametrize(
    ("token", "code"),
    [(None, "not_authed"), ("xoxb-wrong", "invalid_auth"), ("app", "not_allowed_token_type")],
)
async def test_a_call_needs_the_bots_token(room: Room, token: str | None, code: str) -> None:
    assert (await room.api("auth.test", token=token))["error"] == code
    assert room.api.status == 200


async def test_auth_test_says_who_the_token_is(room: Room) -> None:
    who = await room.api("auth.test")
    assert (who["ok"], who["user_id"], who["team_id"]) == (True, room.slack.bot_user, "T0STANDIN")


async def test_arguments_come_as_json_form_or_query(room: Room) -> None:
    token = room.slack.bot_token
    form = {"channel": room.channel, "blocks": json.dumps([section("hi")]), "token": token}
    posted = await room.api.send("chat.postMessage", token=None, data=form)
    got = await room.api.send(
        "chat.getPermalink", verb="GET", params={"channel": room.channel, "message_ts": posted["ts"]}
    )
    assert got["permalink"].endswith(f"/archives/{room.channel}/p{posted['ts'].replace('.', '')}")


async def test_a_token_in_a_json_body_is_no_token(room: Room) -> None:
    body = {"token": room.slack.bot_token}
    assert (await room.api.send("auth.test", token=None, json=body))["error"] == "not_authed"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, "invalid_json"),
        ({"json": [1]}, "json_not_object"),
        (
            {"data": b"a=\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            "invalid_form_data",
        ),
        ({"data": b"<a/>", "headers": {"Content-Type": "application/xml"}}, "invalid_post_type"),
    ],
)
async def test_a_body_that_is_no_arguments_is_refused(room: Room, how: Json, code: str) -> None:
    assert (await room.api.send("chat.postMessage", **how))["error"] == code


@pytest.mark.parametrize(
    ("method", "args", "code"),
    [
        ("chat.postMassage", {}, "unknown_method"),
        ("chat.postMessage", {"text": "hi"}, "invalid_arguments"),
        ("chat.postMessage", {"channel": "C404", "text": "hi"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "HERE"}, "no_text"),
        ("chat.postMessage", {"channel": "HERE", "text": " \n"}, "no_text"),
        ("chat.postMessage", {"channel": "HERE", "blocks": "[{"}, "invalid_blocks_format"),
        ("chat.postMessage", {"channel": "HERE", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ("chat.postMessage", {"channel": "HERE", "blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ("chat.postMessage", {"channel": "HERE", "blocks": [section("x" * 2900)] * 5}, "msg_blocks_too_long"),
        ("chat.postMessage", {"channel": "HERE", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ("chat.postMessage", {"channel": "HERE", "text": "x", "metadata": {}}, None),
        (
            "chat.postMessage",
            {"channel": "HERE", "text": "x", "metadata": {"event_type": "card"}},
            "invalid_metadata_format",
        ),
        (
            "chat.postMessage",
            {
                "channel": "HERE",
                "text": "x",
                "metadata": {"event_type": "card", "event_payload": {"a": "x" * 9000}},
            },
            "metadata_too_large",
        ),
        (
            "chat.postMessage",
            {"channel": "HERE", "text": "x", "markdown_text": "y"},
            "markdown_text_conflict",
        ),
        ("chat.postMessage", {"channel": "HERE", "markdown_text": "x" * 12_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": "HERE", "markdown_text": "*x*"}, None),
        (
            "chat.postMessage",
            {"channel": "HERE", "text": "x", "attachments": [{}] * 101},
            "too_many_attachments",
        ),
        ("chat.update", {"channel": "HERE", "ts": "1.000001", "text": "x"}, "message_not_found"),
        ("chat.update", {"channel": "HERE", "ts": "THEIRS", "text": "x"}, "cant_update_message"),
        ("chat.delete", {"channel": "HERE", "ts": "THEIRS"}, "cant_delete_message"),
        ("chat.delete", {"channel": "HERE", "ts": "1.000001"}, "message_not_found"),
        ("chat.postEphemeral", {"channel": "HERE", "user": "U404", "text": "x"}, "user_not_in_channel"),
        ("chat.getPermalink", {"channel": "HERE", "message_ts": "1.000001"}, "message_not_found"),
        ("conversations.info", {"channel": "C404"}, "channel_not_found"),
        ("conversations.history", {"channel": "HERE", "cursor": "???"}, "invalid_cursor"),
        ("conversations.history", {"channel": "HERE", "oldest": "noon"}, "invalid_ts_oldest"),
        ("conversations.history", {"channel": "HERE", "latest": "later"}, "invalid_ts_latest"),
        ("conversations.history", {"channel": "HERE", "limit": 0}, "invalid_limit"),
        ("conversations.join", {"channel": "PRIVATE"}, "method_not_supported_for_channel_type"),
        ("conversations.replies", {"channel": "HERE", "ts": "1.000001"}, "thread_not_found"),
        ("conversations.members", {"channel": "HERE", "limit": -1}, "invalid_limit"),
        ("users.info", {"user": "U404"}, "user_not_found"),
        ("usergroups.users.list", {"usergroup": "S404"}, "no_such_subteam"),
        ("reactions.add", {"channel": "HERE", "timestamp": "soon", "name": "eyes"}, "bad_timestamp"),
        ("reactions.add", {"channel": "HERE", "timestamp": "THEIRS", "name": "An eye"}, "invalid_name"),
        ("reactions.add", {"channel": "HERE", "name": "eyes"}, "no_item_specified"),
        ("pins.add", {"channel": "HERE", "timestamp": "1111111111.000001"}, "message_not_found"),
        ("blocks.validate", {}, "invalid_arguments"),
        ("blocks.validate", {"blocks": [{"type": "divider"}]}, None),
        ("blocks.validate", {"view": {"type": "modal"}}, "invalid_view"),
        ("blocks.validate", {"message": {"blocks": [{"type": "banner"}]}}, "invalid_message"),
    ],
)
async def test_slack_code_of_each_refusal(room: Room, method: str, args: Json, code: str | None) -> None:
    theirs = room.slack.say(room.ana, room.channel, "hello")
    private = room.slack.create_channel("private", [room.ana], private=True)
    named = {"HERE": room.channel, "THEIRS": theirs.ts, "PRIVATE": private}
    sent = {key: named.get(value, value) if isinstance(value, str) else value for key, value in args.items()}
    answer = await room.api(method, **sent)
    assert (answer["ok"], answer.get("error"), room.api.status) == (code is None, code, 200)


async def test_refused_blocks_name_every_fault(room: Room) -> None:
    bad = [section("x" * 3001), actions(button(), button())]
    answer = await room.api("chat.postMessage", channel=room.channel, blocks=bad)
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        "[ERROR] `action_id` already exists: go [json-pointer:/blocks/1/elements/1/action_id]",
    ]
    checked = await room.api("blocks.validate", token=None, blocks=bad)
    assert checked["error"] == "invalid_blocks"
    assert [fault["pointer"] for fault in checked["errors"]] == ["/0/text/text", "/1/elements/1/action_id"]


async def test_the_bot_posts_only_where_it_is(room: Room) -> None:
    public = room.slack.create_channel("general", [room.ana], bot_member=False)
    private = room.slack.create_channel("secret", [room.ana], private=True, bot_member=False)
    assert (await room.api("chat.postMessage", channel=public, text="x"))["error"] == "not_in_channel"
    assert (await room.api("chat.postMessage", channel=private, text="x"))["error"] == "channel_not_found"
    assert (await room.api("conversations.history", channel=public))["error"] == "not_in_channel"
    assert (await room.api("conversations.info", channel=public))["channel"]["is_member"] is False
    assert (await room.api("conversations.join", channel=public))["ok"] is True
    room.slack.invite_bot(private)
    assert (await room.api("chat.postMessage", channel=public, text="x"))["ok"] is True
    assert (await room.api("chat.postMessage", channel=private, text="x"))["ok"] is True


async def test_nothing_is_posted_into_an_archived_channel(room: Room) -> None:
    room.slack.archive(room.channel)
    assert (await room.api("chat.postMessage", channel=room.channel, text="x"))["error"] == "is_archived"


async def test_only_a_message_takes_replies(room: Room) -> None:
    theirs = room.slack.say(room.ana, room.channel, "hello")
    reply = room.slack.say(room.ben, room.channel, "hi", thread_ts=theirs.ts)
    in_reply = {"channel": room.channel, "text": "x", "thread_ts": reply.ts}
    assert (await room.api("chat.postMessage", **in_reply))["error"] == "cannot_reply_to_message"
    in_thread = {"channel": room.channel, "text": "x", "thread_ts": theirs.ts}
    assert (await room.api("chat.postMessage", **in_thread))["ok"] is True
    assert len(room.slack.messages(room.channel, thread_ts=theirs.ts)) == 2


async def test_a_token_without_the_scope_is_refused(room: Room) -> None:
    room.slack.state.scopes -= {"chat:write", "channels:history", "usergroups:read"}
    group = room.slack.add_group("responders", [room.ana])
    posted = await room.api("chat.postMessage", channel=room.channel, text="x")
    assert (posted["error"], posted["needed"]) == ("missing_scope", "chat:write")
    assert "chat:write" not in posted["provided"].split(",")
    history = await room.api("conversations.history", channel=room.channel)
    assert (history["error"], history["needed"]) == ("missing_scope", "channels:history")
    assert (await room.api("usergroups.users.list", usergroup=group))["needed"] == "usergroups:read"


async def test_an_update_by_text_alone_takes_the_blocks_away_and_keeps_metadata(room: Room) -> None:
    card = {"event_type": "card", "event_payload": {"incident": "mx-1"}}
    posted = await room.api(
        "chat.postMessage", channel=room.channel, text="one", blocks=[actions(button())], metadata=card
    )
    await room.api("chat.update", channel=room.channel, ts=posted["ts"], text="two")
    [message] = room.slack.messages(room.channel)
    assert (message.text, message.blocks, message.now.metadata) == ("two", (), card)
    await room.api("chat.update", channel=room.channel, ts=posted["ts"], text="three", blocks=[], metadata={})
    assert (message.text, message.blocks, message.now.metadata) == ("three", (), None)
    assert [version.text for version in message.versions] == ["one", "two", "three"]


async def test_update_takes_4000_characters_and_post_cuts_at_40000(room: Room) -> None:
    posted = await room.api("chat.postMessage", channel=room.channel, text="x" * 50_000)
    assert len(room.slack.messages(room.channel)[0].text) == 40_000
    change = {"channel": room.channel, "ts": posted["ts"]}
    assert (await room.api("chat.update", **change, text="x" * 4_001))["error"] == "msg_too_long"
    assert (await room.api("chat.update", **change, text="x" * 4_000))["ok"] is True


async def test_history_is_newest_first_by_pages_with_metadata_only_when_asked(room: Room) -> None:
    card = {"event_type": "card", "event_payload": {}}
    stamps = [
        (await room.api("chat.postMessage", channel=room.channel, text=str(n), metadata=card))["ts"]
        for n in range(5)
    ]
    await room.api("chat.postMessage", channel=room.channel, text="reply", thread_ts=stamps[0])
    await room.api("chat.postEphemeral", channel=room.channel, text="psst", user=room.ana)
    first = await room.api("conversations.history", channel=room.channel, limit=3)
    assert [each["text"] for each in first["messages"]] == ["4", "3", "2"]
    assert "metadata" not in first["messages"][0]
    cursor = first["response_metadata"]["next_cursor"]
    rest = await room.api(
        "conversations.history", channel=room.channel, limit=3, cursor=cursor, include_all_metadata=True
    )
    assert ([each["text"] for each in rest["messages"]], rest["has_more"]) == (["1", "0"], False)
    assert rest["messages"][0]["metadata"] == card
    assert rest["messages"][1]["reply_count"] == 1
    bounded = await room.api("conversations.history", channel=room.channel, oldest=stamps[3])
    assert [each["text"] for each in bounded["messages"]] == ["4"]
    thread = await room.api("conversations.replies", channel=room.channel, ts=stamps[0])
    assert [each["text"] for each in thread["messages"]] == ["0", "reply"]
    assert [each.text for each in room.slack.messages(room.channel, thread_ts=stamps[0])] == ["reply"]


async def test_an_ephemeral_message_is_seen_by_one_and_cannot_be_updated(room: Room) -> None:
    answer = await room.api("chat.postEphemeral", channel=room.channel, user=room.ana, text="psst")
    change = {"channel": room.channel, "ts": answer["message_ts"], "text": "x"}
    assert (await room.api("chat.update", **change))["error"] == "message_not_found"
    assert [each.text for each in room.slack.ephemerals(room.ana, room.channel)] == ["psst"]
    assert room.slack.ephemerals(room.ben, room.channel) == ()
    assert room.slack.messages(room.channel) == ()


async def test_people_have_roles_and_groups(room: Room) -> None:
    guest = room.slack.add_user("Gus", role="guest")
    outsider = room.slack.add_user("Otto", role="outsider")
    members = [room.ana, guest, outsider]
    channel = room.slack.create_channel("mixed", members)
    listed = await room.api("conversations.members", channel=channel, limit=3)
    assert listed["members"] == members
    assert listed["response_metadata"]["next_cursor"]
    assert (await room.api("users.info", user=guest))["user"]["is_restricted"] is True
    theirs = (await room.api("users.info", user=outsider))["user"]
    assert (theirs["is_stranger"], theirs["team_id"]) == (True, "T0OUTSIDE")
    group = room.slack.add_group("responders", [room.ana])
    assert (await room.api("usergroups.users.list", usergroup=group))["users"] == [room.ana]


async def test_reactions_and_pins_stick_once(room: Room) -> None:
    theirs = room.slack.say(room.ana, room.channel, "hello")
    mark = {"channel": room.channel, "timestamp": theirs.ts}
    assert (await room.api("reactions.add", **mark, name="eyes"))["ok"] is True
    assert (await room.api("reactions.add", **mark, name="eyes"))["error"] == "already_reacted"
    assert (await room.api("pins.add", **mark))["ok"] is True
    assert (await room.api("pins.add", **mark))["error"] == "already_pinned"
    assert theirs.reactions == {"eyes": [room.slack.bot_user]}


async def test_groups_are_listed_by_name_and_a_free_plan_has_none(room: Room) -> None:
    group = room.slack.add_group("on-call", [room.ana])
    (listed,) = (await room.api("usergroups.list"))["usergroups"]
    assert (listed["id"], listed["handle"], listed["name"]) == (group, "on-call", "On-Call")
    room.slack.state.change_group(group, [room.ben])
    assert (await room.api("usergroups.users.list", usergroup=group))["users"] == [room.ben]
    room.slack.state.free_plan = True
    assert (await room.api("usergroups.list"))["error"] == "plan_upgrade_required"
    assert (await room.api("usergroups.users.list", usergroup=group))["error"] == "plan_upgrade_required"


async def test_a_single_channel_guest_and_a_deactivated_account_show_as_slack_shows_them(room: Room) -> None:
    guest = room.slack.add_user("Gil", role="single-channel guest")
    shown = (await room.api("users.info", user=guest))["user"]
    assert (shown["is_restricted"], shown["is_ultra_restricted"], shown["deleted"]) == (True, True, False)
    room.slack.state.deactivate(guest)
    assert (await room.api("users.info", user=guest))["user"]["deleted"] is True


async def test_it_refuses_with_the_code_that_it_is_told(room: Room) -> None:
    room.slack.mischief.refuse("users.info", "user_not_visible")
    assert (await room.api("users.info", user=room.ana))["error"] == "user_not_visible"
    assert (await room.api("users.info", user=room.ana))["ok"] is True
