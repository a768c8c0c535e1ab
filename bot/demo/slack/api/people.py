"""Who is who: auth.test, sockets, users, usergroups, the team and the bot."""

from bot.demo.slack.api.call import Answer, ApiError, Call
from bot.demo.slack.api.conversations import next_page, offset
from bot.demo.slack.rates import Rates
from bot.demo.slack.state import APP, BOT_ID, DOMAIN, TEAM


def auth_test(call: Call, _rates: Rates) -> Answer:
    """auth.test."""
    return {
        "url": f"https://{DOMAIN}.slack.com/",
        "team": "Stand-in",
        "team_id": TEAM,
        "user": call.state.bot.name,
        "user_id": call.state.bot.id,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def open_socket(call: Call, _rates: Rates) -> Answer:
    """apps.connections.open: the address of one socket, for Socket Mode."""
    address = call.state.base.replace("http://", "ws://", 1)
    return {"url": f"{address}/link?ticket={call.tickets.new_socket()}&app_id={APP}"}


def user_info(call: Call, _rates: Rates) -> Answer:
    """users.info."""
    person = call.state.people.get(call.text("user"))
    if person is None:
        raise ApiError("user_not_found")
    return {"user": person.as_json()}


def users(call: Call, _rates: Rates) -> Answer:
    """users.list, page by page: people, guests, the switched-off and the app itself."""
    limit = call.number("limit", call.state.limits.history_page_max)
    if limit < 1:
        raise ApiError("invalid_limit")
    everybody = list(call.state.people.values())
    start = offset(call)
    page = [person.as_json() for person in everybody[start : start + limit]]
    return {"members": page, **next_page(start + limit, len(everybody))}


def api_test(call: Call, _rates: Rates) -> Answer:
    """api.test: the arguments come back; ``error`` makes it fail."""
    if call.maybe("error"):
        raise ApiError(call.text("error"), args=dict(call.args))
    return {"args": dict(call.args)}


def bot_info(call: Call, _rates: Rates) -> Answer:
    """bots.info, of the one app that there is."""
    if call.maybe("bot") not in {BOT_ID, None}:
        raise ApiError("bot_not_found")
    bot = call.state.bot
    known = {"id": BOT_ID, "app_id": APP, "user_id": bot.id, "name": bot.name}
    return {"bot": {**known, "deleted": False, "icons": {}, "updated": 0}}


def team_info(_call: Call, _rates: Rates) -> Answer:
    """team.info."""
    return {"team": {"id": TEAM, "name": "Stand-in", "domain": DOMAIN, "email_domain": ""}}


def group_users(call: Call, _rates: Rates) -> Answer:
    """usergroups.users.list."""
    _needs_groups(call)
    group = call.state.groups.get(call.text("usergroup"))
    if group is None:
        raise ApiError("no_such_subteam")
    return {"users": list(group[1])}


def groups(call: Call, _rates: Rates) -> Answer:
    """usergroups.list: without their members, as when ``include_users`` is left out."""
    _needs_groups(call)
    found = [
        {
            "id": group,
            "team_id": TEAM,
            "is_usergroup": True,
            "name": handle.title(),
            "handle": handle,
            "description": "",
            "date_delete": 0,
            "user_count": len(users),
        }
        for group, (handle, users) in call.state.groups.items()
    ]
    return {"usergroups": found}


def _needs_groups(call: Call) -> None:
    if call.state.free_plan:
        raise ApiError("plan_upgrade_required")
