"""The operator's log goes to standard error, as JSON where nobody watches, and holds nobody's words, variables or secrets."""

import asyncio
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from bot.clock import SystemClock
from bot.scrub import Scrubber
from bot.timeline import Timeline
from tests.verbs.terminal import SURROUNDINGS, mx

CODE = """
import logging, structlog
from bot.scrub import Scrubber
from bot import operators_log
scrub = Scrubber(["a-configured-key"])
log = structlog.get_logger("mx.test")  # before the start, as modules do
operators_log.start(form={form!r}, scrub=scrub)
operators_log.start(form={form!r}, scrub=scrub)  # a second start repeats no line
log.info("loop fell", loop="card", incident="mx-1")
log.debug("not told")
scrub.learn("a-rotated-key")
log.warning("page not sent", because="it said a-configured-key", tried=["Bearer abcdefgh12345", "a-rotated-key"])
def fail(secret): raise ValueError("the words a-customer-said")
try: fail("a-variable-value")
except ValueError:
    log.error("stumbled", exc_info=True)
    logging.getLogger("aiohttp.server").exception("handling a-configured-key")
logging.getLogger("mx.gateway").info("of the gateway")
logging.getLogger("httpx").info("a library's chatter")
"""


def logged(form: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(form=form)], capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_each_event_of_mx_and_of_libraries_is_one_json_object_on_standard_error() -> None:
    out, err = logged("auto")
    assert out == ""
    fell, page, stumbled, library, gateway = map(json.loads, err.splitlines())
    assert (fell["event"], fell["loop"], fell["incident"]) == ("loop fell", "card", "mx-1")
    assert (fell["level"], fell["logger"]) == ("info", "mx.test")
    assert datetime.fromisoformat(fell["timestamp"]).tzinfo is not None
    assert page["level"] == "warning"
    assert (gateway["event"], gateway["logger"]) == ("of the gateway", "mx.gateway")
    assert (library["logger"], library["level"]) == ("aiohttp.server", "error")
    for told in (stumbled, library):
        assert told["fault"].startswith("ValueError at ")
        assert "in fail" in told["fault"]


def test_no_secret_no_traceback_and_nobodys_words_get_in_in_either_form() -> None:
    err = ""
    for form in ("json", "console"):
        _, err = logged(form)
        assert "loop fell" in err
        for word in (
            *("a-configured-key", "a-rotated-key", "abcdefgh12345", "a-customer-said", "a-variable-value"),
            *("Traceback", "exc_info", "raise ValueError"),
        ):
            assert word not in err, (form, word)
    assert "\x1b" not in err, "colours are for a terminal"


async def test_what_a_verb_logs_stands_beside_its_answer_and_not_in_it(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "bad.toml").write_text('name = "bad"\n', "utf-8")
    async with Timeline.open(tmp_path / "mx.db", clock=SystemClock(), scrub=Scrubber()):
        pass
    done = await mx("status", "--json", env={"MX_GATEWAY_URL": "http://127.0.0.1:9"}, folder=tmp_path)
    assert json.loads(done.out) == {"incidents": [], "gateway": []}
    assert {json.loads(line)["event"] for line in done.err.splitlines()} == {"playbook left out"}


async def test_the_bots_log_keeps_the_form_that_is_set(tmp_path: Path) -> None:
    (tmp_path / "mx.toml").write_text('[bot]\nlog_format = "console"\n', "utf-8")
    env = {
        "SLACK_BOT_TOKEN": "xoxb-0123456789",
        "SLACK_SIGNING_SECRET": "0123456789abcdef",
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
        "MX_GATEWAY_URL": "http://127.0.0.1:9",
        "MX_INTERVAL_S": "86400",
        "MAINTAINX_BASE_URL": "http://127.0.0.1:9/v1",
        "MX_STATUS_URL": "http://127.0.0.1:9/",
        "PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "serve",
        cwd=tmp_path,
        env={**SURROUNDINGS, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(60):
        said = b""
        while b"not ready" not in said:
            said += await process.stderr.readline()
        process.terminate()
        _, rest = await process.communicate()
    text = (said + rest).decode()
    assert "[info     ] this process leads" in text
    assert '{"' not in text
    assert "xoxb-0123456789" not in text
