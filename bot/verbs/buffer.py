"""``mx buffer``: the writes that wait at the gateway, and what a person decides of one."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import TypeVar

import click
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import config
from bot.domain.backlog import COUNTED, LONGEST_REASON, STATES, BufferedWrite, BufferPage, Counts, Decision
from bot.domain.telling import writes
from bot.gateway_client import GatewayClient
from bot.ports import Gateway
from bot.verbs.actor import actor

PAGE = 100
"""How many writes are asked for at once."""

_Answer = TypeVar("_Answer")


def _why(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Why, in some words, at most as many as the gateway keeps. Raises click's BadParameter."""
    words = value.strip()
    if not 1 <= len(words) <= LONGEST_REASON:
        raise click.BadParameter(f"say why, in 1 to {LONGEST_REASON} characters")
    return words


@click.group("buffer")
def command() -> None:
    """Look at the writes that wait at the gateway, and decide of one.

    Exits with 0 when it was done, 1 otherwise, 2 for wrong usage.
    """


@command.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those of this state; default: all.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many."
)
@click.option("--json", "machine", is_flag=True, help="One JSON object, as GET /-/buffer answers.")
def list_(*, state: str | None, limit: int, machine: bool) -> None:
    """List buffered writes in the order in which they arrived."""
    found, zone = _ask(lambda gateway: _pages(gateway, state=state, limit=limit))
    if machine:
        click.echo(json.dumps(found))
    else:
        _show_list(BufferPage.from_json(found), zone=zone, state=state)


@command.command("show")
@click.argument("buffer_id", metavar="ID")
def show(buffer_id: str) -> None:
    """Show one write whole: headers, body, what is known of it, and what can be decided."""
    found, zone = _ask(lambda gateway: gateway.buffered(buffer_id))
    _show_one(BufferedWrite.from_json(found), zone=zone)


@command.command("drop")
@click.argument("buffer_id", metavar="ID")
@click.option("--reason", callback=_why, required=True, help="Why; it stands on the incident's timeline.")
def drop(buffer_id: str, reason: str) -> None:
    """Give a write up: it will never be sent."""
    _decide(buffer_id, "drop", reason=reason)


@command.command("resend")
@click.argument("buffer_id", metavar="ID")
@click.option("--reason", callback=_why, default="by hand", show_default=True, help="Why.")
def resend(buffer_id: str, reason: str) -> None:
    """Have a parked or rejected write sent again."""
    _decide(buffer_id, "resend", reason=reason)


@command.command("arrived")
@click.argument("buffer_id", metavar="ID")
@click.option("--reason", callback=_why, default="by hand", show_default=True, help="How that is known.")
def arrived(buffer_id: str, reason: str) -> None:
    """Say of a parked write that MaintainX has it; it is not sent again."""
    _decide(buffer_id, "arrived", reason=reason)


def _decide(buffer_id: str, action: Decision, *, reason: str) -> None:
    answer, _ = _ask(lambda gateway: gateway.decide(buffer_id, action, owner=actor(), reason=reason))
    found = BufferedWrite.from_json(answer)
    match action:
        case "drop":
            click.echo(f"{buffer_id} is dropped; the gateway's feed brings it to the incident's timeline.")
        case "resend":
            click.echo(
                f"{buffer_id} is {found.state} again; it is sent in its turn. To see it: mx buffer show {buffer_id}"
            )
        case "arrived":
            click.echo(f"{buffer_id} counts as delivered; it is not sent again.")
    if found.says:
        click.echo(f"  {found.says}")


def _ask(asking: Callable[[Gateway], Awaitable[_Answer]]) -> tuple[_Answer, tzinfo]:
    """The gateway's answer, and the zone to tell times in. Raises ConfigError and OutsideError."""
    settings = config.load()

    async def run() -> _Answer:
        async with GatewayClient.open(settings.gateway_url, token=settings.gateway.token) as gateway:
            return await asking(gateway)

    return asyncio.run(run()), settings.bot.zone


async def _pages(gateway: Gateway, *, state: str | None, limit: int) -> JsonValue:
    """One answer of as many writes as are wanted, page by page."""
    items: list[JsonValue] = []
    cursor: str | None = None
    while True:
        found = await gateway.buffer(state=state, limit=min(PAGE, limit - len(items)), cursor=cursor)
        page = BufferPage.from_json(found)
        assert isinstance(found, dict)
        more = found["items"]
        assert isinstance(more, list)
        items += more
        cursor = page.next
        if cursor is None or len(items) >= limit:
            return {**found, "items": items}


def _show_list(page: BufferPage, *, zone: tzinfo, state: str | None) -> None:
    console = Console(highlight=False)
    if page.items:
        table = Table(box=None, pad_edge=False)
        table.add_column("id", no_wrap=True)
        table.add_column("received", no_wrap=True)
        table.add_column("write", overflow="fold")
        table.add_column("state", overflow="fold")
        for write in page.items:
            at = f"{write.received_at.astimezone(zone):%m-%d %H:%M:%S}"
            state = ": ".join(part for part in (write.fate, _known(write)) if part)
            row = (write.buffer_id, at, f"{write.method} {write.path}", state)
            table.add_row(*(Text(word) for word in row))
        console.print(table)
    else:
        console.print(f"No write{f' is {state}' if state else ' is in the buffer'}.")
    console.print(f"In all: {_counted(page.counts)}.")
    if page.next is not None:
        console.print(f"There are more: --limit {2 * len(page.items)} shows more of them.")
    for line in _next_moves(page):
        console.print(line, soft_wrap=True)


def _counted(counts: Counts) -> str:
    return ", ".join(f"{getattr(counts, state)} {state}" for state in COUNTED)


def _next_moves(page: BufferPage) -> list[str]:
    parked = next((write for write in page.items if write.parked), None)
    moves = []
    if page.counts.waiting:
        moves.append(f"To deliver the {page.counts.waiting} that wait: mx replay")
    if parked is not None:
        moves.append(f"Parked ones wait for your word; look at one first: mx buffer show {parked.buffer_id}")
    elif page.counts.unknown:
        moves.append(f"{writes(page.counts.unknown)} of unknown fate: mx buffer list --state unknown")
    if page.counts.rejected:
        moves.append(
            "Rejected ones are kept with MaintainX's answer: mx buffer show ID, then resend it, or drop it with a reason"
        )
    return moves


def _known(write: BufferedWrite) -> str:
    answered = f"MaintainX answered {write.answer.status}" if write.answer and write.answer.status else ""
    return write.says or answered


def _show_one(write: BufferedWrite, *, zone: tzinfo) -> None:
    console = Console(highlight=False)
    told = {
        "state": write.fate,
        "known": write.says or "nothing beyond its state",
        "of": write.entity or "no entity that is known",
        "lane": write.lane,
        "received": f"{write.received_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}",
        "sent": f"{write.sent_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if write.sent_at else "never",
        "tries": str(write.attempts),
    }
    if write.answer is not None:
        told["answer"] = f"{write.answer.status or 'no status'} {write.answer.body}".strip()
    console.print(Text(f"{write.buffer_id}: {write.method} {write.path}", style="bold"), soft_wrap=True)
    for name, value in told.items():
        console.print(Text(f"  {name + ':':10}{value}"), soft_wrap=True)
    for name, value in write.headers:
        console.print(Text(f"  {name}: {value}"), soft_wrap=True)
    if write.body is not None:
        console.print(Text(f"\n{write.body}\n"), soft_wrap=True)
    for line in _decisions(write):
        console.print(line, soft_wrap=True)


def _decisions(write: BufferedWrite) -> list[str]:
    name, drop_it = write.buffer_id, f"  mx buffer drop {write.buffer_id} --reason WHY"
    if write.parked:
        return [
            "Nobody knows whether it arrived. Look at MaintainX, then say:",
            f"  mx buffer arrived {name}   it is there",
            f"  mx buffer resend {name}    it is not there",
            f"{drop_it}   it is not wanted any more",
        ]
    if write.state == "rejected":
        return [
            "MaintainX refused it. When the cause is settled:",
            f"  mx buffer resend {name}",
            f"{drop_it}   it is not wanted any more",
        ]
    if write.state == "waiting":
        return ["It is sent in its turn by the replay: mx replay"]
    return []
