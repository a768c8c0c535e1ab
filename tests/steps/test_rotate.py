"""The rotation of the key, step by step, against MaintainX, Google, a service and a gateway on real sockets."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.demo.door import Door
from bot.demo.google import FakeGoogle
from bot.demo.integration import FakeIntegration
from bot.demo.jobs import Job
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.domain.integration import Integration, KeyStoreSpec, ServiceSpec
from bot.errors import OutsideError
from bot.gateway_client import GatewayClient
from bot.keys import FileKey, FixedKey, KeyInUse
from bot.playbook import by_kind, shipped
from bot.steps import step_kinds
from bot.steps.rotate import KeyTake
from bot.steps.rotation import Rotation
from bot.steps.surroundings import Surroundings
from tests.gateway.wires import gateway
from tests.steps.rotating import BriskClock, Walk
from tests.wound_clock import WoundClock

OLD, NEW = "old-key-0123456789", "new-key-9876543210"
JOB = Job("sync", 20.0, (("GET", "/workorders?limit=1"),))
STEPS = ("key-test", "key-store", "key-take", "key-check", "key-here", "key-retire")


@dataclass
class Room:
    """The outside, and the run that changes it."""

    mx: FakeMaintainX
    google: FakeGoogle
    service: FakeIntegration
    own: KeyInUse
    client: GatewayClient
    folder: Path
    integration: Integration

    def walk(
        self,
        secret: str | None = NEW,
        *,
        playbook: str = "api-key-rejected",
        integration: Integration | None = None,
        own: KeyInUse | None = None,
        clock: WoundClock | None = None,
    ) -> Walk:
        around = Surroundings({"default": integration or self.integration}, {"default": own or self.own})
        kinds = by_kind(step_kinds(self.client, clock or BriskClock(), around))
        return Walk(shipped(kinds)[playbook], kinds, secret=None if secret is None else SecretStr(secret))

    async def run(self, walk: Walk, *kinds: str) -> list[str]:
        """Plan, and do these steps; how each ended."""
        await walk.plan()
        return [(await walk.act(kind)).outcome for kind in kinds]


def google_store(google: FakeGoogle) -> KeyStoreSpec:
    return KeyStoreSpec(
        kind="gcp",
        project=google.project,
        region=google.region,
        service="maintainx-integration",
        secret=google.secret,
        secrets_url=google.url,
        run_url=google.url,
    )


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    """The old key has been revoked, a new one is known; the service runs with the old one."""
    async with AsyncExitStack() as stack:
        mx = await stack.enter_async_context(
            FakeMaintainX.start(key=OLD, user_limit=100_000, organisation_limit=100_000)
        )
        mx.add_key(NEW)
        mx.revoke_key(OLD)
        google = await stack.enter_async_context(FakeGoogle.start(key=OLD))
        service = await stack.enter_async_context(
            FakeIntegration.start(base_url=mx.base_url, key=OLD, jobs=(JOB,), retries=0, memory_s=2.0)
        )
        google.service.on_serving = service.take_key
        running = await stack.enter_async_context(
            gateway(mx.origin, tmp_path, key=FixedKey("MAINTAINX_API_KEY", OLD))
        )
        client = await stack.enter_async_context(
            GatewayClient.open(f"http://127.0.0.1:{running.port}", token=None, deadline_s=10)
        )
        integration = Integration(
            base_url=mx.base_url,
            status_url=mx.origin,
            health_url=service.health_url,
            key_store=google_store(google),
        )
        own = KeyInUse(FixedKey("MAINTAINX_API_KEY", OLD))
        yield Room(mx, google, service, own, client, tmp_path, integration)


async def test_a_rotation_from_the_first_test_to_the_old_version(
    room: Room, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The key is in nothing that the run says, logs or prints, and undo takes all of it back, the latest first."""
    caplog.set_level(logging.DEBUG)
    walk = room.walk(f"{NEW}\n")
    await asyncio.sleep(0.3)
    assert room.service.health()[0] == 503
    planned = await walk.plan()
    assert [step.undo_says is not None for step in planned] == [True] * 6
    assert planned[2].touches == "in use now: version 1"
    says = {kind: (await walk.act(kind)) for kind in STEPS[:5]}
    assert {kind: result.outcome for kind, result in says.items()} == dict.fromkeys(STEPS[:5], "done")
    assert says["key-store"].evidence == ("version 2",)
    assert (room.google.service.refers_to, room.google.service.served_key) == ("2", NEW)
    assert room.service.health()[0] == 200
    assert says["key-check"].says == "the service says that it reaches MaintainX (maintainxApi: ok)"
    assert room.own.current() == NEW
    assert "a restart brings the old one back" in says["key-here"].says
    assert await room.client.key() == {"source": "PUT /-/key", "configured": True}
    assert room.google.secrets[room.google.secret][0].state == "ENABLED", "only a person's word disables it"

    retired = await walk.act("key-retire")
    assert retired.says.startswith(
        "version 1 of the secret maintainx-api-key is disabled; it can be enabled again. "
    )
    assert "until it is revoked there: Settings > Integrations > API Keys" in retired.says
    assert room.google.secrets[room.google.secret][0].state == "DISABLED"

    undone = [await walk.undo(kind) for kind in reversed(STEPS)]
    assert [result and result.outcome for result in undone] == ["done", "done", None, "done", None, None]
    assert (room.google.service.refers_to, room.google.service.served_key) == ("1", OLD)
    assert room.google.secrets[room.google.secret][0].state == "ENABLED"
    assert room.own.current() == OLD
    assert await room.client.key() == {"source": "MAINTAINX_API_KEY", "configured": True}

    told = [
        walk.told,
        *(str(vars(record)) for record in caplog.records),
        *capfd.readouterr(),
        *room.google.seen,
    ]
    assert not [line for line in told if NEW in line or OLD in line]


@pytest.mark.parametrize(
    ("secret", "breaks", "says"),
    [
        ("wrong-key-000000", None, "MaintainX does not accept this key (Invalid token); create one in MaintainX"),
        (OLD, None, "MaintainX does not accept this key (Invalid token); it is the key that mx has in use already; create"),
        (f'"{NEW}"', None, "the new key has quotes around it; hand it over again without that, nothing was asked with it"),
        (f"Bearer {NEW}", None, "the new key has a Bearer prefix; hand it over again"),
        ("   ", None, "what was handed over is empty; create one in MaintainX"),
        (NEW, Fault("limited"), "answered 429 (Too many requests"),
        (NEW, Fault("error", status=503), "MaintainX itself has trouble, so the key could not be tested"),
        (NEW, Fault("drop"), "could not be asked (RemoteProtocolError), so the key could not be tested"),
    ],
)  # fmt: skip
async def test_a_key_is_tested_before_anything_takes_it(
    room: Room, secret: str, breaks: Fault | None, says: str
) -> None:
    if breaks is not None:
        room.mx.break_(breaks)
    walk = room.walk(secret)
    await walk.plan()
    result = await walk.act("key-test")
    assert result.outcome == "failed"
    assert says in result.says
    assert NEW not in result.says
    assert room.google.acts["addVersion"] == 0


async def test_a_way_that_takes_the_key_away_meets_the_page_that_says_so(room: Room) -> None:
    """MaintainX answers a request without any key with another 401 than one with a wrong key."""

    async def strip(request: web.BaseRequest) -> web.StreamResponse:
        async with aiohttp.ClientSession() as http, http.get(room.mx.origin + request.path_qs) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), content_type=answer.content_type
            )

    async with Door.open(strip) as door:
        walk = room.walk(integration=room.integration.model_copy(update={"base_url": f"{door.url}/v1"}))
        await walk.plan()
        result = await walk.act("key-test")
    assert result.outcome == "failed"
    assert "answered 401 as it does to a request without any key" in result.says


async def test_a_key_of_several_organisations_wants_one_named(room: Room) -> None:
    room.mx.add_key("several-key-777", organisations=(4711, 4712))
    walk = room.walk("several-key-777")
    await walk.plan()
    result = await walk.act("key-test")
    assert result.outcome == "failed"
    assert (
        "wants to know the organisation (Missing x-organization-id header.); set MAINTAINX_ORG_ID"
        in result.says
    )


async def test_no_key_is_told(room: Room) -> None:
    walk = room.walk(None)
    await walk.plan()
    with pytest.raises(OutsideError, match="start the playbook again and hand it over"):
        await walk.act("key-test")


async def test_a_lost_answer_adds_no_second_version(room: Room) -> None:
    room.google.drop_answer_of = ":addVersion"
    walk = room.walk()
    await walk.plan()
    result = await walk.act("key-store")
    assert (result.outcome, result.evidence) == ("done", ("version 2",))
    assert len(room.google.secrets[room.google.secret]) == 2
    again = await walk.act("key-store")
    assert again.says.endswith("version 2 is the new key already")
    assert len(room.google.secrets[room.google.secret]) == 2


async def test_a_crash_in_each_step_is_settled_by_looking(room: Room) -> None:
    walk = room.walk()
    await walk.plan()
    await walk.before("key-store")
    lost = await walk.settle("key-store")
    assert lost is not None
    assert (lost.outcome, lost.says.rpartition("had ")[2]) == ("failed", "the new key; try again")
    room.google.put(NEW)
    settled = await walk.settle("key-store")
    assert settled is not None
    assert (settled.outcome, settled.evidence) == ("done", ("version 2",))

    await walk.before("key-take")
    not_taken = await walk.settle("key-take")
    assert not_taken is not None
    assert not_taken.outcome == "failed"
    await walk.act("key-take")
    taken = await walk.settle("key-take")
    assert taken is not None
    assert (taken.outcome, taken.says) == ("done", "the service takes version 2")

    await walk.before("key-here")
    not_here = await walk.settle("key-here")
    assert not_here is not None
    assert not_here.says == "mx stopped before it had the new key itself; try again"
    await walk.act("key-here")
    here = await walk.settle("key-here")
    assert here is not None
    assert here.says == "mx and the gateway use the new key"

    await walk.before("key-retire")
    retired = await walk.settle("key-retire")
    assert retired is not None
    assert retired.outcome == "done"
    for kind in ("key-retire", "key-here", "key-take"):
        undone = await walk.undo(kind, lost=True)
        assert undone is not None
        assert undone.outcome == "done", undone.says


async def test_a_failed_roll_out_can_be_tried_again_and_still_taken_back(room: Room) -> None:
    """The second try finds the new version in the template; what it goes back to is what the first one found."""
    walk = room.walk()
    await room.run(walk, "key-store")
    room.google.service.fails_next = "The container exited with code 1."
    with pytest.raises(OutsideError, match="exited with code 1"):
        await walk.act("key-take")
    assert (await walk.before("key-take"))["number"] == "1"
    assert (await walk.act("key-take")).outcome == "done"
    assert room.google.service.served_key == NEW
    undone = await walk.undo("key-take")
    assert undone is not None
    assert undone.outcome == "done"
    assert room.google.service.served_key == OLD


async def test_the_plan_of_taking_it_back_warns_that_the_key_before_may_be_the_refused_one(
    room: Room,
) -> None:
    walk = room.walk()
    await room.run(walk, "key-store", "key-take", "key-here")
    (warning,) = (await walk.plan_undo("key-here")).warnings
    assert "may be the one that MaintainX refuses" in warning
    assert all(
        "refuses: leave the rotation" not in " ".join(one.warnings) for one in await room.walk().plan()
    )


async def test_undo_leaves_what_somebody_changed_since(room: Room) -> None:
    walk = room.walk()
    await room.run(walk, "key-store", "key-take")
    room.google.put("a-third-key-555555")
    room.google.service.somebody_sets("3")
    with pytest.raises(OutsideError, match="has been changed since"):
        await walk.undo("key-take")
    assert room.google.service.refers_to == "3"
    assert (await walk.plan_undo("key-take")).touches == "in use now: version 3"


async def test_the_old_version_stays_while_the_service_takes_it(room: Room) -> None:
    walk = room.walk()
    await room.run(walk, "key-store", "key-take")
    room.google.service.somebody_sets("1")
    result = await walk.act("key-retire")
    assert result.outcome == "failed"
    assert "the service does not take version 2, so version 1 stays usable" in result.says
    assert room.google.acts["disable"] == 0


async def test_pinned_traffic_is_a_warning_of_the_plan(room: Room) -> None:
    room.google.service.no_traffic()
    planned = await room.walk().plan()
    assert (
        "traffic is pinned to maintainx-integration-00001-abc (100 %) (--no-traffic does that)"
        in planned[2].warnings[0]
    )


async def test_the_key_is_waited_for_in_the_store(room: Room) -> None:
    """Nothing is handed over: the steps read the key where somebody has put it."""
    walk = room.walk(None, playbook="api-key-from-store")
    await walk.plan()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(walk.act("key-wait"))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        room.google.put(NEW)
    assert waiting.result().evidence == ("version 2",)
    for kind in ("key-test", "key-take", "key-check", "key-here", "key-retire"):
        assert (await walk.act(kind)).outcome == "done"
    assert (room.google.service.served_key, room.own.current()) == (NEW, NEW)
    assert room.google.acts["addVersion"] == 0
    assert NEW not in walk.told


async def test_nothing_in_the_store_ends_the_wait(room: Room) -> None:
    walk = room.walk(None, playbook="api-key-from-store", clock=WoundClock())
    await walk.plan()
    room.google.broken = 503
    with pytest.raises(OutsideError):
        await walk.before("key-wait")
    room.google.broken = None
    result = await walk.act("key-wait")
    assert result.outcome == "failed"
    assert "no version newer than 1 came within 900 s" in result.says


@pytest.mark.parametrize(
    ("shape", "outcome", "says"),
    [
        ("checks", "done", "the service says that it reaches MaintainX (maintainxApi: ok)"),
        ("named", "done", "the service says that it reaches MaintainX (maintainx: ok)"),
        ("metrics", "inconclusive", "names no check of MaintainX"),
        ("text", "inconclusive", "but nothing that can be read"),
        ("broken", "failed", "answers 500 and nothing that can be read"),
    ],
)
async def test_each_shape_of_health_is_read(room: Room, shape: str, outcome: str, says: str) -> None:
    room.service.take_key(NEW)
    room.service.shape = shape  # type: ignore[assignment] # one of its words: see above
    walk = room.walk(clock=WoundClock())
    await walk.plan()
    result = await walk.act("key-check")
    assert (result.outcome, says in result.says) == (outcome, True), result.says


@pytest.mark.parametrize("shape", ["checks", "named"])
async def test_a_service_that_is_still_refused_fails_the_check(room: Room, shape: str) -> None:
    room.service.shape = shape  # type: ignore[assignment] # one of its words: see above
    await asyncio.sleep(0.3)
    walk = room.walk(clock=WoundClock())
    await walk.plan()
    result = await walk.act("key-check")
    assert result.outcome == "failed"
    assert "does not say within 180 s that it reaches MaintainX: HTTP 503, maintainx" in result.says


async def test_mx_keeps_the_key_in_its_file_and_the_gateway_reads_the_same(
    room: Room, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(f"{OLD}\n")
    own = KeyInUse(FileKey(path))
    async with (
        gateway(room.mx.origin, _made(tmp_path / "second"), key=FileKey(path)) as running,
        GatewayClient.open(f"http://127.0.0.1:{running.port}", token=None, deadline_s=10) as client,
    ):
        room.client = client
        walk = room.walk(own=own)
        await walk.plan()
        result = await walk.act("key-here")
        assert (result.outcome, result.says) == (
            "done",
            f"mx uses the new key; it is in {path}; the gateway reads the same file",
        )
        assert path.read_text() == f"{NEW}\n"
        undone = await walk.undo("key-here")
        assert undone is not None
        assert undone.outcome == "done"
        assert path.read_text() == f"{OLD}\n"


async def test_a_gateway_that_is_not_there_is_told_and_nothing_is_lost(room: Room, free_port: int) -> None:
    async with GatewayClient.open(f"http://127.0.0.1:{free_port}", token=None, deadline_s=5) as client:
        room.client = client
        walk = room.walk()
        await walk.plan()
        result = await walk.act("key-here")
        assert result.outcome == "inconclusive"
        assert "The gateway does not use it: gateway at" in result.says
        assert NEW not in result.says
        assert room.own.current() == NEW


@pytest.mark.parametrize("restarts", [True, False])
async def test_an_env_file_wants_a_restart(room: Room, *, restarts: bool) -> None:
    file = room.folder / "integration.env"
    file.write_text(f"A=1\nMAINTAINX_API_KEY={OLD}\n")
    integration = room.integration.model_copy(
        update={
            "key_store": KeyStoreSpec(kind="env-file", file=str(file)),
            "service": ServiceSpec(kind="systemd", name="sync"),
        }
    )
    heard: list[str] = []

    async def restart(one: Integration) -> str:
        heard.append(file.read_text())
        if len(heard) == 1:
            raise OutsideError("the unit did not come up")
        return f"{one.name} was restarted"

    walk = room.walk(integration=integration)
    around = Surroundings({"default": integration}, {"default": room.own})
    walk.kinds = {
        **walk.kinds,
        "key-take": KeyTake(Rotation(around, BriskClock(), restart if restarts else None)),
    }
    await room.run(walk, "key-store")
    first = await walk.act("key-take")
    assert file.read_text() == f"A=1\nMAINTAINX_API_KEY={NEW}\n"
    if not restarts:
        assert first.says.endswith("the service reads it when it starts: restart it now")
        return
    assert (first.outcome, first.says.rpartition(", and ")[2]) == (
        "failed",
        "the unit did not come up. Restart it by hand, then try again",
    )
    second = await walk.act("key-take")
    assert (second.outcome, second.says.endswith("is the new key already; default was restarted")) == (
        "done",
        True,
    )
    settled = await walk.settle("key-take")
    assert settled is not None
    assert settled.outcome == "inconclusive", "whether it was restarted cannot be seen"
    retired = await walk.act("key-retire")
    assert "an env file has no versions to disable; the key before this one lies in" in retired.says
    undone = await walk.undo("key-take")
    assert undone is not None
    assert undone.outcome == "done"
    assert heard[-1] == f"A=1\nMAINTAINX_API_KEY={OLD}\n"


async def test_without_a_store_the_plan_says_what_to_set(room: Room) -> None:
    walk = room.walk(integration=room.integration.model_copy(update={"key_store": None}))
    with pytest.raises(OutsideError, match="set gcp_secret, key_env_file or key_command under"):
        await walk.plan()


@pytest.mark.parametrize("kind", STEPS)
def test_values_that_no_step_knows_are_refused(kind: str, made: Callable[[str], tuple[str, ...]]) -> None:
    assert made(kind)


@pytest.fixture
def made() -> Callable[[str], tuple[str, ...]]:
    kinds = by_kind(step_kinds(NOBODY, BriskClock()))
    return lambda kind: kinds[kind].check({"key": "never here"})


NOBODY = GatewayClient.__new__(GatewayClient)
"""A gateway that is never asked."""


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
