"""The stand-in workspace as tests and the demo hold it: started, pointed at the app, stopped."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import aiohttp
from aiohttp import web

from bot.accepting import Site
from bot.demo.slack.deliver import Ack, Deliverer, Sent
from bot.demo.slack.events import Events
from bot.demo.slack.homes import HomeDriver
from bot.demo.slack.limits import DEFAULT_SCOPES, Limits
from bot.demo.slack.manifest import SHORTCUTS, SUBSCRIPTIONS, Shortcut
from bot.demo.slack.mischief import Mischief
from bot.demo.slack.rates import Rates
from bot.demo.slack.server import Called, Server
from bot.demo.slack.sockets import Sockets
from bot.demo.slack.state import Credentials, State
from bot.demo.slack.tickets import Tickets

Seen = TypeVar("Seen")


class SlackWorkspace(HomeDriver):
    """One workspace with one installed app. Point a Bolt app at ``api_url`` and set ``request_url``."""

    def __init__(
        self,
        state: State,
        *,
        tickets: Tickets,
        deliverer: Deliverer,
        server: Server,
        mischief: Mischief,
        sockets: Sockets,
        events: Events,
        commands: frozenset[str],
        shortcuts: Sequence[Shortcut],
    ) -> None:
        super().__init__(
            state,
            tickets=tickets,
            deliverer=deliverer,
            events=events,
            commands=commands,
            shortcuts=shortcuts,
        )
        self.mischief = mischief
        self._server = server
        self._sockets = sockets

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        request_url: str | None = None,
        limits: Limits | None = None,
        scopes: frozenset[str] = DEFAULT_SCOPES,
        commands: frozenset[str] = frozenset({"/mx"}),
        subscriptions: frozenset[str] = SUBSCRIPTIONS,
        shortcuts: Sequence[Shortcut] = SHORTCUTS,
        bot_name: str = "mx",
        port: int = 0,
        extra_routes: Sequence[web.AbstractRouteDef] = (),
    ) -> AsyncIterator["SlackWorkspace"]:
        """Listen on loopback until the block ends; nothing of it is left running then.

        Args:
            request_url: where deliveries go; they go over Socket Mode while a socket is open.
            limits: what Slack allows.
            scopes: what the app's token may do.
            commands: the slash commands that are the app's.
            subscriptions: the events that the app hears of, where its scopes let it.
            shortcuts: the app's shortcuts.
            bot_name: what people call the app: ``@mx``.
            port: where to listen; 0 takes any that is free.
            extra_routes: what else this address serves, such as a page on which people act; their handlers find
                the workspace at ``request.app[WORKSPACE]``.
        """
        failure: BaseException | None = None
        monotonic = asyncio.get_running_loop().time
        state = State(limits=limits or Limits(), scopes=scopes, credentials=Credentials(), bot_name=bot_name)
        mischief = Mischief()
        tickets = Tickets(state.limits, monotonic)
        sockets = Sockets(tickets, state.touch)
        rates = Rates(state.limits, monotonic)
        server = Server(state, mischief, tickets=tickets, rates=rates, sockets=sockets)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
            asyncio.TaskGroup() as group,
        ):
            deliverer = Deliverer(
                state, mischief, session=session, group=group, socket=sockets, request_url=request_url
            )
            events = Events(state, deliverer, subscriptions=subscriptions)
            state.tell = events.hear
            workspace = cls(
                state,
                tickets=tickets,
                deliverer=deliverer,
                server=server,
                mischief=mischief,
                sockets=sockets,
                events=events,
                commands=commands,
                shortcuts=shortcuts,
            )
            app = server.app(extra_routes)
            app[WORKSPACE] = workspace
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
            try:
                await runner.setup()
                await Site(runner, "127.0.0.1", port).start()
                state.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield workspace
            except BaseException as error:  # noqa: BLE001 - raised again outside the group, which would wrap it
                failure = error
            finally:
                sockets.drop()
                deliverer.stop()
                await runner.cleanup()
        if failure is not None:
            raise failure

    # -- what the app needs -----------------------------------------------------------------------------

    @property
    def api_url(self) -> str:
        """SLACK_API_URL for the app."""
        return f"{self.state.base}/api/"

    @property
    def bot_token(self) -> str:
        """SLACK_BOT_TOKEN for the app."""
        return self.state.credentials.bot_token

    @property
    def app_token(self) -> str:
        """SLACK_APP_TOKEN for the app, where it uses Socket Mode."""
        return self.state.credentials.app_token

    @property
    def signing_secret(self) -> str:
        """SLACK_SIGNING_SECRET for the app."""
        return self.state.credentials.signing_secret

    @property
    def bot_user(self) -> str:
        """The app's user id."""
        return self.state.bot.id

    @property
    def subscriptions(self) -> set[str]:
        """The events that the app hears of; change it at will."""
        return self._events.subscriptions

    @property
    def request_url(self) -> str | None:
        """Where deliveries go; the app's address is often known only after the workspace's."""
        return self._deliverer.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self._deliverer.request_url = url

    @property
    def page_cookie(self) -> tuple[str, str]:
        """Name and value of the cookie with which a page of the stand-in's may load what was uploaded."""
        return self.state.page_cookie

    # -- misbehaviour beside ``mischief`` --------------------------------------------------------------------

    @property
    def down(self) -> bool:
        """Whether everything the app asks is cut off."""
        return self.mischief.down

    @down.setter
    def down(self, down: bool) -> None:
        self.mischief.down = down
        if down:
            self._sockets.drop()

    @property
    def sockets(self) -> int:
        """How many sockets of the app are open."""
        return self._sockets.count

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        """Ask the app to connect its sockets again, as Slack does every few hours."""
        await self._sockets.disconnect(reason)

    def drop_sockets(self) -> None:
        """Cut the app's sockets without a word."""
        self._sockets.drop()

    # -- what happened ----------------------------------------------------------------------------------

    @property
    def calls(self) -> list[Called]:
        """Every call of the Web API so far; clear it at will."""
        return self._server.calls

    @property
    def deliveries(self) -> list[Sent]:
        """Every attempt to deliver that has ended, and the lost ones."""
        return self._deliverer.log

    async def redeliver(self, sent: Sent) -> Ack:
        """Deliver the same thing once more, at any later time: Slack does not promise to deliver once."""
        return await self._deliverer.deliver(sent.parcel)

    async def until(
        self, look: Callable[[], Seen], *, timeout_s: float = 10.0, what: str = "something to happen"
    ) -> Seen:
        """Wait until ``look()`` is true (asked again at every change) and return what it gave."""
        return await self.state.until(look, timeout_s=timeout_s, what=what)

    async def settled(self) -> None:
        """Wait until no delivery is on its way to the app."""
        await self._deliverer.settled()


WORKSPACE = web.AppKey("WORKSPACE", SlackWorkspace)
"""Where the handlers of ``extra_routes`` find the workspace."""
