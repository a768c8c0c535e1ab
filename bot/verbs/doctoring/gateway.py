"""The gateway: whether it answers and takes the token, what it is, whom it serves, and what waits there."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from bot import __version__
from bot.config import Settings
from bot.domain.gateway import GatewayStatus
from bot.domain.telling import waits, writes
from bot.errors import MxError
from bot.gateway_client import GatewayClient
from bot.ports import Clock
from bot.verbs.doctoring.check import Check, note
from bot.verbs.doctoring.store import disk


async def checks(settings: Settings, _clock: Clock) -> list[Check]:
    """The gateway, its disk, its buffer, and whether the integration goes through it."""
    async with GatewayClient.open(settings.gateway_url, token=settings.gateway.token) as client:
        try:
            status = GatewayStatus.from_json(await client.status())
        except MxError as error:
            move = "until then no playbook can change the traffic; mx triage works"
            return [Check("gateway", str(error), move)]
    return [
        _gateway(settings, status),
        *_serves(settings, status),
        disk("gateway's disk", status.disk),
        *_buffer(status),
        _routing(settings, status),
    ]


def _gateway(settings: Settings, status: GatewayStatus) -> Check:
    version = f", mx {status.version}" if status.version else ""
    said = f"answers at {settings.gateway_url}{version}, mode {status.mode}, its file is {status.instance or 'unnamed'}"
    if status.version not in ("", __version__):
        return note("gateway", said, f"this is mx {__version__}: start the older one of the two anew with it")
    return Check("gateway", said)


def _serves(settings: Settings, status: GatewayStatus) -> Iterator[Check]:
    """Whether it sends requests where the integration that it serves is thought to go."""
    name = settings.served
    wanted = urlsplit(settings.integrations[name].base_url).netloc
    others = len(settings.integrations) - 1
    beside = f"; the other {others} go past it, and their playbooks change no traffic" if others else ""
    if status.host and status.host != wanted:
        move = f"start the gateway with the base_url of {name}, or correct MX_GATEWAY_URL"
        yield Check(
            "gateway serves", f"{status.host}, while {name} is at {wanted}: it is another gateway", move
        )
    else:
        yield Check("gateway serves", f"{name}, at {status.host or wanted}{beside}")


def _routing(settings: Settings, status: GatewayStatus) -> Check:
    if status.traffic.total:
        return Check("routing", f"{status.traffic.total} requests passed it in the last hour")
    return Check(
        "routing",
        "no request passed the gateway in the last hour: its mitigations would change nothing",
        f"set the integration's MaintainX base URL to {settings.gateway_url}/v1",
    )


def _buffer(status: GatewayStatus) -> Iterator[Check]:
    """What waits at the gateway for somebody."""
    waiting, replay = status.buffer, status.replay
    if waiting.full is not None:
        yield Check(
            "buffer's limit",
            f"its limit of {'bytes' if waiting.full == 'size' else 'age'} is reached: new writes are refused with 503",
            "make room: deliver what waits with mx replay, or raise the limit",
        )
    if not waiting.undelivered:
        yield Check("buffer", f"empty{', encrypted' if waiting.encrypted else ''}")
    elif replay.state == "running":
        yield Check("buffer", f"{waits(waiting.undelivered)}; a replay is running: {replay.line}")
    elif status.mode == "buffering":
        yield Check("buffer", f"{waits(waiting.undelivered)}; buffering is on, and the replay comes after it")
    else:
        held = "the replay is held" if replay.state == "paused" else "no replay is started"
        verb = "mx replay --resume" if replay.state == "paused" else "mx replay"
        yield Check("buffer", f"{waits(waiting.undelivered)}, and {held}", f"deliver them: {verb}")
    if waiting.parked:
        yield Check(
            "parked writes",
            f"{waits(waiting.parked, 'of unknown fate')} for your word",
            "look at each: mx buffer list --state unknown",
        )
    if waiting.rejected:
        yield Check(
            "rejected writes",
            f"MaintainX refused {writes(waiting.rejected)}, kept with what it answered",
            "send them again or drop them: mx buffer list --state rejected",
        )
