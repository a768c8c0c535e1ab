"""Docker's API on a real Unix socket: what a look tells, how a restart goes, and what to do where neither can be."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot.demo.docker import API_VERSION, FakeContainer, FakeDocker
from bot.docker import DockerHost
from bot.domain.service_words import seen
from bot.errors import OutsideError

NOW = datetime(2026, 11, 26, 3, 2, tzinfo=UTC)
NAME = "maintainx-sync"


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "docker.sock"


@pytest.fixture
async def docker(socket: Path) -> AsyncIterator[FakeDocker]:
    engine = FakeDocker(FakeContainer(NAME, memory_limit=256 * 2**20, policy="on-failure"), now=lambda: NOW)
    async with engine.serve(socket):
        yield engine


def host(socket: Path, name: str = NAME, *, deadline_s: float = 5.0) -> DockerHost:
    return DockerHost(name, socket=str(socket), deadline_s=deadline_s)


async def test_a_running_container(docker: FakeDocker, socket: Path) -> None:
    state = await host(socket).look()

    assert (state.running, state.exit_code, state.oom_killed, state.policy) == (
        True,
        None,
        False,
        "on-failure",
    )
    assert (state.memory_used, state.memory_limit) == (120 * 2**20, 256 * 2**20)
    assert (state.since, state.ended) == (NOW, None)
    assert (
        seen(state, now=NOW)
        == "the container maintainx-sync runs since 03:02 UTC, with 120 of 256 MB of memory"
    )


async def test_one_that_was_killed_for_memory(docker: FakeDocker, socket: Path) -> None:
    docker.crash(NAME, oom=True, restarts=4)

    state = await host(socket).look()

    assert (state.running, state.exit_code, state.oom_killed, state.restarts) == (False, 137, True, 4)
    assert seen(state, now=NOW) == (
        "the container maintainx-sync exited with code 137 at 03:02 UTC: killed for memory (OOM) at a limit of 256 MB, "
        "after 4 restarts"
    )
    assert not any("stats" in asked for asked in docker.asked), "what is not running is not measured"


async def test_one_that_crashes_for_ever_is_not_running(docker: FakeDocker, socket: Path) -> None:
    """Docker itself says ``Running: true`` of it."""
    container = docker.containers[NAME]
    container.next_start = "loops"
    await host(socket).restart()

    state = await host(socket).look()

    assert (state.running, state.state) == (False, "restarting")
    assert seen(state, now=NOW).endswith(
        "exited with code 1 at 03:02 UTC, after 3 restarts; its host is about to start it again"
    )


async def test_one_that_was_never_started(tmp_path: Path) -> None:
    async with FakeDocker(FakeContainer("new", status="created")).serve(tmp_path / "s"):
        state = await host(tmp_path / "s", "new").look()
    assert (state.life, state.since, state.ended) == ("", None, None)
    assert seen(state, now=NOW) == "the container new was never started"


async def test_a_restart_begins_another_life(docker: FakeDocker, socket: Path) -> None:
    docker.crash(NAME, exit_code=1)
    before = await host(socket).look()

    said = await host(socket).restart()

    after = await host(socket).look()
    assert said == "Docker has restarted the container maintainx-sync"
    assert after.running
    assert after.life != before.life
    assert docker.containers[NAME].starts == ["restart"]
    assert after.restarts == 0, "Docker counts anew"


async def test_another_name_says_which_there_are(docker: FakeDocker, socket: Path) -> None:
    docker.containers["redis"] = FakeContainer("redis", status="exited")
    with pytest.raises(OutsideError) as caught:
        await host(socket, "maintainx-snyc").look()
    assert str(caught.value) == (
        f"looking at the container maintainx-snyc through {socket}: No such container: maintainx-snyc. "
        "There is: maintainx-sync, redis; set service_container in mx.toml"
    )
    assert caught.value.permanent


async def test_a_name_is_never_a_path(docker: FakeDocker, socket: Path) -> None:
    with pytest.raises(OutsideError):
        await host(socket, "../images/json?x=").look()
    assert docker.asked[0].startswith("GET /containers/")


async def test_what_the_engine_refuses_is_told_in_its_words(docker: FakeDocker, socket: Path) -> None:
    docker.containers[NAME].next_start = "refused"
    with pytest.raises(OutsideError, match="port is already allocated") as caught:
        await host(socket).restart()
    assert not caught.value.permanent
    docker.containers[NAME].status = "dead"
    with pytest.raises(OutsideError, match=r"marked for removal.*docker ps -a"):
        await host(socket).restart()


async def test_an_engine_that_hangs_is_not_waited_for(docker: FakeDocker, socket: Path) -> None:
    docker.hangs = True
    with pytest.raises(OutsideError, match=r"no answer within 0\.2 s; see whether Docker itself is well"):
        await host(socket, deadline_s=0.2).look()


async def test_no_socket_nobody_behind_it_and_no_socket_at_all(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match=r"there is no such socket.*docker_socket in mx\.toml"):
        await host(tmp_path / "none").look()
    async with FakeDocker().serve(tmp_path / "left"):
        os.link(tmp_path / "left", tmp_path / "stale")  # what stays of an engine that died
    with pytest.raises(OutsideError, match="nobody listens there; start Docker"):
        await host(tmp_path / "stale").look()


@contextmanager
def somebody_without_the_group(socket: Path) -> Iterator[None]:
    """The block runs as a user to whom the socket is closed; to root everything is open."""
    socket.chmod(0o600 if os.geteuid() == 0 else 0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_a_socket_of_another_group(open_folder: Path) -> None:
    socket = open_folder / "docker.sock"
    async with FakeDocker(FakeContainer(NAME)).serve(socket):
        with somebody_without_the_group(socket), pytest.raises(OutsideError) as caught:
            await host(socket).look()
        assert "permission denied; add mx's user to the group that owns the socket (mostly docker)" in str(
            caught.value
        )
        assert caught.value.permanent


async def test_what_is_no_docker_says_so(tmp_path: Path) -> None:
    engine = FakeDocker()
    async with engine.serve(tmp_path / "s"):
        with pytest.raises(OutsideError, match="There is no container at all"):
            await host(tmp_path / "s").look()


async def test_only_names_of_variables_are_read(docker: FakeDocker, socket: Path) -> None:
    docker.containers[NAME].environment = ("MAINTAINX_API_KEY=secret-0123456789", "PATH=/bin")
    made = await host(socket).made_with()
    assert made.variables == ("MAINTAINX_API_KEY", "PATH")
    assert made.at is not None
    assert "secret" not in made.model_dump_json()


async def test_the_stand_in_speaks_in_versions(docker: FakeDocker, socket: Path) -> None:
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(socket))) as http:
        ping = await http.get("http://docker/_ping")
        assert (ping.text, ping.headers["Api-Version"]) == ("OK", API_VERSION)
        assert (await http.get(f"http://docker/v{API_VERSION}/containers/{NAME}/json")).json() == (
            await http.get(f"http://docker/containers/{NAME}/json")
        ).json()
        new = await http.get("http://docker/v1.99/containers/json")
        assert (new.status_code, "client version 1.99" in new.json()["message"]) == (400, True)
        assert (await http.post(f"http://docker/containers/{NAME}/start")).status_code == 304
        gone = await http.get("http://docker/containers/x/json")
        assert (gone.status_code, gone.json()) == (404, {"message": "No such container: x"})
