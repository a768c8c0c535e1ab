"""People and modals: what one can fill in, press and send, and what the app's answer does to the modal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.demo.slack import payloads
from bot.demo.slack.blockkit import view_faults
from bot.demo.slack.controls import Control, chosen, complete, controls, is_empty, silent
from bot.demo.slack.deliver import Ack, Parcel
from bot.demo.slack.driver import Driver
from bot.demo.slack.outcomes import NOTHING_SENT, ClickOutcome
from bot.demo.slack.records import View
from bot.demo.slack.responses import said

Json = Any
"""JSON of Slack's own shapes."""

Value = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class SubmitOutcome:
    """What came of sending a modal in."""

    errors: Mapping[str, str]
    """What stands in red under inputs, by block_id: from the client itself or from the app."""
    error: str | None
    """What Slack shows above the modal when the app did not answer well."""
    view: View | None
    """What the person has on top now."""
    status: int | None
    seconds: float


class ModalDriver(Driver):
    """Acts for people in modals too. Only the modal on top can be used, as in the client."""

    def views(self, user: str) -> tuple[View, ...]:
        """The modals this person has open, the one on top last."""
        return tuple(self.state.views.get(user, ()))

    async def dialog(self, user: str, *, timeout_s: float = 10.0) -> View:
        """The modal on top, once it can be sent in, or says that nothing is to be done (a placeholder ends with …)."""

        def look() -> View | None:
            stack = self.state.views.get(user, [])
            if not stack:
                return None
            text = str(stack[-1].body["blocks"][-1].get("text", {}).get("text", ""))
            return stack[-1] if stack[-1].body.get("submit") or not text.endswith("…") else None

        found = await self.state.until(look, timeout_s=timeout_s, what="a dialog that can be used")
        assert found is not None
        return found

    async def click_in_view(
        self, user: str, view_id: str, button: str, *, confirm: bool = True
    ) -> ClickOutcome:
        """Press a button in a modal."""
        return await self._act_in_view(user, self._top(user, view_id), button, confirm=confirm, value=None)

    async def choose_in_view(
        self, user: str, view_id: str, control: str, value: Value, *, confirm: bool = True
    ) -> ClickOutcome:
        """Choose or type in a modal; the app hears of it unless it is an input without dispatch_action."""
        return await self._choose_in(user, self._top(user, view_id), control, value, confirm=confirm)

    async def submit_view(
        self, user: str, view_id: str, values: Mapping[str, Value] | None = None
    ) -> SubmitOutcome:
        """Fill in inputs (by action_id or label) and send the modal in."""
        view = self._top(user, view_id)
        for name, value in (values or {}).items():
            control = self._control(user, view.body["blocks"], name)
            view.state.setdefault(control.block_id, {})[control.action_id] = chosen(control.element, value)
        view.state = complete(view.body["blocks"], view.state)
        errors = _client_errors(view)
        if errors:
            return SubmitOutcome(errors, None, view, None, 0.0)
        payload = payloads.view_submission(
            self.state.people[user],
            self.state.view_json(view),
            trigger_id=self._tickets.new_trigger(user, view=view.id),
        )
        ack = await self._deliverer.deliver(Parcel("interaction", payload))
        return self._submitted(view, ack)

    async def close_view(self, user: str, view_id: str, *, whole_stack: bool = False) -> Ack | None:
        """Close a modal; the app hears of it where the view asked for it."""
        view = self._top(user, view_id)
        self.state.close_view(view, whole_stack=whole_stack or view.body.get("clear_on_close", False))
        if not view.body.get("notify_on_close"):
            return None
        payload = payloads.view_closed(
            self.state.people[user], self.state.view_json(view), cleared=whole_stack
        )
        return await self._deliverer.deliver(Parcel("interaction", payload))

    def _top(self, user: str, view_id: str) -> View:
        stack = self.state.views.get(user, [])
        if not stack or stack[-1].id != view_id:
            on_top = stack[-1].id if stack else "nothing"
            raise LookupError(
                f"modal {view_id} is not on top for {self.state.people[user].name}: {on_top} is"
            )
        return stack[-1]

    async def _choose_in(
        self, user: str, view: View, name: str, value: Value, *, confirm: bool
    ) -> ClickOutcome:
        found = self._control(user, view.body["blocks"], name)
        view.state.setdefault(found.block_id, {})[found.action_id] = chosen(found.element, value)
        self.state.touch()
        if silent(view.body["blocks"], found):
            return NOTHING_SENT
        return await self._act_in_view(user, view, name, confirm=confirm, value=value)

    async def _act_in_view(
        self, user: str, view: View, name: str, *, confirm: bool, value: Value | None
    ) -> ClickOutcome:
        control = self._control(user, view.body["blocks"], name)
        if control.confirm is not None and not confirm:
            return ClickOutcome(control.confirm, delivered=False, status=None, error=None, seconds=0.0)
        view.state = complete(view.body["blocks"], view.state)
        payload = payloads.view_action(
            self.state.people[user],
            self.state.view_json(view),
            control=control,
            value={} if value is None else chosen(control.element, value),
            trigger_id=self._tickets.new_trigger(user, view=view.id),
        )
        ack = await self._deliverer.deliver(Parcel("interaction", payload))
        return ClickOutcome(control.confirm, True, ack.status, ack.error, ack.seconds)

    def _submitted(self, view: View, ack: Ack) -> SubmitOutcome:
        """The modal after the app's answer: closed, changed, or still there with errors."""
        answer = said(ack.body) or {}
        errors: Mapping[str, str] = {}
        trouble: str | None = ack.error
        match None if trouble else answer.get("response_action"):
            case "errors":
                errors = answer.get("errors") or {}
                inputs = {block["block_id"] for block in view.body["blocks"] if block["type"] == "input"}
                trouble = None if errors and set(errors) <= inputs else "invalid_response_errors"
            case "update" | "push" as action:
                trouble = self._show(view, action, answer.get("view"))
            case "clear":
                self.state.close_view(view, whole_stack=True)
            case None if trouble is None:
                self.state.close_view(view)
            case None:
                pass
            case other:
                trouble = f"invalid_response_action: {other}"
        stack = self.state.views.get(view.user, [])
        return SubmitOutcome(errors, trouble, stack[-1] if stack else None, ack.status, ack.seconds)

    def _show(self, view: View, action: str, body: Json) -> str | None:
        faults = view_faults(body)
        if faults:
            return f"invalid_view: {faults[0].as_line()}"
        if action == "update":
            self.state.change_view(view, body)
        elif len(self.state.views[view.user]) >= self.state.limits.view_stack:
            return "push_limit_reached"
        else:
            self.state.open_view(view.user, body)
        return None


def _inputs(view: View) -> list[tuple[Json, Control]]:
    by_id = {block["block_id"]: block for block in view.body["blocks"]}
    return [
        (by_id[control.block_id], control)
        for control in controls(view.body["blocks"])
        if by_id[control.block_id]["type"] == "input"
    ]


def _client_errors(view: View) -> dict[str, str]:
    """What the client itself refuses before anything is sent."""
    errors: dict[str, str] = {}
    for block, control in _inputs(view):
        value = view.state[control.block_id][control.action_id]
        typed = value.get("value") or ""
        if is_empty(value):
            if not block.get("optional"):
                errors[control.block_id] = "Please complete this required field."
        elif len(typed) > (most := control.element.get("max_length", 3000)):
            errors[control.block_id] = f"Please use no more than {most} characters."
        elif len(typed) < control.element.get("min_length", 0):
            errors[control.block_id] = f"Please use at least {control.element['min_length']} characters."
    return errors
