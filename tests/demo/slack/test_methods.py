"""The Web API's small methods: marks, channels, canvases, lists; each with the refusals that Slack gives."""

import pytest

from bot.demo.slack.api.methods import METHODS
from bot.demo.slack.limits import DEFAULT_SCOPES, METHOD_TIERS
from bot.demo.slack.records import Role
from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import Json, section

MORE = {
    "bookmarks:read",
    "bookmarks:write",
    "channels:manage",
    "groups:write",
    "im:history",
    "im:read",
    "im:write",
    "pins:read",
    "team:read",
}
DIVIDER = [{"type": "divider"}]
HOME = {"type": "home", "blocks": DIVIDER}


def document(markdown: str) -> Json:
    return {"type": "markdown", "markdown": markdown}


@pytest.mark.parametrize(
    ("method", "args", "code"),
    [
        ("views.publish", {"view": HOME}, "invalid_arguments"),
        ("views.publish", {"user_id": "U404", "view": HOME}, "invalid_arguments"),
        ("views.publish", {"user_id": "BOT", "view": HOME}, "invalid_arguments"),
        ("views.publish", {"user_id": "ANA"}, "invalid_arguments"),
        ("views.publish", {"user_id": "ANA", "view": {**HOME, "type": "modal"}}, "invalid_arguments"),
        ("views.publish", {"user_id": "ANA", "view": {**HOME, "title": "x"}}, "invalid_arguments"),
        ("views.publish", {"user_id": "ANA", "view": {**HOME, "blocks": DIVIDER * 101}}, "invalid_arguments"),
        ("views.publish", {"user_id": "ANA", "view": {**HOME, "blocks": DIVIDER * 100}}, None),
        ("views.publish", {"user_id": "ANA", "view": HOME, "hash": "1.abcd"}, "hash_conflict"),
        (
            "views.publish",
            {"user_id": "ANA", "view": {**HOME, "blocks": [section("x" * 2999)] * 84}},
            "view_too_large",
        ),
        ("reactions.remove", {"channel": "HERE", "timestamp": "THEIRS", "name": "eyes"}, "no_reaction"),
        ("reactions.get", {"channel": "HERE", "timestamp": "1111111111.000001"}, "message_not_found"),
        ("reactions.get", {"channel": "HERE"}, "no_item_specified"),
        ("pins.remove", {"channel": "HERE", "timestamp": "THEIRS"}, "no_pin"),
        ("pins.list", {"channel": "ELSEWHERE"}, "not_in_channel"),
        ("bookmarks.add", {"channel_id": "HERE", "title": "x", "type": "folder"}, "invalid_bookmark_type"),
        (
            "bookmarks.add",
            {"channel_id": "HERE", "title": "x", "type": "link", "link": "javascript:alert(1)"},
            "invalid_link",
        ),
        ("bookmarks.remove", {"channel_id": "HERE", "bookmark_id": "Bk404"}, "not_found"),
        ("conversations.list", {"types": "clubs"}, "invalid_types"),
        ("conversations.list", {"limit": 1000}, "invalid_limit"),
        ("conversations.list", {"cursor": "???"}, "invalid_cursor"),
        ("users.list", {"limit": -1}, "invalid_limit"),
        ("conversations.create", {}, "invalid_name_required"),
        ("conversations.create", {"name": "Incident 1"}, "invalid_name_specials"),
        ("conversations.create", {"name": "x" * 81}, "invalid_name_maxlength"),
        ("conversations.create", {"name": "incidents"}, "name_taken"),
        ("conversations.invite", {"channel": "HERE", "users": ""}, "no_user"),
        ("conversations.invite", {"channel": "HERE", "users": "U404"}, "user_not_found"),
        ("conversations.invite", {"channel": "HERE", "users": "BOT"}, "cant_invite_self"),
        ("conversations.invite", {"channel": "HERE", "users": "ANA"}, "already_in_channel"),
        ("conversations.invite", {"channel": "ELSEWHERE", "users": "BEN"}, "not_in_channel"),
        ("conversations.setTopic", {"channel": "HERE", "topic": "x" * 251}, "too_long"),
        ("conversations.archive", {"channel": "ELSEWHERE"}, "not_in_channel"),
        ("conversations.open", {}, "users_list_not_supplied"),
        ("conversations.open", {"users": "ANA,BEN"}, "users_list_not_supplied"),
        ("conversations.open", {"users": "U404"}, "user_not_found"),
        ("conversations.open", {"channel": "HERE"}, "method_not_supported_for_channel_type"),
        ("bots.info", {"bot": "B404"}, "bot_not_found"),
        ("files.delete", {"file": "F404"}, "file_not_found"),
        ("canvases.edit", {"canvas_id": "F404", "changes": []}, "canvas_not_found"),
        ("canvases.create", {"document_content": {"type": "html", "html": "x"}}, "invalid_arguments"),
        ("canvases.create", {"document_content": document("x" * 1_048_577)}, "canvas_creation_failed"),
        ("conversations.canvases.create", {"channel_id": "C404"}, "channel_not_found"),
        ("conversations.canvases.create", {"channel_id": "ELSEWHERE"}, "restricted_action"),
        ("api.test", {"error": "my_error"}, "my_error"),
    ],
)
async def test_slack_code_of_each_refusal(room: Room, method: str, args: Json, code: str | None) -> None:
    room.slack.state.scopes |= MORE
    theirs = room.slack.say(room.ana, room.channel, "hello")
    elsewhere = room.slack.create_channel("elsewhere", [room.ana], bot_member=False)
    named = {
        "HERE": room.channel,
        "ELSEWHERE": elsewhere,
        "THEIRS": theirs.ts,
        "ANA": room.ana,
        "BEN": room.ben,
        "BOT": room.slack.bot_user,
    }
    if args.get("users") == "ANA,BEN":
        args, code = {"users": f"{room.ana},{room.ben}"}, "too_many_users"
    sent = {key: named.get(value, value) if isinstance(value, str) else value for key, value in args.items()}
    answer = await room.api(method, **sent)
    assert answer.get("error") == code, answer
    assert answer["ok"] is (code is None)


@pytest.mark.parametrize(
    ("method", "scope"),
    [
        ("reactions.get", "reactions:read"),
        ("reactions.remove", "reactions:write"),
        ("pins.list", "pins:read"),
        ("bookmarks.add", "bookmarks:write"),
        ("conversations.list", "channels:read"),
        ("conversations.create", "channels:manage"),
        ("conversations.open", "im:write"),
        ("users.list", "users:read"),
        ("team.info", "team:read"),
        ("canvases.create", "canvases:write"),
        ("conversations.canvases.create", "canvases:write"),
        ("files.delete", "files:write"),
    ],
)
async def test_a_token_without_the_scope_is_refused(room: Room, method: str, scope: str) -> None:
    room.slack.state.scopes.discard(scope)
    answer = await room.api(method)
    assert (answer["error"], answer["needed"]) == ("missing_scope", scope)


async def test_a_published_home_keeps_its_id_and_its_hash_guards_it(room: Room) -> None:
    first = (await room.api("views.publish", user_id=room.ana, view=HOME))["view"]
    assert (first["type"], room.slack.home(room.ben)) == ("home", None)
    newer = {**HOME, "blocks": [section("two incidents")]}
    second = (await room.api("views.publish", user_id=room.ana, view=newer, hash=first["hash"]))["view"]
    assert (second["id"] == first["id"], second["hash"] == first["hash"]) == (True, False)
    late = await room.api("views.publish", user_id=room.ana, view=HOME, hash=first["hash"])
    assert late["error"] == "hash_conflict"
    home = room.slack.home(room.ana)
    assert home is not None
    assert home.body["blocks"][0]["text"]["text"] == "two incidents"
    updated = await room.api("views.update", view_id=first["id"], view={**HOME, "blocks": DIVIDER})
    assert (updated["ok"], home.body["blocks"][0]["type"]) == (True, "divider")


async def test_an_app_without_a_home_tab_cannot_publish(room: Room) -> None:
    room.slack.state.home_tab = False
    assert (await room.api("views.publish", user_id=room.ana, view=HOME))["error"] == "not_enabled"


async def test_reactions_pins_and_bookmarks_are_listed_and_taken_away(room: Room) -> None:
    room.slack.state.scopes |= MORE
    message = room.slack.say(room.ana, room.channel, "hello")
    await room.slack.react(room.ben, room.channel, message.ts, "eyes")
    where = {"channel": room.channel, "timestamp": message.ts}
    await room.api("reactions.add", **where, name="eyes")
    await room.api("pins.add", **where)
    got = await room.api("reactions.get", **where)
    assert got["message"]["reactions"] == [
        {"name": "eyes", "users": [room.ben, room.slack.bot_user], "count": 2}
    ]
    [pinned] = (await room.api("pins.list", channel=room.channel))["items"]
    assert pinned["message"]["ts"] == message.ts
    await room.api("reactions.remove", **where, name="eyes")
    await room.api("pins.remove", **where)
    assert (message.reactions, (await room.api("pins.list", channel=room.channel))["items"]) == (
        {"eyes": [room.ben]},
        [],
    )
    link = {"channel_id": room.channel, "title": "Runbook", "type": "link", "link": "https://x.org/run"}
    made = (await room.api("bookmarks.add", **link))["bookmark"]
    await room.api("bookmarks.edit", channel_id=room.channel, bookmark_id=made["id"], title="The runbook")
    [listed] = (await room.api("bookmarks.list", channel_id=room.channel))["bookmarks"]
    assert (listed["title"], listed["link"]) == ("The runbook", "https://x.org/run")
    await room.api("bookmarks.remove", channel_id=room.channel, bookmark_id=made["id"])
    assert (await room.api("bookmarks.list", channel_id=room.channel))["bookmarks"] == []


async def test_channels_are_listed_by_kind_and_page(room: Room) -> None:
    room.slack.state.scopes |= MORE
    elsewhere = room.slack.create_channel("elsewhere", [room.ana], bot_member=False)
    private = room.slack.create_channel("private", [room.ana], private=True)
    room.slack.create_channel("secret", [room.ana], private=True, bot_member=False)
    old = room.slack.create_channel("old", [room.ana])
    room.slack.archive(old)
    first = await room.api("conversations.list", limit=2)
    cursor = first["response_metadata"]["next_cursor"]
    second = await room.api("conversations.list", limit=2, cursor=cursor)
    assert [each["id"] for each in first["channels"] + second["channels"]] == [room.channel, elsewhere, old]
    assert [each["is_member"] for each in first["channels"]] == [True, False]
    both = await room.api(
        "conversations.list", types="public_channel,private_channel", exclude_archived="true"
    )
    assert [each["id"] for each in both["channels"]] == [room.channel, elsewhere, private]
    mine = await room.api("users.conversations", types="public_channel,private_channel")
    assert [each["id"] for each in mine["channels"]] == [room.channel, private, old]


async def test_an_app_makes_a_channel_and_fills_it(room: Room) -> None:
    room.slack.state.scopes |= MORE
    made = (await room.api("conversations.create", name="inc-1"))["channel"]
    await room.api("conversations.invite", channel=made["id"], users=f"{room.ana},{room.ben}")
    await room.api("conversations.setTopic", channel=made["id"], topic="429s")
    named = (await room.api("conversations.setPurpose", channel=made["id"], purpose="one outage"))["channel"]
    assert (named["topic"]["value"], named["purpose"]["value"], named["num_members"]) == (
        "429s",
        "one outage",
        3,
    )
    await room.api("conversations.archive", channel=made["id"])
    refused = await room.api("conversations.setTopic", channel=made["id"], topic="x")
    assert refused["error"] == "is_archived"


async def test_direct_messages_open_by_a_persons_id(room: Room) -> None:
    room.slack.state.scopes |= MORE
    posted = await room.api("chat.postMessage", channel=room.ana, text="for you")
    opened = await room.api("conversations.open", users=room.ana)
    assert posted["channel"] == opened["channel"]["id"] == room.slack.direct(room.ana).id
    info = (await room.api("conversations.info", channel=posted["channel"]))["channel"]
    assert (info["is_im"], info["user"]) == (True, room.ana)
    said = await room.api("conversations.history", channel=posted["channel"])
    assert [each["text"] for each in said["messages"]] == ["for you"]
    assert [each.text for each in room.slack.messages(posted["channel"])] == ["for you"]
    await room.slack.command(room.ana, posted["channel"], "/mx", "status")
    assert room.app.seen[-1].fields["channel_name"] == "directmessage"


@pytest.mark.parametrize("role", ["member", "guest"])
async def test_everybody_is_listed_page_by_page(room: Room, role: Role) -> None:
    room.slack.add_user("Cleo", role=role)
    names, cursor = [], ""
    while True:
        page = await room.api("users.list", limit=2, cursor=cursor)
        names += [each["real_name"] for each in page["members"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert names == ["mx", "Ana", "Ben", "Cleo"]


async def test_the_team_and_the_bot_are_known(room: Room) -> None:
    room.slack.state.scopes |= MORE
    assert (await room.api("team.info"))["team"]["id"] == "T0STANDIN"
    who = await room.api("auth.test")
    assert (await room.api("bots.info", bot=who["bot_id"]))["bot"]["user_id"] == room.slack.bot_user
    assert (await room.api("api.test", token=None, foo="bar"))["args"] == {"foo": "bar"}


async def test_a_canvas_is_made_read_and_changed(room: Room) -> None:
    made = await room.api("canvases.create", title="Report", document_content=document("# What happened"))
    changes = [
        {"operation": "insert_at_end", "document_content": document("the end")},
        {"operation": "insert_at_start", "document_content": document("summary")},
        {"operation": "rename", "title_content": document("Post-mortem")},
    ]
    for change in changes:
        edited = await room.api("canvases.edit", canvas_id=made["canvas_id"], changes=[change])
        assert edited["ok"] is True
    canvas = room.slack.state.canvases[made["canvas_id"]]
    assert (canvas.title, canvas.markdown) == ("Post-mortem", "summary\n# What happened\nthe end")
    bad = await room.api(
        "canvases.edit",
        canvas_id=canvas.id,
        changes=[{"operation": "insert_after", "section_id": "temp:C:1", "document_content": document("x")}],
    )
    assert bad["error"] == "canvas_editing_failed"
    too_much = {"operation": "insert_at_end", "document_content": document("x" * 1_048_576)}
    full = await room.api("canvases.edit", canvas_id=canvas.id, changes=[too_much])
    assert full["error"] == "canvas_editing_failed"
    both = await room.api("canvases.edit", canvas_id=canvas.id, changes=changes)
    assert both["error"] == "invalid_arguments"
    shown = (await room.api("files.info", file=canvas.id))["file"]
    assert (shown["filetype"], shown["permalink"][:4]) == ("quip", "http")
    await room.api("canvases.delete", canvas_id=canvas.id)
    assert room.slack.state.canvases == {}


async def test_a_channel_has_one_canvas_and_a_free_plan_no_other(room: Room) -> None:
    where = {"channel_id": room.channel, "document_content": document("x")}
    made = await room.api("conversations.canvases.create", **where)
    assert made["ok"] is True
    again = await room.api("conversations.canvases.create", **where)
    assert again["error"] == "channel_canvas_already_exists"
    alone = (await room.api("canvases.create"))["canvas_id"]
    room.slack.state.free_plan = True
    again = await room.api("conversations.canvases.create", **where)
    assert again["error"] == "free_team_canvas_tab_already_exists"
    bare = await room.api("canvases.create", document_content=document("x"))
    assert bare["error"] == "free_teams_cannot_create_non_tabbed_canvases"
    change = [{"operation": "insert_at_end", "document_content": document("y")}]
    refused = await room.api("canvases.edit", canvas_id=alone, changes=change)
    assert refused["error"] == "free_teams_cannot_edit_standalone_canvases"
    tab = await room.api("canvases.edit", canvas_id=made["canvas_id"], changes=change)
    assert tab["ok"] is True


def test_every_method_of_the_rate_table_is_served() -> None:
    assert set(METHOD_TIERS) <= set(METHODS)
    assert "canvases:write" in DEFAULT_SCOPES
