"""``mx triage`` as people and machines start it: a process of its own, the environment, an exit code."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.demo.statuspage import FakeStatusPage
from tests.verbs.terminal import mx

KEY = "k-secret-0123456789"


@pytest.fixture
async def maintainx() -> AsyncIterator[FakeMaintainX]:
    async with FakeMaintainX.start(key=KEY, user_limit=10_000, organisation_limit=10_000) as fake:
        yield fake


@pytest.fixture
async def env(maintainx: FakeMaintainX) -> AsyncIterator[dict[str, str]]:
    """The environment of a team whose integration works. No Slack token is in it."""
    async with (
        FakeStatusPage.start() as page,
        FakeIntegration.start(base_url=maintainx.base_url, key=KEY, jobs=()) as service,
    ):
        yield {
            "MAINTAINX_API_KEY": KEY,
            "MAINTAINX_BASE_URL": maintainx.base_url,
            "INTEGRATION_HEALTH_URL": service.health_url,
            "MX_STATUS_URL": page.url,
            "MX_GATEWAY_URL": "http://127.0.0.1:9",
        }


async def test_healthy_is_0_and_a_table(env: dict[str, str], tmp_path: Path) -> None:
    done = await mx("triage", "--samples", "1", env=env, folder=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("default: healthy at ")
    assert "/workorders" in done.out
    assert not (tmp_path / "mx.db").exists()  # no fact is written, so no database is made


async def test_rate_limited_is_12_and_one_line_of_json(
    maintainx: FakeMaintainX, env: dict[str, str], tmp_path: Path
) -> None:
    maintainx.break_(Fault("limited"))
    done = await mx("triage", "--json", env=env, folder=tmp_path)
    assert done.code == 12
    [line] = done.out.splitlines()
    found = json.loads(line)
    assert (found["severity"], found["verdict"], found["playbooks"]) == ("SEV-2", "us", ["rate-limited"])
    assert found["response_due"]
    assert KEY not in done.out + done.err


async def test_no_key_is_a_finding_and_not_a_fault_of_the_settings(
    env: dict[str, str], tmp_path: Path
) -> None:
    del env["MAINTAINX_API_KEY"]
    done = await mx("triage", "--json", "--samples", "1", env=env, folder=tmp_path)
    assert done.code == 11
    assert json.loads(done.out)["findings"][0]["rule"] == "key-missing"


async def test_several_integrations_are_one_line_each_and_the_worst_code(
    maintainx: FakeMaintainX, env: dict[str, str], tmp_path: Path
) -> None:
    rotten = '[integrations.east]\napi_key = "k-nobody-knows"\nbase_url = "{}"\nhealth_url = "{}"\nstatus_url = "{}"\n'
    urls = (maintainx.base_url, env["INTEGRATION_HEALTH_URL"], env["MX_STATUS_URL"])
    (tmp_path / "mx.toml").write_text(rotten.format(*urls))
    both = await mx("triage", "--json", "--samples", "1", env=env, folder=tmp_path)
    lines = {found["integration"]: found for found in map(json.loads, both.out.splitlines())}
    assert (both.code, lines["default"]["severity"], lines["east"]["verdict"]) == (11, None, "key")
    one = await mx("triage", "--json", "--samples", "1", "--integration", "default", env=env, folder=tmp_path)
    assert (one.code, len(one.out.splitlines())) == (0, 1)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--integration", "west"), "there is no 'west'; configured: default"),
        (("--samples", "0"), "1<=x<=10"),
    ],
)
async def test_a_bad_argument_is_2_and_says_what_there_is(
    env: dict[str, str], tmp_path: Path, argv: tuple[str, ...], words: str
) -> None:
    done = await mx("triage", *argv, env=env, folder=tmp_path)
    assert done.code == 2
    assert words in done.err
