"""People in App Home, and in menus whose options the app brings."""

from typing import Any

from bot.demo.slack import payloads
from bot.demo.slack.controls import Control
from bot.demo.slack.deliver import Ack, Parcel
from bot.demo.slack.elements import OPTION, OPTION_GROUP
from bot.demo.slack.modals import Value
from bot.demo.slack.outcomes import ClickOutcome
from bot.demo.slack.records import View
from bot.demo.slack.responses import said
from bot.demo.slack.schema import array
from bot.demo.slack.talking import TalkingDriver

Json = Any
"""JSON of Slack's own shapes."""


class HomeDriver(TalkingDriver):
    """Acts for people on the app's own tab."""

    async def open_home(self, user: str, *, tab: str = "home") -> tuple[Ack, ...]:
        """Open the app's tab; the app hears ``app_home_opened`` and may publish a view then."""
        self._events.of_home(user, tab)
        return await self._events.acks()

    def home(self, user: str) -> View | None:
        """The App Home that the app published for this person last; None where it never did."""
        return self.state.homes.get(user)

    async def click_home(self, user: str, button: str, *, confirm: bool = True) -> ClickOutcome:
        """Press a button in App Home, by action_id or label."""
        return await self._act_in_view(user, self._home(user), button, confirm=confirm, value=None)

    async def choose_home(
        self, user: str, control: str, value: Value, *, confirm: bool = True
    ) -> ClickOutcome:
        """Choose or type in App Home."""
        return await self._choose_in(user, self._home(user), control, value, confirm=confirm)

    async def suggest(
        self,
        user: str,
        control: str,
        query: str,
        *,
        channel: str | None = None,
        message_ts: str | None = None,
        view_id: str | None = None,
    ) -> tuple[Json, ...]:
        """Type into a menu whose options the app brings: in a message, a modal, or App Home where neither is named.

        Returns the options; they can be chosen by label or value from then on. Nothing is to be chosen where the app
        did not answer in time or as it should.
        """
        if channel is not None and message_ts is not None:
            message = self._seen(user, channel, message_ts)
            found = self._control(user, message.blocks, control)
            where = payloads.where_message(self.state.channels[channel], self.state.message_json(message))
        else:
            view = self._top(user, view_id) if view_id else self._home(user)
            found = self._control(user, view.body["blocks"], control)
            where = payloads.where_view(self.state.view_json(view))
        if not found.element["type"].endswith("external_select"):
            raise LookupError(f"the app brings no options for {control!r}")
        payload = payloads.suggestion(self.state.people[user], control=found, query=query, where=where)
        return self._options(user, found, await self._deliverer.deliver(Parcel("interaction", payload)))

    def _options(self, user: str, control: Control, ack: Ack) -> tuple[Json, ...]:
        answer = said(ack.body) if not ack.error else None
        options, groups = ((answer or {}).get(key) for key in ("options", "option_groups"))
        if isinstance(groups, list) and not list(array(OPTION_GROUP, most=100)(groups, "")):
            options = [option for group in groups for option in group["options"]]
        good = isinstance(options, list) and not list(array(OPTION, most=100)(options, ""))
        brought = list(options) if good and options else []
        place = (user, control.block_id, control.action_id)
        before = self._brought.get(place, []) if control.element["type"].startswith("multi_") else []
        fresh = {option["value"] for option in brought}
        self._brought[place] = brought + [each for each in before if each["value"] not in fresh]
        return tuple(brought)

    def _home(self, user: str) -> View:
        view = self.state.homes.get(user)
        if view is None:
            raise LookupError(f"the app published no home for {self.state.people[user].name}")
        return view
