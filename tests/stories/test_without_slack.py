"""The main job from a terminal alone: no Slack, no bot running; the same engine, the same timeline."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.demo.statuspage import FakeStatusPage
from tests.verbs import terminal

KEY = "k-secret-0123456789"


async def mx(*argv: str, env: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """One verb to its end: exit code, and all that it printed."""
    ended = await terminal.mx(*argv, env={"COLUMNS": "160", **env}, folder=folder)
    return ended.code, ended.out + ended.err


@asynccontextmanager
async def gateway(env: Mapping[str, str], folder: Path) -> AsyncIterator[str]:
    """The real gateway as its own process; its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "gateway"),
        cwd=folder,
        env={"PATH": os.defpath, "MX_GATEWAY_PORT": "0", **env},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            address = (await process.stdout.readline()).decode().strip()
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def test_triage_run_undo_resolve_and_report_from_a_terminal(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start(
            key=KEY, user_limit=10_000, organisation_limit=10_000, rate_headers=False
        ) as maintainx,
        FakeStatusPage.start() as page,
    ):
        env = {
            "MAINTAINX_API_KEY": KEY,
            "MAINTAINX_BASE_URL": maintainx.base_url,
            "MX_STATUS_URL": page.url,
            "NO_PROXY": "127.0.0.1",
        }
        async with (
            gateway(env, tmp_path) as url,
            FakeIntegration.start(base_url=f"{url}/v1", key=KEY, log=tmp_path / "sync.log") as integration,
        ):
            env |= {"MX_GATEWAY_URL": url, "INTEGRATION_HEALTH_URL": integration.health_url}

            code, said = await mx("triage", env=env, folder=tmp_path)
            assert code == 0, said
            assert not (tmp_path / "mx.db").exists(), "nothing is written without --record"

            maintainx.break_(Fault("limited"))
            code, said = await mx("triage", "--record", env=env, folder=tmp_path)
            assert code == 12, said
            assert "mx run rate-limited" in said

            code, said = await mx("run", "rate-limited", env=env, folder=tmp_path)
            assert code == 1
            assert "1 request per second" in said, "the plan is shown"
            assert "Nothing was done" in said
            assert "--yes" in said
            maintainx.heal()
            code, said = await mx("run", "rate-limited", "--yes", env=env, folder=tmp_path)
            assert code == 0, said
            code, said = await mx("run", "rate-limited", "--yes", env=env, folder=tmp_path)
            assert code == 1
            assert "cli:" in said, "who switched it on"

            code, said = await mx("undo", "rate-limited", "--yes", env=env, folder=tmp_path)
            assert code == 0, said
            assert "lease is off" in said

        code, said = await mx("timeline", env=env, folder=tmp_path)
        assert code == 0
        for line in ("Incident opened", "Playbook rate-limited asked for", "Undo of rate-limited", "cli:"):
            assert line in said
        code, said = await mx("timeline", "verify", env=env, folder=tmp_path)
        assert code == 0
        assert re.search(r"\d+ facts, none changed", said)
        assert KEY not in said
        code, said = await mx("doctor", env=env, folder=tmp_path)
        assert code == 1, "the gateway is gone, which needs a hand"
        assert "mx gateway" in said
