"""The admin routes of the buffer: what is in it, the replay, a person's word about a write, the key."""

from typing import get_args

from pydantic import JsonValue

from bot.errors import Refused
from bot.gateway import bodies
from bot.gateway.asking import Asking
from bot.gateway.buffer.buffer import Buffer, Decision
from bot.gateway.buffer.control import Action, Control
from bot.gateway.buffer.replay import Replay
from bot.gateway.buffer.writes import State, Write
from bot.gateway.feed import report
from bot.gateway.keyring import PUT, CurrentKey
from bot.gateway.routes import Asked, Route, Routes
from bot.journal.sqlite import Database
from bot.ports import Clock

_LIMIT, _MOST = 100, 500
_STATES: tuple[State, ...] = get_args(State)


class BufferRoutes:
    """Answers for what waits."""

    def __init__(
        self,
        *,
        database: Database,
        buffer: Buffer,
        control: Control,
        replay: Replay,
        asking: Asking,
        key: CurrentKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._buffer = buffer
        self._control = control
        self._replay = replay
        self._asking = asking
        self._key = key
        self._clock = clock

    def routes(self) -> Routes:
        """Every route of this module."""
        return {
            ("GET", "buffer"): Route(self._get, rest="may"),
            ("POST", "buffer"): Route(self._decide, rest="must"),
            ("GET", "replay"): Route(self._look),
            ("POST", "replay"): Route(self._act),
            ("GET", "key"): Route(self._look_at_key),
            ("PUT", "key"): Route(self._put_key),
            ("DELETE", "key"): Route(self._drop_key),
        }

    async def _get(self, asked: Asked) -> JsonValue:
        return await (self._one(asked.rest) if asked.rest else self._list(asked))

    async def _list(self, asked: Asked) -> JsonValue:
        wanted = asked.last("state")
        states = tuple(state for state in _STATES if wanted in (None, state))
        if not states:
            raise Refused(f"state is {wanted!a:.40}; send one of {', '.join(_STATES)}, or leave it out")
        limit = int(bodies.number_in(asked.last("limit"), name="limit", least=1, most=_MOST, default=_LIMIT))
        after = int(bodies.number_in(asked.last("cursor"), name="cursor", least=0, most=2**53, default=0))
        found = await self._buffer.rows.page(states=states, after=after, limit=limit + 1)
        shown = found[:limit]
        return {
            "counts": self._buffer.tally.json(),
            "items": [write.json() for write in shown],
            "next": str(shown[-1].seq) if len(found) > limit else None,
        }

    async def _one(self, name: str) -> JsonValue:
        write = await self._buffer.rows.one(name)
        if write is None:
            raise Refused(f"there is no write {name[:60]!a}; `mx buffer list` shows those that are kept")
        body = None if write.body is None else write.body.decode("utf-8", "replace")
        headers: list[JsonValue] = [[name, value] for name, value in write.headers]
        return {**write.json(), "headers": headers, "body": body}

    async def _decide(self, asked: Asked) -> JsonValue:
        wish = bodies.order(asked.body, actions=get_args(Decision))
        if wish.action == "drop" and not wish.reason:
            raise Refused("dropping a write loses it; send a reason")
        decision: Decision = wish.action  # type: ignore[assignment] # it is one of them: checked above
        was, others = await self._buffer.rows.one(asked.rest), self._buffer.tally.moving
        write = await self._buffer.decide(asked.rest, decision, actor=wish.owner, reason=wish.reason)
        again = decision == "resend"
        goes_on = again or (was is not None and was.parked)
        said = await self._go_on(write, wish.owner, again=again, others=others) if goes_on else ""
        return {**write.json(), "says": said or write.says}

    async def _go_on(self, write: Write, actor: str, *, again: bool, others: bool) -> str:
        """Send what nothing holds up any more, where that is all there is to send: a whole replay is another decision."""
        if not self._buffer.tally.moving:
            return ""
        what = f"{write.id} is" if again else "what waited behind it is"
        if self._control.working:
            return f"{what} sent by the replay that runs"
        over = self._control.state in ("idle", "done") and not others
        if over and not self._control.buffering and self._asking.has_key:
            await self._control.act("start", actor=actor, reason=f"{what} sent now", has_key=True)
            return f"{what} being sent now"
        waits = f"{write.id} waits" if again else "what waited behind it waits on"
        return f"{waits}; it goes out when the replay is started or resumed (`mx replay`)"

    async def _look(self, _asked: Asked) -> JsonValue:
        return self._control.json(rate_per_s=self._replay.rate_per_s)

    async def _act(self, asked: Asked) -> JsonValue:
        wish = bodies.order(asked.body, actions=get_args(Action), flags=("dry_run",))
        if wish.flag:
            return self._control.dry_run(rate_per_s=self._replay.rate_per_s)
        action: Action = wish.action  # type: ignore[assignment] # it is one of them: checked above
        await self._control.act(action, actor=wish.owner, reason=wish.reason, has_key=self._asking.has_key)
        return self._control.json(rate_per_s=self._replay.rate_per_s)

    async def _look_at_key(self, _asked: Asked) -> JsonValue:
        return {"source": self._key.source, "configured": self._key.current() is not None}

    async def _put_key(self, asked: Asked) -> JsonValue:
        key, by = bodies.key_wish(asked.body)
        self._key.may_put()
        says = "the gateway uses another key from here; a restart brings the configured one back"
        async with self._database.write() as tx:
            because = f"{says}: {by.reason}" if by.reason else says
            await report(tx, self._clock.now(), actor=by.owner, what="key_changed", says=because)
        self._key.put(key)
        return {"source": self._key.source, "says": says}

    async def _drop_key(self, asked: Asked) -> JsonValue:
        by = bodies.ending(asked.body)
        if self._key.source != PUT:
            return {"source": self._key.source, "says": "the gateway uses the configured key already"}
        says = "the gateway uses the configured key again"
        async with self._database.write() as tx:
            because = f"{says}: {by.reason}" if by.reason else says
            await report(tx, self._clock.now(), actor=by.owner, what="key_changed", says=because)
        self._key.drop()
        return {"source": self._key.source, "says": says}
