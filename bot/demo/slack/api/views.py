"""views.*: modals, opened with a trigger_id that lives three seconds and works once, and App Home."""

import json

from bot.demo.slack.api.call import Answer, ApiError, Call, Json, refused
from bot.demo.slack.blockkit import home_faults, view_faults
from bot.demo.slack.rates import Rates
from bot.demo.slack.records import View
from bot.demo.slack.tickets import Trigger


def _view(call: Call, *, instead_of: View | None = None, home: bool = False) -> dict[str, Json]:
    view = call.json("view", "invalid_arguments")
    if view is None:
        raise ApiError("invalid_arguments", "[ERROR] missing required field: view")
    if len(json.dumps(view).encode()) > call.state.limits.view_bytes:
        raise ApiError("view_too_large")
    faults = home_faults(view) if home else view_faults(view)
    if faults:
        raise refused("invalid_arguments", faults)
    known = call.state.find_external(view.get("external_id", ""))
    if known is not None and known is not instead_of:
        raise ApiError("duplicate_external_id")
    return dict(view)


def _trigger(call: Call) -> Trigger:
    trigger = call.tickets.exchange(call.text("trigger_id"))
    if isinstance(trigger, Trigger):
        return trigger
    raise ApiError(trigger)


def open_view(call: Call, _rates: Rates) -> Answer:
    """views.open: a new stack for the person who acted."""
    body = _view(call)
    trigger = _trigger(call)
    call.state.views[trigger.user] = []
    return {"view": call.state.view_json(call.state.open_view(trigger.user, body))}


def push(call: Call, _rates: Rates) -> Answer:
    """views.push: on top of the modal in which the person acted, three deep at most."""
    body = _view(call)
    trigger = _trigger(call)
    stack = call.state.views.get(trigger.user, [])
    if trigger.view not in {view.id for view in stack}:
        raise ApiError("not_found")
    if len(stack) >= call.state.limits.view_stack:
        raise ApiError("push_limit_reached")
    return {"view": call.state.view_json(call.state.open_view(trigger.user, body))}


def update(call: Call, _rates: Rates) -> Answer:
    """views.update by view_id or external_id; ``hash`` guards against a race."""
    view_id = call.maybe("view_id")
    view = (
        call.state.find_view(view_id)
        if view_id
        else call.state.find_external(call.maybe("external_id") or "")
    )
    if view is None:
        raise ApiError("not_found")
    body = _view(call, instead_of=view, home=view.body["type"] == "home")
    known = call.maybe("hash")
    if known is not None and known != view.hash:
        raise ApiError("hash_conflict")
    call.state.change_view(view, body)
    return {"view": call.state.view_json(view)}


def publish(call: Call, _rates: Rates) -> Answer:
    """views.publish: what one person sees in App Home; ``hash`` guards against a race."""
    user = call.text("user_id")
    person = call.state.people.get(user)
    if person is None or person.role == "bot":
        raise ApiError("invalid_arguments", "[ERROR] no such user [json-pointer:/user_id]")
    if not call.state.home_tab:
        raise ApiError("not_enabled")
    before = call.state.homes.get(user)
    body = _view(call, instead_of=before, home=True)
    known = call.maybe("hash")
    if known is not None and (before is None or known != before.hash):
        raise ApiError("hash_conflict")
    return {"view": call.state.view_json(call.state.publish(user, body))}
